//! WhatsApp: `POST /whatsapp/1/message/template`. A page is always the approved template: free text reaches only those
//! who wrote to us within the last day, so it is tried for answers alone (`POST /whatsapp/1/message/text`). Failing over to SMS is ours to decide, so the provider is not asked to.

use super::{Account, digits};
use crate::domain::contact::Channel;
use crate::notify::{Content, Message, Provider, Sending, Update, compose, settings};
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
            if let Content::Update(Update { about: None, sentence, .. }) = &message.content {
                let body = self.free_text(message, sentence);
                let answer = self.account.post("/whatsapp/1/message/text", &body, &private).await;
                if !answer.text.contains(NO_OPEN_WINDOW) {
                    return answer;
                }
            }
            self.account.post("/whatsapp/1/message/template", &self.body(message), &private).await
        })
    }
}

/// Infobip's error when the person has not written to us within the last day. Nothing was sent then.
const NO_OPEN_WINDOW: &str = "7010";

impl InfobipWhatsApp {
    /// What answers somebody who wrote to us just now needs no template.
    fn free_text(&self, message: &Message, sentence: &str) -> Value {
        let mut body = json!({
            "from": digits(&self.settings.sender),
            "to": digits(&message.to),
            "messageId": message.message_id,
            "content": {"text": compose::answer(sentence), "previewUrl": false},
        });
        if let Some(callbacks) = &self.callbacks {
            body["notifyUrl"] = json!(format!("{callbacks}/reports"));
        }
        body
    }

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

    #[tokio::test]
    async fn an_answer_is_free_text_and_the_template_where_nobody_wrote_to_us_lately() {
        let refused = r#"{"requestError":{"serviceException":{"messageId":"7010","text":"no active session"}}}"#;
        let accepted = |how: &str| format!(r#"{{{how}"status":{{"id":7,"groupId":1}}"#);
        let (one, many) = (accepted("") + "}", accepted(r#""messages":[{"#) + "}]}");
        let settings = settings::WhatsApp {
            sender: "447860099299".to_owned(),
            template: "pagerpal_page".to_owned(),
            language: "en".to_owned(),
        };
        let sentence = "#12 is yours.".to_owned();
        let content = Content::Update(Update { about: None, sentence, link: None });
        let message = Message { channel: Channel::WhatsApp, content, ..hostile_page() };
        for (replies, paths) in [
            (vec![Reply::http(200, "", &one)], vec!["text"]),
            (vec![Reply::http(400, "", refused), Reply::http(200, "", &many)], vec!["text", "template"]),
        ] {
            let fake = Fake::http(replies).await;
            let account = account(&fake.base_url());
            let provider = InfobipWhatsApp { account, settings: settings.clone(), callbacks: None };
            let answer = provider.send(&message).await;
            assert_eq!(answer.outcome, Outcome::Accepted, "{}", answer.text);
            let heard = fake.heard();
            assert_eq!(heard.len(), paths.len());
            for (request, path) in heard.iter().zip(paths) {
                assert!(request.starts_with(&format!("POST /whatsapp/1/message/{path} HTTP/1.1")), "{request}");
                assert!(request.contains("#12 is yours."), "{request}");
            }
        }
    }
}
