//! Lists: `?limit=50&cursor=…`, and `{"data":[…],"next_cursor":null}` with `Link: …; rel="next"`.

use super::query;
use crate::domain::id::Id;
use crate::web::error::WebError;
use crate::web::extract::Fields;
use crate::web::openapi::{DescribeInput, DescribeOutput, Sketch};
use axum::Json;
use axum::extract::{FromRequestParts, OriginalUri};
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub const LIMIT: usize = 50;
pub const LIMIT_AT_MOST: usize = 200;

/// Which part of a list is asked for, and of which rows. Other parameters are those of `F`, as with
/// [`Params`](super::Params).
#[derive(Clone, Debug)]
pub struct Page<F = NoFilter> {
    pub limit: usize,
    /// As some page before gave it, decoded; which row it stands for is the list's own business.
    pub cursor: Option<String>,
    pub filter: F,
    /// This list without its cursor, for the address of the next page.
    address: String,
}

/// A list that is always of everything.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoFilter {}

impl<S: Sync, F: DeserializeOwned> FromRequestParts<S> for Page<F> {
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, WebError> {
        let uri = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |uri| &uri.0);
        let fields = Fields::parse(uri.query().unwrap_or("").as_bytes());
        Page::read(uri.path(), fields)
    }
}

impl<F: DeserializeOwned> Page<F> {
    fn read(path: &str, fields: Fields) -> Result<Page<F>, WebError> {
        let once = |name: &str| match fields.all(name).collect::<Vec<_>>()[..] {
            [] => Ok(None),
            [value] => Ok(Some(value.to_owned())),
            _ => Err(WebError::Unreadable(format!("The parameter {name} came more than once."))),
        };
        let (limit, cursor) = (once("limit")?, once("cursor")?);
        let limit = match limit.map(|text| text.parse::<usize>()) {
            None => LIMIT,
            Some(Ok(limit @ 1..=LIMIT_AT_MOST)) => limit,
            Some(_) => {
                let sentence = format!("The parameter limit is a whole number from 1 to {LIMIT_AT_MOST}.");
                return Err(WebError::Unreadable(sentence));
            }
        };
        let decoded = |text: String| String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok();
        let cursor = cursor.map(|text| decoded(text).ok_or(BAD_CURSOR)).transpose()?;
        let others: Vec<_> = fields.0.into_iter().filter(|(name, _)| name != "limit" && name != "cursor").collect();
        let filter = query::read(&others)?;
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("limit", &limit.to_string()).extend_pairs(&others);
        Ok(Page { limit, cursor, filter, address: format!("{path}?{}", query.finish()) })
    }
}

/// A cursor that no page of this list has given.
pub const BAD_CURSOR: WebError =
    WebError::BadRequest("This cursor was not made here. Take next_cursor from the page before, unchanged.");

/// The place of a named thing in a list that is read by name.
pub fn by_name(name: &str, id: impl Id) -> String {
    format!("{}\u{0}{id}", name.to_lowercase())
}

/// Part of a list, and how to go on; `null` when it is complete.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "{T}List")]
pub struct List<T> {
    data: Vec<T>,
    /// For the parameter `cursor` of the next page.
    next_cursor: Option<String>,
    #[serde(skip)]
    next: Option<String>,
}

impl<T> List<T> {
    /// A list that is short enough to be given whole, whatever the limit.
    pub fn whole(data: impl IntoIterator<Item = T>) -> List<T> {
        List { data: data.into_iter().collect(), next_cursor: None, next: None }
    }

    /// A page that was cut elsewhere. `next` names the place after its last row, in the words of its reader.
    pub fn page<F>(data: Vec<T>, next: Option<String>, page: &Page<F>) -> List<T> {
        let next_cursor = next.map(|place| URL_SAFE_NO_PAD.encode(place));
        let next = next_cursor.as_ref().map(|cursor| format!("{}&cursor={cursor}", page.address));
        List { data, next_cursor, next }
    }

    /// Cuts a list whose rows have no names, such as the segments of an answer: the cursor counts.
    pub fn in_order<F>(rows: Vec<T>, page: &Page<F>) -> Result<List<T>, WebError> {
        let start = page.cursor.as_deref().map_or(Ok(0), str::parse::<usize>).map_err(|_| BAD_CURSOR)?;
        let end = start.saturating_add(page.limit);
        let next = (rows.len() > end).then(|| end.to_string());
        Ok(List::page(rows.into_iter().skip(start).take(page.limit).collect(), next, page))
    }

    /// Cuts a list that was read whole. `key` gives each item's place: different for all, and rising in the order of the
    /// list, which is put in that order here. A row that went away meanwhile disturbs nobody.
    pub fn cut<I, F>(
        items: impl IntoIterator<Item = I>,
        key: impl Fn(&I) -> String,
        page: &Page<F>,
        view: impl Fn(I) -> T,
    ) -> List<T> {
        let mut keyed: Vec<(String, I)> = items.into_iter().map(|item| (key(&item), item)).collect();
        keyed.sort_by(|a, b| a.0.cmp(&b.0));
        if let Some(after) = &page.cursor {
            keyed.retain(|(key, _)| key > after);
        }
        let goes_on = keyed.len() > page.limit;
        keyed.truncate(page.limit);
        let next = keyed.last().filter(|_| goes_on).map(|(key, _)| key.clone());
        List::page(keyed.into_iter().map(|(_, item)| view(item)).collect(), next, page)
    }
}

impl<T: Serialize> IntoResponse for List<T> {
    fn into_response(self) -> Response {
        let link = self.next.as_ref().and_then(|next| HeaderValue::from_str(&format!("<{next}>; rel=\"next\"")).ok());
        let mut answer = Json(self).into_response();
        if let Some(link) = link {
            answer.headers_mut().insert(header::LINK, link);
        }
        answer
    }
}

impl<F: JsonSchema> DescribeInput for Page<F> {
    fn describe(sketch: &mut Sketch<'_>) {
        let limit = serde_json::json!({"type": "integer", "minimum": 1, "maximum": LIMIT_AT_MOST, "default": LIMIT});
        sketch.query_parameter("limit", "How many rows at most.", limit);
        let cursor = serde_json::json!({"type": "string"});
        sketch.query_parameter("cursor", "next_cursor of the page before.", cursor);
        sketch.query::<F>();
    }
}

impl<T: JsonSchema> DescribeOutput for List<T> {
    fn describe(sketch: &mut Sketch<'_>) {
        sketch.answers::<List<T>>(200, "A part of the list.");
        sketch.answer_header(
            200,
            "Link",
            "The address of the next page, with rel=\"next\"; absent on the last one.",
            false,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(query: &str) -> Result<Page, WebError> {
        Page::read("/api/v1/things", Fields::parse(query.as_bytes()))
    }

    #[test]
    fn pages_follow_one_another_and_none_is_lost() {
        let items: Vec<u32> = (0..7).rev().collect();
        let (mut seen, mut query) = (vec![], "limit=3".to_owned());
        loop {
            let list = List::cut(items.clone(), |n| format!("{n:03}"), &page(&query).expect("a page"), |n| n);
            seen.extend(list.data);
            let Some(next) = list.next else { break };
            query = next.strip_prefix("/api/v1/things?").expect("the same list").to_owned();
        }
        assert_eq!(seen, [0, 1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn a_page_that_was_asked_for_wrongly_is_refused() {
        for query in ["limit=0", "limit=201", "limit=a", "limit=1&limit=2", "cursor=%20", "colour=red"] {
            assert_eq!(page(query).expect_err(query).status(), 400, "{query}");
        }
    }
}
