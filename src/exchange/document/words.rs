//! How single values are spelled in a document: instants, and the words that the API has for roles, channels and the like.

use crate::domain::Severity;
use crate::domain::access::Role;
use crate::domain::alert_source::UrgencyRule;
use crate::domain::contact::Channel;
use crate::domain::entry::Interval;
use crate::domain::time::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;

/// RFC 3339, in whole seconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Instant(pub Timestamp);

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Instant, D::Error> {
        let text = String::deserialize(input)?;
        let found: Option<jiff::Timestamp> = text.parse().ok();
        // A fraction would have to be cut, and what lies outside is clamped: neither is what was written.
        let kept = found.map(Timestamp::from_jiff).filter(|at| found == Some(at.to_jiff()));
        let sentence = "write the time as 2026-11-24T09:00:00+01:00, in whole seconds, between 1970 and 2199";
        kept.map(Instant).ok_or_else(|| D::Error::custom(sentence))
    }
}

impl JsonSchema for Instant {
    fn schema_name() -> Cow<'static, str> {
        "Instant".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "date-time", "description": "In whole seconds, between 1970 and 2199."})
    }
}

/// `2026-11-24T09:00:00Z to 2026-11-25T09:00:00Z`
pub fn time_words(span: &Interval) -> String {
    format!("{} to {}", span.start, span.end)
}

/// A value of the domain by its word.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Word<T>(pub T);

/// What has a word for each of its values.
pub trait Spelled: Copy + 'static {
    const NAME: &'static str;
    const ALL: &'static [Self];
    fn word(self) -> &'static str;
}

macro_rules! spelled {
    ($($type:ty: $name:literal)*) => {$(
        impl Spelled for $type {
            const NAME: &'static str = $name;
            const ALL: &'static [$type] = &<$type>::ALL;
            fn word(self) -> &'static str { self.word() }
        }
    )*};
}

spelled! {
    Role: "Role"
    Channel: "Channel"
    Severity: "Severity"
    UrgencyRule: "Urgency"
}

fn all_words<T: Spelled>() -> Vec<&'static str> {
    T::ALL.iter().map(|value| value.word()).collect()
}

impl<T: Spelled> Serialize for Word<T> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(self.0.word())
    }
}

impl<'de, T: Spelled> Deserialize<'de> for Word<T> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Word<T>, D::Error> {
        let text = String::deserialize(input)?;
        let known = T::ALL.iter().copied().find(|value| value.word() == text);
        known.map(Word).ok_or_else(|| D::Error::custom(format!("write one of {}", all_words::<T>().join(", "))))
    }
}

impl<T: Spelled> JsonSchema for Word<T> {
    fn schema_name() -> Cow<'static, str> {
        T::NAME.into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "enum": all_words::<T>()})
    }
}
