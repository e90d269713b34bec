//! `GET /api/docs`: the document for people, drawn here, without a script and without anything from elsewhere.

use super::{DescribeOutput, Sketch, document};
use crate::domain::preferences::Theme;
use crate::web::Web;
use crate::web::error::WebError;
use crate::web::extract::Colours;
use crate::web::routes;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use rinja::Template;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

pub async fn reference(State(_): State<Arc<Web>>, Colours(theme): Colours) -> Result<Page, WebError> {
    let page = Reference::of(&document(&routes::table()), theme);
    page.render().map(Page).map_err(|error| WebError::Internal(error.to_string()))
}

/// The drawn page.
pub struct Page(String);

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        Html(self.0).into_response()
    }
}

impl DescribeOutput for Page {
    fn describe(sketch: &mut Sketch<'_>) {
        sketch.answers_text(200, "A page to read.", "text/html");
    }
}

#[derive(Template)]
#[template(path = "templates/api_reference.html", askama = rinja)]
struct Reference {
    about: String,
    sections: Vec<Section>,
    shapes: Vec<Shape>,
    theme: Theme,
}

struct Section {
    name: String,
    operations: Vec<Described>,
}

struct Described {
    id: String,
    method: String,
    path: String,
    summary: String,
    description: String,
    parameters: Vec<Member>,
    /// The body's shape, or what is said of a free one.
    body: Option<Kind>,
    answers: Vec<(String, String, Option<Kind>)>,
}

struct Shape {
    name: String,
    about: String,
    members: Vec<Member>,
}

struct Member {
    name: String,
    kind: Kind,
    about: String,
    required: bool,
}

/// A type in words; `shape` is one that has its own table on the page.
struct Kind {
    words: String,
    shape: Option<String>,
}

impl Reference {
    fn of(document: &Value, theme: Theme) -> Reference {
        let mut sections: BTreeMap<String, Vec<Described>> = BTreeMap::new();
        for (path, methods) in object(&document["paths"]) {
            for (method, operation) in object(methods) {
                let section = text(&operation["tags"][0]);
                sections.entry(section).or_default().push(Described::of(path, method, operation));
            }
        }
        let section = |(name, operations)| Section { name, operations };
        Reference {
            about: text(&document["info"]["description"]),
            sections: sections.into_iter().map(section).collect(),
            shapes: object(&document["components"]["schemas"]).map(|(name, schema)| Shape::of(name, schema)).collect(),
            theme,
        }
    }
}

impl Described {
    fn of(path: &str, method: &str, operation: &Value) -> Described {
        let parameter = |parameter: &Value| Member {
            name: text(&parameter["name"]),
            kind: Kind {
                words: format!("{}, {}", text(&parameter["in"]), Kind::of(&parameter["schema"]).words),
                shape: None,
            },
            about: text(&parameter["description"]),
            required: parameter["required"] == true,
        };
        let body = operation.get("requestBody").map(|body| Kind::of(&body["content"]["application/json"]["schema"]));
        let answer = |(status, answer): (&String, &Value)| {
            let schema = object(&answer["content"]).next().map(|(_, content)| Kind::of(&content["schema"]));
            (status.clone(), text(&answer["description"]), schema)
        };
        Described {
            id: text(&operation["operationId"]),
            method: method.to_ascii_uppercase(),
            path: path.to_owned(),
            summary: text(&operation["summary"]),
            description: text(&operation["description"]),
            parameters: operation["parameters"].as_array().into_iter().flatten().map(parameter).collect(),
            body,
            answers: object(&operation["responses"]).map(answer).collect(),
        }
    }
}

impl Shape {
    fn of(name: &str, schema: &Value) -> Shape {
        let required: Vec<&Value> = schema["required"].as_array().into_iter().flatten().collect();
        let member = |(name, schema): (&String, &Value)| Member {
            name: name.clone(),
            kind: Kind::of(schema),
            about: text(&schema["description"]),
            required: required.iter().any(|required| *required == name),
        };
        Shape {
            name: name.to_owned(),
            about: text(&schema["description"]),
            members: object(&schema["properties"]).map(member).collect(),
        }
    }
}

impl Kind {
    fn of(schema: &Value) -> Kind {
        if let Some(shape) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
            return Kind { words: shape.to_owned(), shape: Some(shape.to_owned()) };
        }
        if let Some(either) = schema["anyOf"].as_array().and_then(|all| all.first()) {
            let Kind { words, shape } = Kind::of(either);
            return Kind { words: format!("{words} or null"), shape };
        }
        if let Some(items) = schema.get("items") {
            let Kind { words, shape } = Kind::of(items);
            return Kind { words: format!("list of {words}"), shape };
        }
        let words = match &schema["type"] {
            Value::String(kind) => kind.clone(),
            Value::Array(kinds) => kinds.iter().map(text).collect::<Vec<_>>().join(" or "),
            _ => "anything".to_owned(),
        };
        let words = match schema["enum"].as_array() {
            Some(all) => all.iter().map(text).collect::<Vec<_>>().join(", "),
            None => words,
        };
        Kind { words, shape: None }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn object(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}
