//! The query string as a struct. What is not understood in full is refused by name: a filter that is ignored would show
//! more than was asked for.

use crate::web::error::WebError;
use crate::web::extract::Fields;
use crate::web::openapi::{DescribeInput, Sketch};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use schemars::JsonSchema;

use serde::de::value::{MapDeserializer, StrDeserializer};
use serde::de::{DeserializeOwned, Deserializer, Error, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

/// Derives `Deserialize` with `deny_unknown_fields` and `JsonSchema`; every field is an `Option`.
#[derive(Clone, Debug)]
pub struct Params<T>(pub T);

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, WebError> {
        let fields = Fields::parse(parts.uri.query().unwrap_or("").as_bytes());
        Ok(Params(read(&fields.0)?))
    }
}

impl<T: JsonSchema> DescribeInput for Params<T> {
    fn describe(sketch: &mut Sketch<'_>) {
        sketch.query::<T>();
    }
}

/// 400 for a parameter that is unknown, repeated or of another type, and it is named.
pub fn read<T: DeserializeOwned>(pairs: &[(String, String)]) -> Result<T, WebError> {
    let values = pairs.iter().map(|(name, value)| (name.as_str(), Text(value)));
    serde_path_to_error::deserialize(MapDeserializer::new(values)).map_err(|error| {
        let (path, inner) = (error.path().to_string(), error.into_inner());
        let named = if path == "." { String::new() } else { format!(" {path}") };
        WebError::Unreadable(format!("The parameter{named} cannot be read: {inner}."))
    })
}

/// A value of the query: text, or whatever its text spells.
#[derive(Clone, Copy)]
struct Text<'de>(&'de str);

type Failure = serde::de::value::Error;

impl<'de> IntoDeserializer<'de, Failure> for Text<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! spelled {
    ($($method:ident $visit:ident $words:literal)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
            match self.0.parse() {
                Ok(value) => visitor.$visit(value),
                Err(_) => Err(Failure::custom(concat!("it is not ", $words))),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Text<'de> {
    type Error = Failure;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_borrowed_str(self.0)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        let text: StrDeserializer<'de, Failure> = self.0.into_deserializer();
        text.deserialize_enum(name, variants, visitor)
    }

    spelled! {
        deserialize_bool visit_bool "true or false"
        deserialize_u8 visit_u8 "a whole number from 0 to 255"
        deserialize_u16 visit_u16 "a whole number from 0 to 65535"
        deserialize_u32 visit_u32 "a whole number, 0 or more"
        deserialize_u64 visit_u64 "a whole number, 0 or more"
        deserialize_i64 visit_i64 "a whole number"
    }

    forward_to_deserialize_any! {
        i8 i16 i32 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier
        ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize, PartialEq, Debug)]
    #[serde(deny_unknown_fields)]
    struct Asked {
        team: Option<String>,
        days: Option<u8>,
    }

    fn asked(query: &str) -> Result<Asked, String> {
        read(&Fields::parse(query.as_bytes()).0).map_err(|error| format!("{error:?}"))
    }

    #[test]
    fn a_query_is_understood_in_full_or_refused_by_name() {
        assert_eq!(asked(""), Ok(Asked { team: None, days: None }));
        assert_eq!(asked("team=a%20b&days=30"), Ok(Asked { team: Some("a b".to_owned()), days: Some(30) }));
        for (query, word) in [("taem=a", "taem"), ("team=a&team=b", "team"), ("days=many", "days"), ("days=-1", "days")]
        {
            let error = asked(query).expect_err(query);
            assert!(error.contains(word), "{query}: {error}");
        }
    }
}
