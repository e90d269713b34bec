//! What one handler reads and answers, told by the types of its signature.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::future::Future;

/// A type that handlers take as an argument.
pub trait DescribeInput {
    fn describe(sketch: &mut Sketch<'_>);
}

/// A type that handlers answer.
pub trait DescribeOutput {
    /// Whether no other answer ever shows a part of it: see [`ShownOnce`](crate::web::api::ShownOnce).
    const SHOWS_SECRET: bool = false;

    fn describe(sketch: &mut Sketch<'_>);
}

/// A handler whose whole signature can be described. `M` is the tuple that axum knows it by.
pub trait Operation<M> {
    const SHOWS_SECRET: bool;

    fn describe(sketch: &mut Sketch<'_>);
}

macro_rules! operations {
    ($([$($input:ident)*])*) => {$(
        impl<F, Answer, M, $($input,)*> Operation<(M, $($input,)*)> for F
        where
            F: FnOnce($($input,)*) -> Answer,
            Answer: Future<Output: DescribeOutput>,
            $($input: DescribeInput,)*
        {
            const SHOWS_SECRET: bool = <Answer::Output as DescribeOutput>::SHOWS_SECRET;

            fn describe(sketch: &mut Sketch<'_>) {
                $($input::describe(sketch);)*
                <Answer::Output as DescribeOutput>::describe(sketch);
            }
        }
    )*};
}

operations! { [] [A] [A B] [A B C] [A B C D] [A B C D E] [A B C D E G] [A B C D E G H] }

/// An operation while it is being described.
pub struct Sketch<'a> {
    /// Of bodies and parameters.
    inputs: &'a mut SchemaGenerator,
    /// Of answers: there every member is present.
    outputs: &'a mut SchemaGenerator,
    /// Schemas of what is in the path, in its order.
    pub path: Vec<Value>,
    pub parameters: Vec<Value>,
    pub body: Option<Value>,
    pub answers: BTreeMap<u16, Value>,
    pub needs_version: bool,
    pub has_query: bool,
}

impl<'a> Sketch<'a> {
    pub fn new(inputs: &'a mut SchemaGenerator, outputs: &'a mut SchemaGenerator) -> Sketch<'a> {
        Sketch {
            inputs,
            outputs,
            path: vec![],
            parameters: vec![],
            body: None,
            answers: BTreeMap::new(),
            needs_version: false,
            has_query: false,
        }
    }

    pub fn path_text(&mut self, schema: Value) {
        self.path.push(schema);
    }

    pub fn query_parameter(&mut self, name: &str, description: &str, schema: Value) {
        self.has_query = true;
        self.parameters.push(json!({"name": name, "in": "query", "description": description, "schema": schema}));
    }

    /// Every field of `T` as a parameter.
    pub fn query<T: JsonSchema>(&mut self) {
        let schema = T::json_schema(self.inputs).to_value();
        let none = Map::new();
        for (name, field) in schema["properties"].as_object().unwrap_or(&none) {
            let mut field = field.clone();
            let description = field.as_object_mut().and_then(|field| field.remove("description"));
            // A parameter is absent or there; it is never null.
            if let Some(kinds) = field.get("type").and_then(Value::as_array) {
                let kind = kinds.iter().find(|kind| *kind != "null").cloned();
                field["type"] = kind.unwrap_or_default();
            }
            if let Some(object) = field.as_object_mut() {
                object.remove("default");
            }
            self.query_parameter(name, description.as_ref().and_then(Value::as_str).unwrap_or(""), field);
        }
    }

    pub fn needs_version(&mut self) {
        self.needs_version = true;
        self.parameters.push(json!({
            "name": "If-Match",
            "in": "header",
            "required": true,
            "description": "The ETag of what you have seen, or * for whatever it is now.",
            "schema": {"type": "string"},
        }));
    }

    pub fn json_body<T: JsonSchema>(&mut self) {
        let schema = self.inputs.subschema_for::<T>();
        let requires = requires_members(&T::json_schema(self.inputs));
        self.body = Some(json!({"required": requires, "content": {"application/json": {"schema": schema}}}));
    }

    /// Whatever the sender of an alert says, in its own words.
    pub fn free_body(&mut self) {
        let any = json!({"schema": {}});
        self.body = Some(json!({"required": false, "content": {"application/json": any, "text/plain": any}}));
    }

    pub fn answers<T: JsonSchema>(&mut self, status: u16, description: &str) {
        let schema = self.outputs.subschema_for::<T>();
        let content = json!({"application/json": {"schema": schema}});
        self.answers.insert(status, json!({"description": description, "content": content}));
    }

    pub fn answers_tagged<T: JsonSchema>(&mut self, status: u16, description: &str) {
        self.answers::<T>(status, description);
        let says = "Names the version, for If-Match and If-None-Match.";
        self.answer_header(status, "ETag", says, false);
    }

    pub fn answers_text(&mut self, status: u16, description: &str, media_type: &str) {
        let content = json!({media_type: {"schema": {"type": "string"}}});
        self.answers.insert(status, json!({"description": description, "content": content}));
    }

    pub fn answers_nothing(&mut self, status: u16, description: &str) {
        self.answers.insert(status, json!({"description": description}));
    }

    pub fn answer_header(&mut self, status: u16, name: &str, description: &str, required: bool) {
        if let Some(answer) = self.answers.get_mut(&status) {
            answer["headers"][name] =
                json!({"description": description, "required": required, "schema": {"type": "string"}});
        }
    }
}

fn requires_members(schema: &Schema) -> bool {
    schema.get("required").and_then(Value::as_array).is_some_and(|names| !names.is_empty())
}
