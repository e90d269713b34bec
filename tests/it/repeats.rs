//! A call that names itself by an `Idempotency-Key` is made once, however often it is sent and wherever a crash parts it.

use crate::house::{Answer, House, basic, token_of};
use crate::matrix::example;
use axum::body::Body;
use axum::http::{Method, Request, header};
use pagerpal::app::{Lane, repeats};
use pagerpal::domain::id::{Id, UserId};
use pagerpal::domain::repeat::{Attempt, KEPT_REPEATS, Kept, Repeat};
use pagerpal::store::keys::Span;
use pagerpal::store::{Read, Take};
use pagerpal::web::openapi::document;
use pagerpal::web::repeats::Repeats;
use pagerpal::web::routes::{self, Access, RouteSpec};
use serde_json::Value;
use std::sync::Arc;
use tokio::sync::Notify;
use tower::ServiceExt;

const TEAMS: &str = "/api/v1/teams";
const NIGHT: &str = r#"{"name":"Night"}"#;

fn plain(word: &str) -> String {
    word.to_owned()
}

fn request(credential: &str, key: &str, path: &str, body: &str) -> Request<Body> {
    let request = Request::post(path)
        .header(header::AUTHORIZATION, credential)
        .header(header::CONTENT_TYPE, "application/json")
        .header("idempotency-key", key);
    request.body(Body::from(body.to_owned())).expect("a request")
}

async fn send(house: &House, key: &str, path: &str, body: &str) -> Answer {
    house.send(request(&basic("admin"), key, path, body)).await
}

fn is_replay(answer: &Answer) -> bool {
    answer.header("idempotent-replayed") == "true"
}

/// The last part of a problem's type.
fn code(answer: &Answer) -> String {
    let problem: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    problem["type"].as_str().unwrap_or_default().trim_start_matches("/problems/").to_owned()
}

