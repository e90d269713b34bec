//! WhatsApp: `POST /whatsapp/1/message/template`. A page is always the approved template: free text reaches only those
//! who wrote to us within the last day. Failing over to SMS is ours to decide, so the provider is not asked to.

use super::{Account, digits};
use crate::domain::contact::Channel;
use crate::notify::{Message, Provider, Sending, compose, settings};
use serde_json::{Value, json};

pub struct InfobipWhatsApp {
    pub account: Account,
    pub settings: settings::WhatsApp,
    /// Where reports are to be posted, up to and with the token.
    pub callbacks: Option<String>,
}

impl Provider for InfobipWhatsApp {
    fn name(&self) -> &'static str {
        "infobip-whatsapp"
    }

    fn channel(&self) -> Channel {
        Channel::WhatsApp
    }

    /// Only called in: what became of a WhatsApp message cannot be asked for.
    fn has_receipts(&self) -> bool {
        self.callbacks.is_some()
    }

    fn hears_replies(&self) -> bool {
        self.callbacks.is_some()
    }

    fn send<'a>(&'a self, message: &'a Message) -> Sending<'a> {
        Box::pin(async move {
            let private: Vec<&str> = message.content.token().into_iter().collect();
            self.account.post("/whatsapp/1/message/template", &self.body(message), &private).await
        })
    }
}

impl InfobipWhatsApp {
    fn body(&self, message: &Message) -> Value {
        let mut body = json!({
            "messages": [{
                "from": digits(&self.settings.sender),
                "to": digits(&message.to),
                "messageId": message.message_id,
                "content": {
                    "templateName": self.settings.template,
                    "language": self.settings.language,
                    "templateData": {"body": {"placeholders": compose::whatsapp(&message.content)}},
                },
                "urlOptions": {"shortenUrl": false, "trackClicks": false},
            }],
        });
        if let Some(callbacks) = &self.callbacks {
            body["messages"][0]["notifyUrl"] = json!(format!("{callbacks}/reports"));
        }
        body
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::account;
    use super::*;
    use crate::domain::delivery::Outcome;
    use crate::notify::testing::{Fake, Reply, hostile_page};

    #[tokio::test]
    async fn a_page_fills_the_template() {
        let accepted = r#"{"messages":[{"status":{"id":7,"groupId":1}}],"bulkId":"b"}"#;
        let fake = Fake::http(vec![Reply::http(200, "", accepted)]).await;
        let settings = settings::WhatsApp {
            sender: "+447860099299".to_owned(),
            template: "pagerpal_page".to_owned(),
            language: "en".to_owned(),
        };
        let provider = InfobipWhatsApp { account: account(&fake.base_url()), settings, callbacks: None };
        let message = Message { channel: Channel::WhatsApp, to: "+12025550123".to_owned(), ..hostile_page() };
        assert_eq!(provider.send(&message).await.outcome, Outcome::Accepted);

        let heard = fake.heard();
        let (head, body) = heard[0].split_once("\r\n\r\n").expect("a request has a head and a body");
        assert!(head.starts_with("POST /whatsapp/1/message/template HTTP/1.1\r\n"), "{head}");
        let body: Value = serde_json::from_str(body).expect("a JSON body");
        let expected = json!({
            "messages": [{
                "from": "447860099299",
                "to": "12025550123",
                "messageId": "pp-k3x9m2qd-8841-1",
                "content": {
                    "templateName": "pagerpal_page",
                    "language": "en",
                    "templateData": {"body": {"placeholders": [
                        "#7 ERROR 1/1",
                        "disk Bcc: all@example.net . QUIT",
                        "Payments Subject: x",
                        "-",
                        "https://pager.example.com/a/7hQ2mXk94TcaB8wzK3pLq9dRv5n",
                    ]}},
                },
                "urlOptions": {"shortenUrl": false, "trackClicks": false},
            }],
        });
        assert_eq!(body, expected);
    }
}
