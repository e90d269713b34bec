//! Infobip: one account, the way its answers are read, and below it one file per channel.
//!
//! The HTTP status decides; the body only explains, and may be some proxy's HTML. Two shapes of error are known: the
//! newer `{errorCode, description, violations}` and the older `{requestError: {serviceException}}`. A success may carry a
//! rejection: the status of the one message in it has the last word. There is no idempotency header; our message id is
//! the tool, and a repeat is answered with status 23.
//!
//! Sources: Infobip's API reference for SMS v3 and WhatsApp templates, and its list of response statuses and errors.

pub mod inbox;
pub mod sms;
pub mod whatsapp;

use super::{spoken, with_causes};
use crate::domain::delivery::{Answer, Outcome};
use crate::egress::{Client, read_limited};
use crate::secret::Secret;
use reqwest::StatusCode;
use reqwest::header::{AUTHORIZATION, RETRY_AFTER};
use serde_json::Value;
use std::time::Duration;

/// What every channel of one account shares.
#[derive(Clone)]
pub struct Account {
    pub client: Client,
    pub base_url: String,
    pub api_key: Secret,
    /// The whole call; the connection has its own limit in `egress`.
    pub call_limit: Duration,
}

impl Account {
    /// A question that changes nothing here; `None` if there was no answer that can be read. Why not is in the log.
    async fn get(&self, path_and_query: &str) -> Option<Value> {
        let url = format!("{}{path_and_query}", self.base_url.trim_end_matches('/'));
        let request = self.client.get(&url).map_err(|refused| refused.to_string());
        let key = format!("App {}", self.api_key.expose());
        let answer = match request {
            Ok(request) => {
                let sent = request.header(AUTHORIZATION, key).timeout(self.call_limit).send().await;
                sent.map_err(|error| with_causes(&error.without_url()))
            }
            Err(refused) => Err(refused),
        };
        let (status, body) = match answer {
            Ok(response) => (response.status(), read_limited(response).await.unwrap_or_default()),
            Err(error) => {
                let text = spoken(&error, &[self.api_key.expose()]);
                tracing::warn!(text, "Infobip could not be asked");
                return None;
            }
        };
        let parsed = serde_json::from_slice(&body).ok().filter(|_| status.is_success());
        if parsed.is_none() {
            let text = spoken(&explanation(&body), &[self.api_key.expose()]);
            tracing::warn!(status = status.as_u16(), text, "Infobip gave no answer that can be read");
        }
        parsed
    }

    /// One message, posted. `private` are the parts of the body that must not come back in a log.
    async fn post(&self, path: &str, body: &Value, private: &[&str]) -> Answer {
        let (outcome, text) = self.exchange(path, body).await;
        let private = [&[self.api_key.expose().as_str()], private].concat();
        Answer { outcome, text: spoken(&text, &private) }
    }

    async fn exchange(&self, path: &str, body: &Value) -> (Outcome, String) {
        let url = format!("{}{path}", self.base_url.trim_end_matches('/'));
        let request = match self.client.post(&url) {
            Ok(request) => request,
            Err(refused) => {
                return (Outcome::Permanent { account_wide: true }, format!("Infobip's base URL: {refused}"));
            }
        };
        let key = format!("App {}", self.api_key.expose());
        let sent = request.header(AUTHORIZATION, key).json(body).timeout(self.call_limit).send().await;
        let response = match sent {
            Ok(response) => response,
            Err(error) => return (unanswered(&error), with_causes(&error.without_url())),
        };
        let status = response.status();
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after_secs = retry_after.and_then(retry_after_secs);
        // A body that is lost or too long explains nothing, and after a 2xx that is a doubt.
        let body = read_limited(response).await.unwrap_or_default();
        if status.is_success() {
            return accepted(&body);
        }
        (refusal(status, retry_after_secs), format!("HTTP {}: {}", status.as_u16(), explanation(&body)))
    }
}

/// What it means when no answer came. A connection is made anew for every call, so whatever failed before it stood,
/// nothing was sent; later, the request may have been taken.
fn unanswered(error: &reqwest::Error) -> Outcome {
    if error.is_builder() {
        // A key or an address that cannot be put into a request at all.
        Outcome::Permanent { account_wide: true }
    } else if error.is_connect() || error.is_dns() {
        Outcome::Temporary { retry_after_secs: None }
    } else {
        Outcome::Ambiguous
    }
}