/// Of every row that takes a key: the second call changes nothing and hears what the first one heard, and so it is after a
/// crash at any commit of the first. A handler that wrote past its mark would be made twice in one of these.
#[tokio::test]
async fn every_post_of_the_api_is_made_once_even_across_a_crash() {
    let mut house = House::new(plain);
    let (full, before) = (house.shelf.state(), house.state_hash());
    let (mut replayed, mut crashed, mut secret, mut wrong) = (0, 0, 0, vec![]);
    for row in routes::table().iter().filter(|row| row.method == Method::POST && row.path.starts_with("/api/v1/")) {
        let has_other_signs = row.path.starts_with("/api/v1/webhooks/") || row.path.starts_with("/api/v1/callbacks/");
        assert_eq!(row.repeats.is_none(), has_other_signs, "{}", row.path);
        let Some(repeats) = row.repeats else { continue };
        house.restart();
        house.shelf.put_back(&full);
        let (path, body) = example(&house, row);
        let first = send(&house, "once", &path, &body).await;
        let mut wrong = |what: &str, answer: &Answer| wrong.push(format!("{}: {what}: {answer:?}", row.path));
        if !first.status.is_success() {
            // One row asks a server that is not there, one has nothing to resume; and a refused call leaves nothing.
            let is_refused = ["/api/v1/alert-sources/{id}/confirm-topic", "/api/v1/system/resume"].contains(&row.path);
            if !is_refused || house.state_hash() != before {
                wrong("the first call", &first);
            }
            continue;
        }
        let commits = house.shelf.commits();
        let after = house.state_hash();
        let second = send(&house, "once", &path, &body).await;
        if repeats.shows_secret {
            secret += 1;
            if code(&second) != "answer_not_kept" {
                wrong("the repetition should not show the secret", &second);
            }
        } else {
            replayed += 1;
            let heard = |answer: &Answer| {
                let kept = ["content-type", "etag", "location"].map(|name| answer.header(name).to_owned());
                (answer.status, kept, answer.body.clone())
            };
            if heard(&first) != heard(&second) || !is_replay(&second) || is_replay(&first) {
                wrong("the repetition should hear the same", &second);
            }
        }
        let other = send(&house, "once", &path, r#"{"other":1}"#).await;
        if (other.status.as_u16(), &*code(&other)) != (422, "idempotency_key_reused") {
            wrong("another body", &other);
        }
        if house.state_hash() != after {
            wrong("a repetition changed something", &second);
        }
        for state in &commits[..commits.len() - 1] {
            house.restart();
            house.shelf.put_back(state);
            let left = house.state_hash();
            if left == before {
                // The audit log's word of who came, before the call was begun.
                continue;
            }
            let again = send(&house, "once", &path, &body).await;
            crashed += 1;
            let expected = if repeats.shows_secret { "answer_not_kept" } else { "answer_lost" };
            if (again.status.as_u16(), &*code(&again)) != (409, expected) || house.state_hash() != left {
                wrong("after a crash", &again);
            }
            if !again.body.contains("GET /api/v1/") {
                wrong("where to look", &again);
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(replayed > 40 && crashed > 35 && secret >= 7, "{replayed} answers, {crashed} crashes, {secret} secrets");
}

/// A member that is marked as shown once and an answer that is not kept belong together.
#[test]
fn an_answer_that_shows_a_secret_is_never_kept() {
    let table = routes::table();
    let document = document(&table);
    for row in table.iter().filter(|row| row.call.is_some()) {
        let operation = &document["paths"][row.path][row.method.as_str().to_ascii_lowercase()];
        let answers = operation["responses"].as_object().expect("answers").iter();
        let shown = answers.filter(|(status, _)| status.starts_with('2')).any(|(_, answer)| shows(answer, &document));
        let says = row.call.is_some_and(|call| call.shows_secret);
        assert_eq!(shown, says, "{} {}: a Revealed belongs into a ShownOnce", row.method, row.path);
        assert_eq!(row.repeats.is_some_and(|repeats| repeats.shows_secret), says, "{}", row.path);
    }
}

fn shows(value: &Value, document: &Value) -> bool {
    match value {
        Value::Object(members) => {
            let shape = members.get("$ref").and_then(Value::as_str).and_then(|path| path.rsplit('/').next());
            members.contains_key("x-shown-once")
                || shape.is_some_and(|shape| shows(&document["components"]["schemas"][shape], document))
                || members.values().any(|member| shows(member, document))
        }
        Value::Array(items) => items.iter().any(|item| shows(item, document)),
        _ => false,
    }
}

#[tokio::test]
async fn a_key_is_visible_ascii_and_comes_once() {
    let house = House::new(plain);
    let before = house.state_hash();
    for key in ["", "a b", &"k".repeat(256), "schlüssel"] {
        let answer = send(&house, key, TEAMS, NIGHT).await;
        assert_eq!((answer.status.as_u16(), &*code(&answer)), (400, "bad_request"), "{key}");
        assert!(answer.body.contains("255 visible ASCII"), "{answer:?}");
    }
    let mut two = request(&basic("admin"), "a", TEAMS, NIGHT);
    two.headers_mut().append("idempotency-key", "b".parse().expect("a value"));
    assert_eq!(house.send(two).await.status, 400);
    assert_eq!(house.state_hash(), before);
    assert_eq!(send(&house, &"~".repeat(255), TEAMS, NIGHT).await.status, 201);
}

#[tokio::test]
async fn a_key_counts_for_a_day_and_for_its_credential_alone() {
    let house = House::new(plain);
    assert_eq!(send(&house, "k", TEAMS, NIGHT).await.status, 201);
    assert!(is_replay(&send(&house, "k", TEAMS, NIGHT).await));
    // The same person with a token is another caller, and so is somebody else.
    let bearer = format!("Bearer {}", token_of("admin"));
    let other = house.send(request(&bearer, "k", TEAMS, r#"{"name":"Day"}"#)).await;
    assert_eq!((other.status.as_u16(), is_replay(&other)), (201, false), "{other:?}");
    house.clock.advance(24 * 3600);
    let next_day = send(&house, "k", TEAMS, NIGHT).await;
    assert_eq!((next_day.status.as_u16(), &*code(&next_day)), (422, "name_taken"));
    assert_eq!(send(&house, "k", TEAMS, r#"{"name":"Morning"}"#).await.status, 201);
}

#[tokio::test]
async fn a_refused_call_frees_its_key() {
    let house = House::new(plain);
    let before = house.state_hash();
    assert_eq!(send(&house, "k", TEAMS, r#"{"name":""}"#).await.status, 422);
    assert_eq!(send(&house, "k", "/api/v1/incidents/999999/resolve", "").await.status, 404);
    assert_eq!(house.state_hash(), before);
    assert_eq!(send(&house, "k", TEAMS, NIGHT).await.status, 201);
    // A wrong code is counted, so this one is refused and has written something all the same.
    let verify = house.fill("/api/v1/users/{admin}/contact-methods/{admin_contact}/verify");
    let wrong = send(&house, "c", &verify, r#"{"code":"000000"}"#).await;
    assert_eq!(wrong.status, 422, "{wrong:?}");
    let right = house.fill(r#"{"code":"{admin_code}"}"#);
    assert_eq!(send(&house, "c", &verify, &right).await.status, 200);
}

/// The one row whose handler says that it began and waits until it is let go.
fn slow(began: &Arc<Notify>, gate: &Arc<Notify>) -> Vec<RouteSpec> {
    let (began, gate) = (Arc::clone(began), Arc::clone(gate));
    let wait = move || async move {
        began.notify_one();
        gate.notified().await;
        "done"
    };
    let mut row = RouteSpec::post(TEAMS, Access::Admin, wait);
    row.repeats = Some(Repeats { shows_secret: false, cut: 0 });
    vec![row]
}

#[tokio::test]
async fn a_call_that_still_runs_is_not_made_again_though_its_caller_hung_up() {
    let mut house = House::new(plain);
    let (began, gate) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    house.router = routes::router_of(Arc::clone(&house.web), slow(&began, &gate));
    let first = tokio::spawn(house.router.clone().oneshot(request(&basic("admin"), "k", TEAMS, NIGHT)));
    began.notified().await;
    let running = send(&house, "k", TEAMS, NIGHT).await;
    assert_eq!(running.status, 409);
    assert_eq!((&*code(&running), running.header("retry-after")), ("idempotency_key_running", "1"));
    first.abort();
    assert!(first.await.is_err());
    assert_eq!(code(&send(&house, "k", TEAMS, NIGHT).await), "idempotency_key_running");
    gate.notify_one();
    let heard = loop {
        let answer = send(&house, "k", TEAMS, NIGHT).await;
        if answer.status != 409 {
            break answer;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!((heard.body.as_str(), is_replay(&heard)), ("done", true));
}

#[test]
fn of_one_person_the_newest_keys_are_kept() {
    let house = House::new(plain);
    let begin = |user: u64, from: u64, many: u64| {
        house.write(move |tx| {
            for number in from..from + many {
                let mut key_hash = [0; 32];
                key_hash[..8].copy_from_slice(&number.to_be_bytes());
                key_hash[8] = user as u8;
                let user = UserId::new(user);
                let attempt = Attempt {
                    key_hash,
                    user,
                    request_hash: [0; 32],
                    attempt: [0; 16],
                    shows_secret: false,
                    look_at: String::new(),
                };
                repeats::keep(tx, &attempt, &Kept::TooLong)?;
            }
            Ok(())
        });
    };
    let kept = || {
        let all = house.app().read(|read| Ok(read.scan_table::<Repeat>(&Span::all(), Take::first(99_999))?.items));
        let all = all.expect("read");
        (all.len() as u64, all.iter().map(|repeat| repeat.seq).min().expect("some"))
    };
    begin(1, 0, KEPT_REPEATS);
    begin(2, 0, 1);
    assert_eq!(kept(), (KEPT_REPEATS + 1, 1));
    begin(1, KEPT_REPEATS, 10);
    assert_eq!(kept().0, KEPT_REPEATS + 1);
    house.clock.advance(24 * 3600 + 1);
    pagerpal::app::upkeep::run(house.app()).expect("the nightly chores");
    let left = house.app().write(Lane::People, |tx| Ok(tx.scan_table::<Repeat>(&Span::all(), Take::first(1))?.items));
    assert_eq!(left.expect("read"), []);
}
