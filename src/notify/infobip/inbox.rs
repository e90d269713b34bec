//! What Infobip tells us: reports of messages and people's replies, called in or asked for.
//!
//! | way in | |
//! |---|---|
//! | its calls to `/api/v1/callbacks/infobip/…` | where our base URL is `https` |
//! | `GET /sms/3/reports`, `GET /sms/1/inbox/reports` | otherwise; each entry is handed out once |
//! | `GET /sms/3/logs?messageId=` | of a message that no report came of; can be asked again |
//!
//! All have the same entries: `{"results": […]}`. What cannot be read in one is left out, so that one odd entry hides no
//! other.

use super::{Account, digits, status_of};
use crate::domain::contact::Channel;
use crate::domain::delivery::Outcome;
use crate::domain::receipt::{Fate, Reported};
use crate::domain::reply::Inbound;
use serde_json::Value;

/// Entries asked for at once; fifty fit into the answer we are ready to read.
pub const AT_ONCE: usize = 50;

#[derive(Clone)]
pub struct Inbox {
    pub account: Account,
    /// Whether reports are asked for; else they are called in.
    pub polled: bool,
    /// Whether text messages can be answered.
    pub two_way: bool,
}

impl Inbox {
    /// What became of text messages, as far as it was not handed out before.
    pub async fn reports(&self) -> Vec<Reported> {
        let body = self.account.get(&format!("/sms/3/reports?limit={AT_ONCE}")).await;
        body.map(|body| reports(&body)).unwrap_or_default()
    }

    /// What is known of these text messages; at most [`AT_ONCE`] of them.
    pub async fn logs(&self, message_ids: &[String]) -> Vec<Reported> {
        // Our ids need no escaping: letters, digits and dashes.
        let ids: Vec<String> = message_ids.iter().take(AT_ONCE).map(|id| format!("messageId={id}")).collect();
        let body = self.account.get(&format!("/sms/3/logs?limit={AT_ONCE}&{}", ids.join("&"))).await;
        body.map(|body| reports(&body)).unwrap_or_default()
    }

    /// Text messages that people sent to us, as far as they were not handed out before.
    pub async fn replies(&self) -> Vec<Inbound> {
        let body = self.account.get(&format!("/sms/1/inbox/reports?limit={AT_ONCE}")).await;
        body.map(|body| replies(&body)).unwrap_or_default()
    }
}

/// One call of Infobip's. What it is about stands in the path; the body is read as that and as nothing else.
pub fn read_call(kind: &str, body: &[u8]) -> (Vec<Reported>, Vec<Inbound>) {
    let parsed: Value = serde_json::from_slice(body).unwrap_or_default();
    match kind {
        "reports" => (reports(&parsed), vec![]),
        "seen" => (seen(&parsed), vec![]),
        "inbound" => (vec![], replies(&parsed)),
        _ => (vec![], vec![]),
    }
}

fn entries(body: &Value) -> impl Iterator<Item = &Value> {
    body["results"].as_array().into_iter().flatten()
}

fn reports(body: &Value) -> Vec<Reported> {
    let report = |entry: &Value| {
        let (id, outcome, text) = status_of(entry)?;
        let fate = match outcome {
            Outcome::Accepted => match id {
                ON_THE_HANDSET => Fate::Delivered,
                AT_THE_OPERATOR => Fate::AtOperator,
                _ if entry["status"]["groupId"].as_i64() == Some(DELIVERED) => Fate::Delivered,
                _ => Fate::OnItsWay,
            },
            // A report of a repeat says nothing of the message itself, which has a report of its own.
            Outcome::Duplicate | Outcome::Ambiguous => return None,
            refused => Fate::Refused(refused),
        };
        let message_id = entry["messageId"].as_str()?.to_owned();
        Some(Reported { message_id, fate, text: format!("status {id}: {text}") })
    };
    entries(body).filter_map(report).collect()
}

const AT_THE_OPERATOR: i64 = 2;
const ON_THE_HANDSET: i64 = 5;
/// The group of both, and of whatever else counts as delivered.
const DELIVERED: i64 = 3;

/// Somebody looked at it, so it has arrived. It acknowledges nothing.
fn seen(body: &Value) -> Vec<Reported> {
    let seen = |entry: &Value| {
        let message_id = entry["messageId"].as_str()?.to_owned();
        Some(Reported { message_id, fate: Fate::Delivered, text: "seen".to_owned() })
    };
    entries(body).filter_map(seen).collect()
}

