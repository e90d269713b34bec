//! What differs between a thing as it is and as it would be, in words: for whoever decides on an import, and for the audit
//! log. Works on the written form, so no field can be forgotten, and never says a secret.

use serde::Serialize;
use serde_json::{Map, Value};

/// Members whose values are not shown.
const SECRETS: [&str; 5] = ["login", "key", "signing", "url", "address_sha256"];
/// What tells the items of a list apart, the first that they have.
const KEYS: [&str; 4] = ["name", "number", "address", "effective_from"];
/// A longer text is cut.
const SHOWN_CHARS: usize = 80;

/// One for each member that differs, in the order of names. Both are written as objects.
pub fn differences<T: Serialize>(before: &T, after: &T) -> Vec<String> {
    let written = |thing: &T| serde_json::to_value(thing).expect("strings, numbers and lists can be written as JSON");
    let mut found = Vec::new();
    if let (Value::Object(before), Value::Object(after)) = (written(before), written(after)) {
        members(&before, &after, "", &mut found);
    }
    found
}

fn members(before: &Map<String, Value>, after: &Map<String, Value>, place: &str, found: &mut Vec<String>) {
    let mut names: Vec<&String> =
        before.keys().chain(after.keys().filter(|name| !before.contains_key(*name))).collect();
    names.sort();
    for name in names {
        let (was, is) = (before.get(name).unwrap_or(&Value::Null), after.get(name).unwrap_or(&Value::Null));
        if was == is {
            continue;
        }
        let place = format!("{place}{}", name.replace('_', " "));
        match (was, is) {
            _ if SECRETS.contains(&name.as_str()) => found.push(format!("{place} is another")),
            (Value::Array(was), Value::Array(is)) => lists(was, is, &place, found),
            (Value::Object(was), Value::Object(is)) => members(was, is, &format!("{place}: "), found),
            _ => found.push(format!("{place} {} → {}", shown(was), shown(is))),
        }
    }
}

/// Items that have a key are compared by it; others are there or not.
fn lists(before: &[Value], after: &[Value], place: &str, found: &mut Vec<String>) {
    let key = |item: &Value| KEYS.iter().find_map(|key| item.get(key).map(shown));
    let known = found.len();
    for item in after {
        match before.iter().find(|old| key(old).is_some() && key(old) == key(item)) {
            Some(Value::Object(old)) => {
                if let Value::Object(new) = item {
                    let inside = format!("{place} {}: ", key(item).unwrap_or_default());
                    members(old, new, &inside, found);
                }
            }
            _ if !before.contains(item) => found.push(format!("{place} + {}", shown(item))),
            _ => {}
        }
    }
    for item in before {
        let is_kept = after.iter().any(|new| new == item || (key(item).is_some() && key(new) == key(item)));
        if !is_kept {
            found.push(format!("{place} − {}", shown(item)));
        }
    }
    if found.len() == known {
        found.push(format!("{place} in another order"));
    }
}

fn shown(value: &Value) -> String {
    let text = match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(shown).collect::<Vec<_>>().join(", "),
        Value::Object(members) => match KEYS.iter().find_map(|key| members.get(*key)) {
            Some(key) => shown(key),
            None => members
                .iter()
                .filter(|(name, _)| !SECRETS.contains(&name.as_str()))
                .map(|(name, value)| format!("{name} {}", shown(value)))
                .collect::<Vec<_>>()
                .join(" "),
        },
        other => other.to_string(),
    };
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Many of one kind, said as their number; few, each.
pub fn entry_words(kind: &str, added: &[String]) -> Option<String> {
    match added {
        [] => None,
        few if few.len() <= 5 => Some(format!("{kind} + {}", few.join("; "))),
        many => Some(format!("{kind} + {}, the first from {}", many.len(), many[0])),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    fn check(before: &Value, after: &Value, expected: &[&str]) {
        assert_eq!(super::differences(before, after), expected);
    }

    #[test]
    fn differences_are_said_member_by_member() {
        check(&json!({"a": 1}), &json!({"a": 1}), &[]);
        check(&json!({"role": "viewer"}), &json!({"role": "admin"}), &["role viewer → admin"]);
        check(&json!({}), &json!({"fallback": "bo"}), &["fallback none → bo"]);
        check(&json!({"members": ["a", "b"]}), &json!({"members": ["b", "c"]}), &["members + c", "members − a"]);
        check(
            &json!({"last_resort": ["a", "b"]}),
            &json!({"last_resort": ["b", "a"]}),
            &["last resort in another order"],
        );
        check(
            &json!({"levels": [{"number": 1, "delay_minutes": 5}, {"number": 2, "delay_minutes": 5}]}),
            &json!({"levels": [{"number": 1, "delay_minutes": 9}, {"number": 3, "delay_minutes": 5}]}),
            &["levels 1: delay minutes 5 → 9", "levels + 3", "levels − 2"],
        );
        check(&json!({"rules": {"high": []}}), &json!({"rules": {"high": ["x"]}}), &["rules: high + x"]);
    }

    #[test]
    fn a_secret_is_never_said() {
        let with = |secret: &str| {
            json!({
                "login": {"password_hash": secret}, "key": {"sha256": secret}, "signing": {"secret": secret},
                "calendars": [{"name": "c", "url": secret}], "heartbeats": [{"name": "h", "address_sha256": secret}],
            })
        };
        let said = super::differences(&with("canary-1"), &with("canary-2"));
        assert_eq!(said.len(), 5, "{said:?}");
        let added = super::differences(&json!({"signing": null, "calendars": []}), &with("canary-2"));
        assert!(!format!("{said:?}{added:?}").contains("canary"), "{said:?} {added:?}");
    }
}
