//! Text messages: `POST /sms/3/messages`, one message per request.

use super::{Account, digits};
use crate::domain::contact::Channel;
use crate::notify::{Message, Provider, Sending, compose};
use serde_json::{Value, json};

pub struct InfobipSms {
    pub account: Account,
    /// A name or number.
    pub sender: String,
    /// Where reports are to be posted, up to and with the token.
    pub callbacks: Option<String>,
}

impl Provider for InfobipSms {
    fn name(&self) -> &'static str {
        "infobip-sms"
    }

    fn channel(&self) -> Channel {
        Channel::Sms
    }

    /// Called in or asked for.
    fn has_receipts(&self) -> bool {
        true
    }

    /// A number can be answered, a name cannot.
    fn hears_replies(&self) -> bool {
        is_number(&self.sender)
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
        let mut body = json!({
            "messages": [{
                "sender": self.sender,
                "destinations": [{"to": digits(&message.to), "messageId": message.message_id}],
                "content": {"text": compose::text(&message.content, message.nth)},
                "options": {"validityPeriod": {"amount": 15, "timeUnit": "MINUTES"}},
            }],
            "options": {"tracking": {"shortenUrl": false, "trackClicks": false}},
        });
        if let Some(callbacks) = &self.callbacks {
            let url = format!("{callbacks}/reports");
            body["messages"][0]["webhooks"] = json!({"delivery": {"url": url}, "contentType": "application/json"});
        }
        body
    }
}

/// Short codes have five digits or six, numbers up to fifteen.
fn is_number(sender: &str) -> bool {
    let digits = sender.strip_prefix('+').unwrap_or(sender);
    (5..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
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
        let account = account(&format!("{}/", fake.base_url()));
        let mut provider = InfobipSms { account, sender: "PagerPal".to_owned(), callbacks: None };
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

        // Where we can be called, the address is named; and two texts that would be alike are told apart.
        assert!(!provider.hears_replies());
        provider.sender = "+447860099299".to_owned();
        provider.callbacks = Some("https://pager.example.net/api/v1/callbacks/infobip/TOKEN".to_owned());
        let body = provider.body(&Message { nth: Some(14), ..sms_message() });
        let webhooks = json!({
            "delivery": {"url": "https://pager.example.net/api/v1/callbacks/infobip/TOKEN/reports"},
            "contentType": "application/json",
        });
        assert_eq!(body["messages"][0]["webhooks"], webhooks);
        let text = body["messages"][0]["content"]["text"].as_str();
        assert_eq!(text, Some("TEST from PagerPal, asked for by Ana. Pages reach you like this. (14)"));
        assert!(provider.hears_replies());
    }
}
