//! Reads the two send calls as strictly as their descriptions allow, naming every violation.

use super::memory::{Channel, Message};
use serde_json::Value;

/// The provider's limit for message ids, in characters.
const MESSAGE_ID_MAX: usize = 200;
/// More spaces in a row than this, and WhatsApp refuses a placeholder.
const SPACES_MAX: usize = 4;

/// A sound message whose sender may have left the id to the provider.
pub(super) struct Parsed {
    pub id: Option<String>,
    message: Message,
}

impl Parsed {
    pub fn into_message(self, new_id: impl FnOnce() -> String) -> Message {
        Message { id: self.id.unwrap_or_else(new_id), ..self.message }
    }
}

/// The messages of a request, one per destination, or (property, violation) pairs.
pub(super) fn parse(channel: Channel, body: &Value) -> Result<Vec<Parsed>, Vec<(String, String)>> {
    let mut reader = Reader { channel, violations: Vec::new() };
    let mut messages = Vec::new();
    for (path, message) in reader.list(body, "", "messages") {
        match channel {
            Channel::Sms => messages.extend(reader.sms(&path, message)),
            Channel::WhatsApp => messages.extend(reader.whatsapp(&path, message)),
        }
    }
    if reader.violations.is_empty() { Ok(messages) } else { Err(reader.violations) }
}

struct Reader {
    channel: Channel,
    violations: Vec<(String, String)>,
}

impl Reader {
    fn sms(&mut self, path: &str, message: &Value) -> Vec<Parsed> {
        let sender = self.optional(message, path, "sender").unwrap_or_default();
        let text = self.required(message, path, "content.text").unwrap_or_default();
        let report_url = self.optional(message, path, "webhooks.delivery.url");
        if let Some(period) = at(message, "options.validityPeriod") {
            let known = ["SECONDS", "MINUTES", "HOURS"].map(Value::from).contains(&period["timeUnit"]);
            if period["amount"].as_u64().is_none() || !known {
                self.refuse(path, "options.validityPeriod", "must have an amount and a timeUnit");
            }
        }
        let mut parsed = Vec::new();
        for (path, destination) in self.list(message, path, "destinations") {
            let to = self.number(destination, &path);
            let id = self.message_id(destination, &path);
            parsed.push(self.parsed(id, &sender, to, &text, report_url.clone()));
        }
        parsed
    }

    fn whatsapp(&mut self, path: &str, message: &Value) -> Option<Parsed> {
        let sender = self.required(message, path, "from").unwrap_or_default();
        let to = self.number(message, path);
        let id = self.message_id(message, path);
        self.required(message, path, "content.templateName");
        self.required(message, path, "content.language");
        let report_url = self.optional(message, path, "notifyUrl");
        const PLACEHOLDERS: &str = "content.templateData.body.placeholders";
        let Some(placeholders) = at(message, PLACEHOLDERS).and_then(Value::as_array) else {
            self.refuse(path, PLACEHOLDERS, "must not be null");
            return None;
        };
        let placeholders: Vec<&str> = placeholders.iter().filter_map(Value::as_str).collect();
        if placeholders.iter().any(|text| text.is_empty() || text.contains(['\n', '\t']) || has_long_gap(text)) {
            self.refuse(path, PLACEHOLDERS, "must not be empty, nor have line breaks, tabs or runs of spaces");
        }
        Some(self.parsed(id, &sender, to, &placeholders.join("\n"), report_url))
    }

    fn parsed(&self, id: Option<String>, sender: &str, to: String, text: &str, report_url: Option<String>) -> Parsed {
        let (channel, sender, text) = (self.channel, sender.to_string(), text.to_string());
        Parsed { id, message: Message { channel, id: String::new(), sender, to, text, report_url } }
    }

    /// The elements of a list that must have some, each with its path.
    fn list<'a>(&mut self, value: &'a Value, path: &str, property: &str) -> Vec<(String, &'a Value)> {
        let elements = value.get(property).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        if elements.is_empty() {
            self.refuse(path, property, "must not be empty");
        }
        let prefix = join(path, property);
        elements.iter().enumerate().map(|(index, element)| (format!("{prefix}[{index}]"), element)).collect()
    }

    fn number(&mut self, value: &Value, path: &str) -> String {
        let number = self.required(value, path, "to").unwrap_or_default();
        if !number.is_empty() && !number.bytes().all(|byte| byte.is_ascii_digit()) {
            self.refuse(path, "to", "must be a number in international format, digits only");
        }
        number
    }

    fn message_id(&mut self, value: &Value, path: &str) -> Option<String> {
        let id = self.optional(value, path, "messageId")?;
        if id.chars().count() > MESSAGE_ID_MAX {
            self.refuse(path, "messageId", "size must be between 0 and 200");
        }
        Some(id)
    }

    fn required(&mut self, value: &Value, path: &str, property: &str) -> Option<String> {
        let text = at(value, property).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
        if text.is_none() {
            self.refuse(path, property, "must not be blank");
        }
        text.map(str::to_string)
    }

    fn optional(&mut self, value: &Value, path: &str, property: &str) -> Option<String> {
        match at(value, property) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.clone()),
            Some(_) => {
                self.refuse(path, property, "must be a string");
                None
            }
        }
    }

    fn refuse(&mut self, path: &str, property: &str, violation: &str) {
        self.violations.push((join(path, property), violation.to_string()));
    }
}

fn join(path: &str, property: &str) -> String {
    if path.is_empty() { property.to_string() } else { format!("{path}.{property}") }
}

/// The value at a path of names with dots between them.
fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(value, |value, name| value.get(name))
}

fn has_long_gap(text: &str) -> bool {
    text.contains(&" ".repeat(SPACES_MAX + 1))
}
