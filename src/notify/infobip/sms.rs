//! Text messages: `POST /sms/3/messages`, one message per request.

use super::{Account, digits};
use crate::domain::contact::Channel;
use crate::notify::{Message, Provider, Sending, compose};
use serde_json::{Value, json};

pub struct InfobipSms {
    pub account: Account,
    /// A name or number.
    pub sender: String,
}

impl Provider for InfobipSms {
    fn name(&self) -> &'static str {
        "infobip-sms"
    }

    fn channel(&self) -> Channel {
        Channel::Sms
    }

    fn send<'a>(&'a self, message: &'a Message) -> Sending<'a> {
        Box::pin(async move {
            let private: Vec<&str> = message.content.token().into_iter().collect();
            self.account.post("/sms/3/messages", &self.body(message), &private).await
        })
    }
}

impl InfobipSms {
    /// A page that comes a quarter of an hour late is noise: the ladder has gone on. Tracking would rewrite our link,
    /// and is on by default.
    fn body(&self, message: &Message) -> Value {
        json!({
            "messages": [{
                "sender": self.sender,
                "destinations": [{"to": digits(&message.to), "messageId": message.message_id}],
                "content": {"text": compose::sms(&message.content)},
                "options": {"validityPeriod": {"amount": 15, "timeUnit": "MINUTES"}},
            }],
            "options": {"tracking": {"shortenUrl": false, "trackClicks": false}},
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::account;
    use super::*;
    use crate::domain::delivery::Outcome;
    use crate::notify::testing::{Fake, Reply, sms_message};

    #[tokio::test]
    async fn a_text_message_is_one_request() {
        let accepted = r#"{"messages":[{"messageId":"pp-k3x9m2qd-8841-1","status":{"id":26,"groupId":1}}]}"#;
        let fake = Fake::http(vec![Reply::http(200, "", accepted)]).await;
        let provider = InfobipSms { account: account(&format!("{}/", fake.base_url())), sender: "PagerPal".to_owned() };
        let answer = provider.send(&sms_message()).await;
        assert_eq!(answer.outcome, Outcome::Accepted, "{}", answer.text);

        let heard = fake.heard();
        let (head, body) = heard[0].split_once("\r\n\r\n").expect("a request has a head and a body");
        assert!(head.starts_with("POST /sms/3/messages HTTP/1.1\r\n"), "{head}");
        assert!(head.contains("authorization: App k3y-k3y\r\n"), "{head}");
        let body: Value = serde_json::from_str(body).expect("a JSON body");
        let expected = json!({
            "messages": [{
                "sender": "PagerPal",
                "destinations": [{"to": "12025550123", "messageId": "pp-k3x9m2qd-8841-1"}],
                "content": {"text": "TEST from PagerPal, asked for by Ana. Pages reach you like this."},
                "options": {"validityPeriod": {"amount": 15, "timeUnit": "MINUTES"}},
            }],
            "options": {"tracking": {"shortenUrl": false, "trackClicks": false}},
        });
        assert_eq!(body, expected);
    }
}
