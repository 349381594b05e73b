//! The schemas of what routes take and give, as a document has them: each once, under its name.

use std::collections::BTreeMap;

use axum::http::Method;
use schemars::Schema;
use serde_json::{Map, Value};
use utoipa::openapi::Ref;

use super::super::route::Route;

/// Where a schema has those that it refers to.
const LOCAL: &str = "#/$defs/";
/// Where the document has them.
const SHARED: &str = "#/components/schemas/";

/// All schemas of a document.
#[derive(Default)]
pub(super) struct Schemas {
    by_name: BTreeMap<String, Value>,
}

/// A parameter of a path or a query.
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) is_in_path: bool,
    pub(super) is_required: bool,
    pub(super) description: Option<String>,
    schema: Value,
    /// The type that it is a field of.
    of: String,
}

/// What a route takes, by where it takes it.
#[derive(Default)]
pub(super) struct Input {
    pub(super) places: Vec<Parameter>,
    pub(super) query: Vec<Parameter>,
    /// The name, the schema, and whether there must be one.
    pub(super) body: Option<(String, Value, bool)>,
    /// Schemas that these refer to.
    definitions: Map<String, Value>,
}

impl Input {
    /// What a route takes: what its path has no place for comes in the query of a request that has no body, else in the body.
    pub(super) fn of(route: &Route) -> Self {
        let mut schema = route.about.input.clone().map(Schema::to_value).unwrap_or_default();
        let definitions = take_map(&mut schema, "$defs");
        let title = schema.get("title").and_then(Value::as_str).unwrap_or("Input").to_owned();
        let required: Vec<String> =
            schema.get("required").cloned().and_then(|names| serde_json::from_value(names).ok()).unwrap_or_default();
        let mut properties = take_map(&mut schema, "properties");
        let mut input = Self { definitions, ..Self::default() };
        for place in places(route.path) {
            let (from, to) = route.about.renamed;
            let field = if place == from { to } else { place };
            let schema = properties.remove(field).unwrap_or_else(|| serde_json::json!({ "type": "string" }));
            input.places.push(Parameter::new(place, schema, &title, true, true));
        }
        let left: Vec<String> = required.into_iter().filter(|name| properties.contains_key(name)).collect();
        if matches!(route.method, Method::GET | Method::DELETE) {
            let parameter = |(name, schema): (String, Value)| Parameter::new(&name, schema, &title, left.contains(&name), false);
            input.query = properties.into_iter().map(parameter).collect();
        } else if !properties.is_empty() || schema.get("additionalProperties") == Some(&Value::Bool(true)) {
            let name = if input.places.is_empty() { title } else { format!("{title}Body") };
            let is_required = !left.is_empty();
            if let Value::Object(schema) = &mut schema {
                schema.remove("title");
                schema.insert("required".to_owned(), left.into());
                schema.insert("properties".to_owned(), Value::Object(properties));
            }
            input.body = Some((name, schema, is_required));
        }
        input
    }

    /// The schemas that others refer to.
    pub(super) fn take_definitions(&mut self) -> Map<String, Value> {
        std::mem::take(&mut self.definitions)
    }
}

impl Parameter {
    fn new(name: &str, mut schema: Value, of: &str, is_required: bool, is_in_path: bool) -> Self {
        let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
        let description = description.and_then(|text| text.as_str().map(str::to_owned));
        Self { name: name.to_owned(), is_in_path, is_required, description, schema, of: of.to_owned() }
    }
}

impl Schemas {
    /// Adds a schema.
    pub(super) fn insert(&mut self, name: &str, mut schema: Value) {
        share(&mut schema);
        self.by_name.entry(name.to_owned()).or_insert(schema);
    }

    /// Adds those that others refer to.
    pub(super) fn insert_all(&mut self, definitions: Map<String, Value>) {
        definitions.into_iter().for_each(|(name, schema)| self.insert(&name, schema));
    }

    /// Adds a schema and gives what refers to it.
    pub(super) fn reference_to(&mut self, name: &str, schema: Value) -> Ref {
        self.insert(name, schema);
        Ref::from_schema_name(name)
    }

    /// Adds the schema of a parameter and gives what refers to it.
    pub(super) fn reference_to_parameter(&mut self, parameter: &Parameter) -> Ref {
        self.reference_to(&format!("{}.{}", parameter.of, parameter.name), parameter.schema.clone())
    }

    /// Takes a schema apart into its name and itself, and adds those that it refers to.
    pub(super) fn take_in(&mut self, schema: &Schema) -> (String, Value) {
        let mut schema = schema.clone().to_value();
        self.insert_all(take_map(&mut schema, "$defs"));
        let name = schema.as_object_mut().and_then(|schema| schema.remove("title"));
        (name.and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_else(|| "Output".to_owned()), schema)
    }

    /// Puts all into a document.
    pub(super) fn put_into(self, document: &mut Value) {
        if let Some(Value::Object(components)) = document.get_mut("components") {
            components.insert("schemas".to_owned(), self.by_name.into_iter().collect());
        }
    }
}

/// The places of a path, in order.
fn places(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|word| word.strip_prefix('{')?.strip_suffix('}')).map(|place| place.trim_start_matches('*'))
}

fn take_map(schema: &mut Value, key: &str) -> Map<String, Value> {
    match schema.as_object_mut().and_then(|schema| schema.remove(key)) {
        Some(Value::Object(map)) => map,
        _ => Map::new(),
    }
}

/// Has a schema refer to where the document has the others. As deep as the schema.
fn share(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            map.remove("$schema");
            for (key, value) in map {
                match value {
                    Value::String(text) if key == "$ref" => *text = text.replace(LOCAL, SHARED),
                    value => share(value),
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(share),
        _ => {}
    }
}