fn refusal(status: StatusCode, retry_after_secs: Option<u32>) -> Outcome {
    match status.as_u16() {
        408 | 425 | 429 => Outcome::Temporary { retry_after_secs },
        401..=405 | 407 => Outcome::Permanent { account_wide: true },
        400..=499 => Outcome::Permanent { account_wide: false },
        // Redirects are not followed: the base URL is not Infobip's.
        300..=399 => Outcome::Permanent { account_wide: true },
        _ => Outcome::Ambiguous,
    }
}

/// Seconds only (the other form is a date), at most 60: a page waits no longer for anybody.
fn retry_after_secs(value: &str) -> Option<u32> {
    let seconds: u64 = value.trim().parse().ok()?;
    Some(seconds.min(60) as u32)
}

/// A 2xx: the status of the one message in it, or doubt.
pub fn accepted(body: &[u8]) -> (Outcome, String) {
    let parsed: Value = serde_json::from_slice(body).unwrap_or_default();
    // Free text on WhatsApp is answered without the list.
    let message = if parsed["messages"].is_null() { &parsed } else { &parsed["messages"][0] };
    match status_of(message) {
        Some((id, outcome, words)) => (outcome, format!("status {id}: {words}")),
        None => (Outcome::Ambiguous, format!("accepted, but without a status: {}", explanation(body))),
    }
}

/// The status of one message, in an answer and in a report alike: its id, what it means, and its words. The filter's
/// errors have the last word, whatever the status beside them.
fn status_of(message: &Value) -> Option<(i64, Outcome, String)> {
    let (status, error) = (&message["status"], &message["error"]);
    let id = status["id"].as_i64()?;
    let is_flooding = error["id"].as_i64().is_some_and(|id| FLOODING_ERRORS.contains(&id));
    let outcome = match is_flooding {
        true => Outcome::Muted,
        false => status_outcome(id, status["groupId"].as_i64(), error["permanent"].as_bool()),
    };
    let words = [&status["name"], &status["description"], &status["action"], &error["name"], &error["description"]];
    let words: Vec<&str> = words.into_iter().filter_map(Value::as_str).collect();
    Some((id, outcome, words.join(", ")))
}

/// The number had too many texts, or too many alike, within the hour.
const FLOODING_ERRORS: [i64; 2] = [4103, 4104];

