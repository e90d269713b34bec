//! What every resource of the API has in common: versions, pages of lists, and bodies that are refused member by member.

use crate::house::{House, existing};
use crate::web::{Answer, Site};
use axum::body::Body;
use axum::http::{Method, Request, header};
use pagerpal::web::openapi::document;
use pagerpal::web::routes;
use serde_json::{Value, json};

async fn call(site: &Site, method: Method, path: &str, headers: &[(&str, &str)], body: Option<Value>) -> Answer {
    site.clock.advance(1);
    site.api_with(method, &format!("/api/v1{path}"), headers, body).await
}

#[tokio::test]
async fn a_change_names_the_version_it_was_made_of() {
    let site = Site::new();
    let made = call(&site, Method::POST, "/teams", &[], Some(json!({"name": "Network"}))).await;
    assert_eq!((made.status.as_u16(), made.header("etag")), (201, "\"v1\""));
    let path = format!("/teams/{}", made.json()["id"].as_str().expect("an id"));
    let renamed = Some(json!({"name": "Networks"}));

    let before = site.commits();
    let blind = call(&site, Method::PUT, &path, &[], renamed.clone()).await;
    assert_eq!((blind.status.as_u16(), &blind.json()["type"]), (428, &json!("/problems/if_match_missing")));
    assert_eq!(call(&site, Method::DELETE, &path, &[], None).await.status, 428);
    assert_eq!(site.commits(), before, "nothing was written");

    let edited = call(&site, Method::PUT, &path, &[("if-match", "\"v1\"")], renamed.clone()).await;
    assert_eq!((edited.status.as_u16(), edited.header("etag")), (200, "\"v2\""));
    let before = site.commits();
    for stale in ["\"v1\"", "W/\"v2\"", "\"something else\""] {
        let answer = call(&site, Method::PUT, &path, &[("if-match", stale)], renamed.clone()).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["type"]), (412, &json!("/problems/stale")), "{stale}");
        assert!(answer.json()["detail"].as_str().is_some_and(|text| text.contains("\"v2\"")), "{answer:?}");
    }
    assert_eq!(site.commits(), before, "nothing was written");

    let known = call(&site, Method::GET, &path, &[("if-none-match", "\"v2\"")], None).await;
    assert_eq!((known.status.as_u16(), known.header("etag")), (304, "\"v2\""));
    assert_eq!(call(&site, Method::GET, &path, &[("if-none-match", "\"v1\"")], None).await.status, 200);
    assert_eq!(call(&site, Method::DELETE, &path, &[("if-match", "*")], None).await.status, 204);
}

#[tokio::test]
async fn a_list_is_read_page_by_page() {
    let site = Site::new();
    for name in ["b", "d", "a", "c"] {
        call(&site, Method::POST, "/teams", &[], Some(json!({"name": name}))).await;
    }
    let (mut names, mut path) = (vec![], "/teams?limit=2".to_owned());
    loop {
        let page = call(&site, Method::GET, &path, &[], None).await;
        let rows = page.json()["data"].as_array().expect("rows").clone();
        names.extend(rows.iter().map(|row| row["name"].as_str().expect("a name").to_owned()));
        let Some(next) = page.json()["next_cursor"].as_str().map(str::to_owned) else {
            assert_eq!(page.header("link"), "");
            break;
        };
        path = format!("/teams?limit=2&cursor={next}");
        assert_eq!(page.header("link"), format!("</api/v1{path}>; rel=\"next\""));
    }
    assert_eq!(names, ["a", "b", "c", "d", "Payments"]);
    for wrong in ["/teams?limit=0", "/teams?limit=201", "/teams?colour=red", "/teams?cursor=!", "/incidents?cursor=eA"]
    {
        let answer = call(&site, Method::GET, wrong, &[], None).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["type"]), (400, &json!("/problems/bad_request")), "{wrong}");
    }
}

#[tokio::test]
async fn everything_that_is_wrong_with_a_body_is_said_at_once() {
    let site = Site::new();
    let check = async |path: &str, body: Value, expected: &[(&str, &str)]| {
        let before = site.commits();
        let answer = call(&site, Method::POST, path, &[], Some(body.clone())).await;
        assert_eq!(answer.status, 422, "{body}: {answer:?}");
        let problem = answer.json();
        let errors: Vec<(String, String)> = problem["errors"]
            .as_array()
            .expect("errors")
            .iter()
            .map(|error| {
                (error["pointer"].as_str().unwrap_or("?").into(), error["code"].as_str().unwrap_or("?").into())
            })
            .collect();
        let expected: Vec<(String, String)> = expected.iter().map(|(a, b)| ((*a).into(), (*b).into())).collect();
        assert_eq!(errors, expected, "{body}");
        assert_eq!(site.commits(), before, "{body}: something was written");
    };
    check(
        "/users",
        json!({"name": "", "email": "x", "role": "king", "zone": "Mars"}),
        &[("/name", "name_range"), ("/email", "email_form"), ("/role", "role_unknown"), ("/zone", "zone_unknown")],
    )
    .await;
    check("/teams", json!({"name": " ", "members": ["bob"]}), &[("/name", "name_range"), ("/members/0", "unknown")])
        .await;
    check("/teams", json!({"name": 7}), &[("/name", "member_type")]).await;
    check("/teams", json!({"title": "x"}), &[("/title", "member_unknown")]).await;
    check(
        "/escalation-policies",
        json!({"name": "x", "repage_seconds": 61, "levels": [{"number": 1, "delay_seconds": 90}]}),
        &[("/repage_seconds", "whole_minutes"), ("/levels/0/delay_seconds", "whole_minutes")],
    )
    .await;
    check(
        "/schedules",
        json!({"name": "x", "team": "bob", "zone": "Mars"}),
        &[("/team", "unknown"), ("/zone", "zone_unknown")],
    )
    .await;
}

/// Whatever answers a tag says nothing twice to whoever has it, and the document tells so of just these rows.
#[tokio::test]
async fn what_has_a_tag_is_not_sent_to_whoever_has_it() {
    let mut house = House::new(str::to_owned);
    let table = routes::table();
    let document = document(&table);
    let mut tagged = 0;
    for row in table.iter().filter(|row| row.method == Method::GET && row.call.is_some()) {
        house.restart();
        let path = house.fill_as("admin", &existing(row));
        let ask = |method: Method, known: &str| {
            let request = Request::builder().method(method).uri(&path).header(header::IF_NONE_MATCH, known);
            request.header(header::AUTHORIZATION, crate::house::basic("admin")).body(Body::empty()).expect("a request")
        };
        let tag = house.send(ask(Method::GET, "\"other\"")).await.header("etag").to_owned();
        let described = document["paths"][row.path]["get"]["responses"].get("304").is_some();
        assert_eq!(described, !tag.is_empty(), "{path}");
        if tag.is_empty() {
            continue;
        }
        tagged += 1;
        for method in [Method::GET, Method::HEAD] {
            let again = house.send(ask(method.clone(), &format!("\"other\", W/{tag}"))).await;
            let heard = (again.status.as_u16(), again.header("etag"), again.body.as_str());
            assert_eq!(heard, (304, tag.as_str(), ""), "{method} {path}");
        }
    }
    assert!(tagged >= 10, "{tagged} rows have a tag");
}
