//! The published description of the API is the one that the binary serves, and holds every row of its table.

use crate::web::Site;
use axum::http::Method;
use pagerpal::web::openapi::document;
use pagerpal::web::routes;
use serde_json::Value;
use std::collections::BTreeSet;

#[test]
fn the_published_document_is_the_one_in_the_binary() {
    let text = serde_json::to_string_pretty(&document(&routes::table())).expect("JSON") + "\n";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/openapi.json");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, &text).expect("schema/ can be written");
    }
    let published = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        published == text,
        "schema/openapi.json is what programs rely on, so that a changed answer is a changed line. \
         Run this test with UPDATE_GOLDEN=1 and look at the difference."
    );
}

#[test]
fn every_row_of_the_api_is_described_once() {
    let table = routes::table();
    let document = document(&table);
    let mut ids = BTreeSet::new();
    for row in table.iter().filter(|row| row.path.starts_with("/api/")) {
        let operation = &document["paths"][row.path][row.method.as_str().to_ascii_lowercase()];
        let id =
            operation["operationId"].as_str().unwrap_or_else(|| panic!("{} {} is not described", row.method, row.path));
        assert!(ids.insert(id.to_owned()), "{id} is there twice");
        let summary = operation["summary"].as_str().unwrap_or_default();
        assert!(summary.ends_with('.') && summary.len() > 5, "{id}: say what it does in one sentence");
    }
    assert!(ids.len() > 50, "{ids:?}");
    for reference in references(&document) {
        let name = reference.strip_prefix("#/components/schemas/").expect("a shape of this document");
        assert!(document["components"]["schemas"].get(name).is_some(), "{name} is nowhere");
    }
}

fn references(value: &Value) -> Vec<String> {
    match value {
        Value::Object(members) => {
            let own = members.get("$ref").and_then(Value::as_str).map(str::to_owned);
            own.into_iter().chain(members.values().flat_map(references)).collect()
        }
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => vec![],
    }
}

#[tokio::test]
async fn anybody_may_read_the_document_and_its_page() {
    let site = Site::new();
    let answer = site.api(Method::GET, "/api/v1/openapi.json", "viewer", None).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["openapi"]), (200, &Value::from("3.1.0")));
    let page = site.api(Method::GET, "/api/docs", "viewer", None).await;
    assert_eq!(page.status, 200);
    assert!(page.header("content-type").starts_with("text/html"), "{page:?}");
}