/// What a message's status means: the ids with a meaning of their own first, then the group. An unknown group is
/// "pending". `permanent` is the error's own flag: `false` saves what is otherwise given up.
pub fn status_outcome(id: i64, group: Option<i64>, permanent: Option<bool>) -> Outcome {
    let known = STATUSES.iter().find(|(known, _)| *known == id).map(|(_, meaning)| *meaning);
    let meaning = known.unwrap_or(match group {
        Some(2 | 4) => Meaning::Undelivered,
        Some(5) => Meaning::Rejected,
        _ => Meaning::OnItsWay,
    });
    match meaning {
        Meaning::OnItsWay => Outcome::Accepted,
        Meaning::Undelivered if permanent == Some(false) => Outcome::TemporaryOnce,
        Meaning::NotReached => Outcome::TemporaryOnce,
        Meaning::Undelivered | Meaning::Rejected => Outcome::Permanent { account_wide: false },
        Meaning::AccountRejected => Outcome::Permanent { account_wide: true },
        Meaning::Passing => Outcome::Temporary { retry_after_secs: None },
        Meaning::Flooding => Outcome::Muted,
        Meaning::SeenBefore => Outcome::Duplicate,
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Meaning {
    OnItsWay,
    Undelivered,
    Rejected,
    AccountRejected,
    Passing,
    NotReached,
    Flooding,
    SeenBefore,
}

/// Every status id that Infobip documents and we have met.
const STATUSES: [(i64, Meaning); 32] = [
    (0, Meaning::OnItsWay),         // pending without detail
    (2, Meaning::OnItsWay),         // group 3, "delivered to operator": handed over, not on the handset
    (3, Meaning::OnItsWay),         // waiting for delivery
    (5, Meaning::OnItsWay),         // on the handset
    (7, Meaning::OnItsWay),         // en route
    (26, Meaning::OnItsWay),        // accepted
    (4, Meaning::Undelivered),      // rejected by the operator
    (9, Meaning::Undelivered),      // not delivered
    (31, Meaning::Undelivered),     // not sent
    (15, Meaning::Undelivered),     // expired
    (29, Meaning::Undelivered),     // expired, delivery unknown
    (6, Meaning::Rejected),         // network
    (8, Meaning::Rejected),         // prefix missing
    (10, Meaning::Rejected),        // do not disturb
    (14, Meaning::Rejected),        // destination blocked
    (24, Meaning::Rejected),        // malformed
    (25, Meaning::Rejected),        // not authorised for this destination
    (51, Meaning::Rejected),        // destination missing
    (52, Meaning::Rejected),        // destination is no number
    (11, Meaning::AccountRejected), // sender not allowed
    (12, Meaning::AccountRejected), // no credit
    (13, Meaning::AccountRejected), // sender blocked
    (17, Meaning::AccountRejected), // package expired
    (18, Meaning::AccountRejected), // trial: destination not registered
    (19, Meaning::AccountRejected), // no route
    (87, Meaning::AccountRejected), // blocked by fraud protection
    (21, Meaning::Passing),         // system error
    (96, Meaning::NotReached),      // voice: no answer
    (97, Meaning::NotReached),      // voice: busy
    (98, Meaning::NotReached),      // voice: cancelled
    (20, Meaning::Flooding),
    (23, Meaning::SeenBefore),
];

/// A body in words: either error shape, else whatever text is in it, without HTML's tags.
fn explanation(body: &[u8]) -> String {
    let Ok(parsed) = serde_json::from_slice::<Value>(body) else {
        return without_tags(&String::from_utf8_lossy(body));
    };
    let old = &parsed["requestError"]["serviceException"];
    let mut words: Vec<String> =
        [&parsed["errorCode"], &parsed["description"], &parsed["action"], &old["messageId"], &old["text"]]
            .into_iter()
            .filter_map(|word| word.as_str().map(str::to_owned))
            .collect();
    for violation in parsed["violations"].as_array().into_iter().flatten() {
        let text = |name: &str| violation[name].as_str().unwrap_or_default();
        words.push(format!("{} {}", text("property"), text("violation")));
    }
    if let Some(errors) = old.get("validationErrors").filter(|errors| !errors.is_null()) {
        words.push(errors.to_string());
    }
    if words.is_empty() { parsed.to_string() } else { words.join(", ") }
}

fn without_tags(text: &str) -> String {
    let mut plain = String::new();
    for part in text.split('<') {
        plain.push_str(part.split_once('>').map_or(part, |(_, after)| after));
        plain.push(' ');
    }
    plain
}

/// A number as Infobip wants it: digits only.
fn digits(number: &str) -> String {
    number.chars().filter(char::is_ascii_digit).collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Fake, Reply, sms_message, test_root};
    use super::*;
    use crate::egress::{Egress, Purpose};

    const TEMPORARY: Outcome = Outcome::Temporary { retry_after_secs: None };
    const PERMANENT: Outcome = Outcome::Permanent { account_wide: false };
    const ACCOUNT: Outcome = Outcome::Permanent { account_wide: true };

    pub fn account(base_url: &str) -> Account {
        let client = Egress::new(&[]).expect("no extra root to go wrong").client(Purpose::Operator);
        Account {
            client,
            base_url: base_url.to_owned(),
            api_key: Secret::new("k3y-k3y".to_owned()),
            call_limit: Duration::from_secs(5),
        }
    }

    async fn answer(replies: Vec<Reply>) -> Answer {
        let fake = Fake::http(replies).await;
        let body = serde_json::json!({"to": sms_message().to});
        let answer = account(&fake.base_url()).post("/sms/3/messages", &body, &["t0ken"]).await;
        assert_eq!(fake.heard().len(), 1, "one call, one request");
        assert!(!answer.text.contains("k3y") && !answer.text.contains("t0ken"), "{}", answer.text);
        answer
    }

    #[test]
    fn every_known_status_has_its_outcome() {
        let table = [
            (Outcome::Accepted, vec![0, 2, 3, 5, 7, 26]),
            (PERMANENT, vec![4, 9, 31, 15, 29, 6, 8, 10, 14, 24, 25, 51, 52]),
            (ACCOUNT, vec![11, 12, 13, 17, 18, 19, 87]),
            (TEMPORARY, vec![21]),
            (Outcome::TemporaryOnce, vec![96, 97, 98]),
            (Outcome::Muted, vec![20]),
            (Outcome::Duplicate, vec![23]),
        ];
        let walked: usize = table.iter().map(|(_, ids)| ids.len()).sum();
        assert_eq!(walked, STATUSES.len(), "every row of the table is walked");
        for (outcome, ids) in table {
            for id in ids {
                for group in [None, Some(1), Some(5), Some(77)] {
                    assert_eq!(status_outcome(id, group, None), outcome, "{id} in group {group:?}");
                }
            }
        }
    }

    #[test]
    fn an_unknown_status_goes_by_its_group() {
        for (group, outcome) in [
            (Some(0), Outcome::Accepted),
            (Some(1), Outcome::Accepted),
            (Some(2), PERMANENT),
            (Some(3), Outcome::Accepted),
            (Some(4), PERMANENT),
            (Some(5), PERMANENT),
            (Some(6), Outcome::Accepted),
            (None, Outcome::Accepted),
        ] {
            assert_eq!(status_outcome(9999, group, None), outcome, "{group:?}");
        }
        for id in [4, 9, 15, 29, 31] {
            assert_eq!(
                status_outcome(id, None, Some(false)),
                Outcome::TemporaryOnce,
                "{id}: the error says that it may pass"
            );
            assert_eq!(status_outcome(id, None, Some(true)), PERMANENT, "{id}");
        }
        assert_eq!(status_outcome(12, Some(5), Some(false)), ACCOUNT);
    }

    #[tokio::test]
    async fn the_http_status_decides() {
        let new = r#"{"errorCode":"E400","description":"Bad request.","action":"Check it.","violations":[{"property":"messages[0].to","violation":"is empty"}]}"#;
        let old = r#"{"requestError":{"serviceException":{"messageId":"UNAUTHORIZED","text":"Invalid login","validationErrors":{"a":["b"]}}}}"#;
        let html = "<html><head><title>502 Bad Gateway</title></head><body><h1>Bad Gateway</h1>nginx</body></html>";
        for (status, body, outcome, text) in [
            (400, new, PERMANENT, "HTTP 400: E400, Bad request., Check it., messages[0].to is empty"),
            (401, old, ACCOUNT, r#"HTTP 401: UNAUTHORIZED, Invalid login, {"a":["b"]}"#),
            (403, "", ACCOUNT, "HTTP 403:"),
            (404, html, ACCOUNT, "HTTP 404: 502 Bad Gateway Bad Gateway nginx"),
            (422, "{}", PERMANENT, "HTTP 422: {}"),
            (429, "slow down, k3y-k3y t0ken", TEMPORARY, "HTTP 429: slow down, (removed) (removed)"),
            (500, html, Outcome::Ambiguous, "HTTP 500: 502 Bad Gateway Bad Gateway nginx"),
            (502, html, Outcome::Ambiguous, "HTTP 502: 502 Bad Gateway Bad Gateway nginx"),
            (503, new, Outcome::Ambiguous, "HTTP 503: E400, Bad request., Check it., messages[0].to is empty"),
            (302, "", ACCOUNT, "HTTP 302:"),
        ] {
            let answer = answer(vec![Reply::http(status, "", body)]).await;
            assert_eq!(answer, Answer { outcome, text: text.to_owned() }, "HTTP {status}");
        }
    }

    #[tokio::test]
    async fn retry_after_is_honoured_up_to_a_minute() {
        for (header, secs) in
            [("7", Some(7)), ("3600", Some(60)), ("-1", None), ("Wed, 21 Oct 2026 07:28:00 GMT", None)]
        {
            let answer = answer(vec![Reply::http(429, &format!("Retry-After: {header}\r\n"), "")]).await;
            assert_eq!(answer.outcome, Outcome::Temporary { retry_after_secs: secs }, "{header}");
        }
    }

    #[tokio::test]
    async fn a_success_may_carry_a_rejection_and_nonsense_is_a_doubt() {
        let status = |id: i64, group: i64| {
            format!(
                r#"{{"messages":[{{"status":{{"id":{id},"groupId":{group},"name":"NAME","description":"words"}}}}]}}"#
            )
        };
        let too_long = format!(r#"{{"messages":[{{"status":{{"id":26}}}}],"x":"{}"}}"#, "x".repeat(70_000));
        for (body, outcome) in [
            (status(26, 1), Outcome::Accepted),
            (status(12, 5), ACCOUNT),
            (status(20, 5), Outcome::Muted),
            (status(23, 5), Outcome::Duplicate),
            (status(51, 5), PERMANENT),
            (status(99, 1), Outcome::Accepted),
            ("{".to_owned(), Outcome::Ambiguous),
            (String::new(), Outcome::Ambiguous),
            ("{}".to_owned(), Outcome::Ambiguous),
            (r#"{"messages":[]}"#.to_owned(), Outcome::Ambiguous),
            (r#"{"messages":{"status":"ok"}}"#.to_owned(), Outcome::Ambiguous),
            ("<html>Please sign in to the hotel's network</html>".to_owned(), Outcome::Ambiguous),
            (too_long, Outcome::Ambiguous),
        ] {
            let short: String = body.chars().take(80).collect();
            assert_eq!(answer(vec![Reply::http(200, "", &body)]).await.outcome, outcome, "{short}");
        }
        let answer = answer(vec![Reply::http(200, "", &status(26, 1))]).await;
        assert_eq!(answer.text, "status 26: NAME, words");
    }

    #[tokio::test]
    async fn after_the_request_is_written_silence_is_a_doubt() {
        for reply in
            [Reply::Hang, Reply::HangUp, Reply::Say("HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{".to_owned())]
        {
            let fake = Fake::http(vec![reply]).await;
            let mut account = account(&fake.base_url());
            account.call_limit = Duration::from_millis(200);
            let answer = account.post("/x", &Value::Null, &[]).await;
            assert_eq!(answer.outcome, Outcome::Ambiguous, "{}", answer.text);
        }
    }

    #[tokio::test]
    async fn before_the_request_is_written_nothing_was_sent() {
        let closed = Fake::closed_port().await;
        // A server that speaks no TLS.
        let plain = Fake::http(vec![Reply::http(200, "", "")]).await;
        for (base_url, outcome) in [
            (format!("http://{closed}"), TEMPORARY),
            (plain.base_url().replace("http://", "https://"), TEMPORARY),
            ("http://api.example.net".to_owned(), ACCOUNT),
            ("nonsense".to_owned(), ACCOUNT),
        ] {
            let answer = account(&base_url).post("/x", &Value::Null, &[]).await;
            assert_eq!(answer.outcome, outcome, "{base_url}: {}", answer.text);
        }
        let mut unusable = account(&plain.base_url());
        unusable.api_key = Secret::new("k3y\nwith a line break".to_owned());
        let answer = unusable.post("/x", &Value::Null, &[]).await;
        assert_eq!(answer.outcome, ACCOUNT);
        assert!(!answer.text.contains("k3y"), "{}", answer.text);
    }

    #[tokio::test]
    async fn a_call_goes_to_a_server_whose_certificate_is_trusted_and_no_other() {
        let trusting = Egress::new(&[test_root()]).expect("a sound root").client(Purpose::Operator);
        let wary = Egress::new(&[]).expect("no extra root to go wrong").client(Purpose::Operator);
        let fake = Fake::http(vec![Reply::http(200, "", r#"{"messages":[{"status":{"id":26}}]}"#)]).await;
        let port = fake.behind_tls().await.port();
        for (client, host, outcome) in [
            (&wary, "localhost", TEMPORARY),
            (&trusting, "127.0.0.1", TEMPORARY), // not the name in the certificate
            (&trusting, "localhost", Outcome::Accepted),
        ] {
            let base_url = format!("https://{host}:{port}");
            let account = Account { client: client.clone(), ..account(&base_url) };
            let answer = account.post("/x", &Value::Null, &[]).await;
            assert_eq!(answer.outcome, outcome, "{host}: {}", answer.text);
        }
        assert_eq!(fake.heard().len(), 1);
    }
}
