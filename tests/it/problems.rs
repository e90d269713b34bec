//! Whatever an answer of the API calls its problem has a page, and every page is of something that is answered.

use crate::house::House;
use axum::body::Body;
use axum::http::Request;
use pagerpal::web::problems::PROBLEMS;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Their sentences are shown by pages or on a terminal, which have no `type`.
const FOR_PEOPLE: [&str; 7] = [
    "src/web/ui/",
    "src/web/oidc.rs",
    "src/oidc/",
    "src/app/sign_on.rs",
    "src/domain/sign_on.rs",
    "src/web/setup_code.rs",
    "src/app/transfer/",
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("src/ can be read") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// Every source file of the product, by its path in the repository, without its tests.
fn product() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = vec![];
    sources(&root.join("src"), &mut paths);
    let read = |path: PathBuf| {
        let name = path.strip_prefix(root).expect("inside").to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).expect("src/ can be read");
        (name, text.split("#[cfg(test)]").next().unwrap_or_default().to_owned())
    };
    paths.into_iter().map(read).collect()
}

/// What stands between the first two quotes of `text`, if it begins with one.
fn literal(text: &str) -> Option<&str> {
    text.trim_start().strip_prefix('"')?.split('"').next()
}

/// The value of a constant that is somewhere in the source.
fn constant<'a>(all: &'a BTreeMap<String, String>, path: &str) -> Option<&'a str> {
    let declared = format!("const {}: &str = ", path.rsplit("::").next()?);
    all.values().find_map(|text| literal(&text[text.find(&declared)? + declared.len()..]))
}

/// Every code that the source can put into an answer of the API, and where it does.
fn produced() -> BTreeMap<String, String> {
    let all = product();
    let mut codes = BTreeMap::new();
    for (path, text) in &all {
        if FOR_PEOPLE.iter().any(|part| path.starts_with(part)) {
            continue;
        }
        for start in ["Refusal::invalid(", "Refusal::conflict(", "(refused(", " code: "] {
            for (at, _) in text.match_indices(start) {
                let rest = &text[at + start.len()..];
                // A field that is declared or copied says nothing new, nor does a helper that is given the code.
                let is_given = start != "Refusal::conflict(" && literal(rest).is_none();
                let is_given = is_given && (start != "Refusal::invalid(" || rest.starts_with("code,"));
                if is_given || path == "src/web/problems/table.rs" {
                    continue;
                }
                let name = rest.trim_start().split([',', ')']).next().unwrap_or_default().trim();
                let code = literal(rest).or_else(|| constant(&all, name));
                let code = code.unwrap_or_else(|| panic!("{path}: {name} is a code that this test cannot follow"));
                codes.insert(code.to_owned(), path.clone());
            }
        }
    }
    // The failures of the web layer itself, and members of bodies.
    let errors = &all["src/web/error.rs"];
    let named = &errors[errors.find("pub fn code(").expect("codes are given there")..];
    let named = &named[..named.find("\n    }\n").expect("it ends")];
    let members = &all["src/web/extract.rs"];
    for text in named.split("=> ").chain(members.split("=> ").filter(|text| text.starts_with("\"member_"))) {
        codes.extend(literal(text).map(|code| (code.to_owned(), "src/web".to_owned())));
    }
    codes
}

#[test]
fn every_code_that_can_be_answered_has_a_page_and_every_page_a_code() {
    let produced = produced();
    assert!(produced.len() > 90, "{produced:?}");
    for known in ["idempotency_key_reused", "stale", "key_replaced", "internal", "member_unknown", "answer_lost"] {
        assert!(produced.contains_key(known), "{known} was not found in the source");
    }
    let pages: BTreeSet<&str> = PROBLEMS.iter().map(|problem| problem.code).collect();
    let without: Vec<_> = produced.iter().filter(|(code, _)| !pages.contains(code.as_str())).collect();
    assert!(without.is_empty(), "add these to src/web/problems/table.rs: {without:?}");
    let gone: Vec<_> = pages.iter().filter(|code| !produced.contains_key(**code)).collect();
    assert!(gone.is_empty(), "nothing is answered with these any more: {gone:?}");
}

async fn looked_up(house: &House, path: &str) -> (u16, String) {
    let answer = house.send(Request::get(path).body(Body::empty()).expect("a request")).await;
    (answer.status.as_u16(), answer.body)
}

#[tokio::test]
async fn a_problem_leads_to_its_page_and_an_unknown_code_to_none() {
    let house = House::new(str::to_owned);
    let (status, list) = looked_up(&house, "/problems").await;
    assert_eq!(status, 200);
    for problem in PROBLEMS {
        let path = format!("/problems/{}", problem.code);
        assert!(list.contains(&format!("href=\"{path}\"")), "{path} is not on the list");
        let (status, page) = looked_up(&house, &path).await;
        assert_eq!(status, 200, "{path}");
        for part in ["What it means for pages", "What to do", problem.code] {
            assert!(page.contains(part), "{path}: {part}");
        }
    }
    for unknown in ["no_such_code", "Stale", "stale%2F", "999"] {
        assert_eq!(looked_up(&house, &format!("/problems/{unknown}")).await.0, 404, "{unknown}");
    }
    assert!(looked_up(&house, "/api/docs").await.1.contains("href=\"/problems\""));
}