/// Text messages have their text at the top, WhatsApp messages below `message`, in one of three shapes.
fn replies(body: &Value) -> Vec<Inbound> {
    let reply = |entry: &Value| {
        let from = digits(entry["from"].as_str()?);
        let message = &entry["message"];
        let (channel, text, button) = match message["type"].as_str() {
            None => (Channel::Sms, entry["text"].as_str().or(entry["cleanText"].as_str())?, None),
            Some("TEXT") => (Channel::WhatsApp, message["text"].as_str()?, None),
            Some("BUTTON") => {
                (Channel::WhatsApp, message["text"].as_str().unwrap_or_default(), message["payload"].as_str())
            }
            Some("INTERACTIVE_BUTTON_REPLY") => {
                (Channel::WhatsApp, message["title"].as_str().unwrap_or_default(), message["id"].as_str())
            }
            // A picture or a voice is no command.
            Some(_) => return None,
        };
        // An empty one would make every later answer look like a repeat.
        let message_id = match entry["messageId"].as_str().filter(|id| !id.is_empty()) {
            Some(id) => id.to_owned(),
            None => format!("{from} {} {text}", entry["receivedAt"].as_str().unwrap_or_default()),
        };
        Some(Inbound { message_id, channel, from, text: text.to_owned(), button: button.map(str::to_owned) })
    };
    entries(body).filter_map(reply).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(status: Value, error: Value, expected: Option<Fate>) {
        let body = json!({"results": [{"messageId": "pp-k3x9m2qd-8841-1", "status": status, "error": error}]});
        let found = read_call("reports", body.to_string().as_bytes()).0.pop();
        assert_eq!(found.map(|report| report.fate), expected, "{body}");
    }

    #[test]
    fn a_report_says_what_became_of_a_message() {
        let fine = json!({"id": 0, "groupId": 0});
        let check_status = |id, group, fate| check(json!({"id": id, "groupId": group}), fine.clone(), Some(fate));
        check_status(26, 1, Fate::OnItsWay);
        check_status(7, 1, Fate::OnItsWay);
        check_status(2, 3, Fate::AtOperator);
        check_status(5, 3, Fate::Delivered);
        check_status(77, 3, Fate::Delivered);
        check_status(88, 9, Fate::OnItsWay);
        check_status(4, 2, Fate::Refused(Outcome::Permanent { account_wide: false }));
        check_status(12, 5, Fate::Refused(Outcome::Permanent { account_wide: true }));
        check_status(20, 5, Fate::Refused(Outcome::Muted));
        let passing = json!({"id": 27, "groupId": 1, "permanent": false});
        check(json!({"id": 9, "groupId": 2}), passing, Some(Fate::Refused(Outcome::TemporaryOnce)));
        for flooding in [4103, 4104] {
            let error = json!({"id": flooding, "permanent": true});
            check(json!({"id": 6, "groupId": 5}), error, Some(Fate::Refused(Outcome::Muted)));
        }
        check(json!({"id": 23, "groupId": 5}), fine.clone(), None);
        check(json!({}), fine, None);
    }

    #[test]
    fn what_cannot_be_read_hides_nothing_else() {
        let good = json!({"messageId": "a", "status": {"id": 5, "groupId": 3, "name": "DELIVERED_TO_HANDSET"}});
        let body = json!({"results": [null, {"messageId": 7}, good, {"status": {"id": 5}}]});
        let (reports, replies) = read_call("reports", body.to_string().as_bytes());
        let text = "status 5: DELIVERED_TO_HANDSET".to_owned();
        assert_eq!(reports, [Reported { message_id: "a".to_owned(), fate: Fate::Delivered, text }]);
        assert!(replies.is_empty());
        for nonsense in ["", "{", "[]", r#"{"results":7}"#, "<html>"] {
            assert_eq!(read_call("reports", nonsense.as_bytes()), (vec![], vec![]), "{nonsense}");
            assert_eq!(read_call("inbound", nonsense.as_bytes()), (vec![], vec![]), "{nonsense}");
        }
    }

    #[test]
    fn people_answer_by_text_message_and_by_whatsapp() {
        let read = |entry: Value| read_call("inbound", json!({"results": [entry]}).to_string().as_bytes()).1.pop();
        let inbound = |channel, text: &str, button: Option<&str>| {
            let (message_id, from) = ("m1".to_owned(), "4917012345678".to_owned());
            Some(Inbound { message_id, channel, from, text: text.to_owned(), button: button.map(str::to_owned) })
        };
        let sms = json!({"messageId": "m1", "from": "+4917012345678", "to": "447860099299", "text": "7KQ4 R",
                         "cleanText": "R", "receivedAt": "2026-11-24T03:14:00.000+0000"});
        assert_eq!(read(sms), inbound(Channel::Sms, "7KQ4 R", None));
        let whatsapp = |message: Value| read(json!({"messageId": "m1", "from": "4917012345678", "message": message}));
        let text = whatsapp(json!({"type": "TEXT", "text": "ack"}));
        assert_eq!(text, inbound(Channel::WhatsApp, "ack", None));
        let button = whatsapp(json!({"type": "BUTTON", "text": "Take it", "payload": "token"}));
        assert_eq!(button, inbound(Channel::WhatsApp, "Take it", Some("token")));
        let button = whatsapp(json!({"type": "INTERACTIVE_BUTTON_REPLY", "id": "token", "title": "Take it"}));
        assert_eq!(button, inbound(Channel::WhatsApp, "Take it", Some("token")));
        assert_eq!(whatsapp(json!({"type": "IMAGE", "url": "x"})), None);
        let nameless = |text: &str| read(json!({"messageId": "", "from": "49170", "text": text, "receivedAt": "now"}));
        assert_ne!(nameless("4").map(|one| one.message_id), nameless("6").map(|other| other.message_id));
    }
}
