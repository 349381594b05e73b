//! Whether JSON is as a schema says: all that the schemas of operations use. Anything else in a schema stops the test.

use serde_json::{Map, Value};

/// Keywords that ask for nothing.
const SAY_NOTHING: [&str; 8] = ["$schema", "$defs", "title", "description", "default", "format", "uniqueItems", "examples"];

/// Says what is not as `schema` says.
pub(crate) fn check(schema: &Value, value: &Value) -> Result<(), String> {
    Checker { root: schema }.check(schema, value, "$")
}

struct Checker<'s> {
    root: &'s Value,
}

impl Checker<'_> {
    fn check(&self, schema: &Value, value: &Value, path: &str) -> Result<(), String> {
        let Value::Object(keywords) = schema else {
            return if schema == &Value::Bool(true) { Ok(()) } else { Err(format!("{path}: {schema} allows nothing")) };
        };
        for (keyword, wanted) in keywords {
            self.check_keyword(keywords, keyword, wanted, value, path)?;
        }
        Ok(())
    }

    fn check_keyword(&self, all: &Map<String, Value>, keyword: &str, wanted: &Value, value: &Value, path: &str) -> Result<(), String> {
        let holds = match keyword {
            _ if SAY_NOTHING.contains(&keyword) => true,
            "$ref" => {
                let name = wanted.as_str().unwrap().strip_prefix("#/$defs/").unwrap();
                return self.check(&self.root["$defs"][name], value, path);
            }
            "type" => match wanted {
                Value::Array(types) => types.iter().any(|wanted| is_of(value, wanted.as_str().unwrap())),
                wanted => is_of(value, wanted.as_str().unwrap()),
            },
            "const" => value == wanted,
            "enum" => wanted.as_array().unwrap().contains(value),
            "minimum" => value.as_f64().is_none_or(|number| number >= wanted.as_f64().unwrap()),
            "maximum" => value.as_f64().is_none_or(|number| number <= wanted.as_f64().unwrap()),
            "anyOf" => self.count(wanted, value, path) > 0,
            "oneOf" => self.count(wanted, value, path) == 1,
            "maxItems" => value.as_array().is_none_or(|items| items.len() as u64 <= wanted.as_u64().unwrap()),
            "required" => value
                .as_object()
                .is_none_or(|object| wanted.as_array().unwrap().iter().all(|name| object.contains_key(name.as_str().unwrap()))),
            "properties" => {
                let of = |name: &str| value.get(name);
                let mut properties = wanted.as_object().unwrap().iter();
                return properties
                    .try_for_each(|(name, schema)| of(name).map_or(Ok(()), |inner| self.check(schema, inner, &format!("{path}.{name}"))));
            }
            "additionalProperties" => {
                let known = all.get("properties").and_then(Value::as_object);
                let mut others =
                    value.as_object().into_iter().flatten().filter(|(name, _)| known.is_none_or(|known| !known.contains_key(*name)));
                return others.try_for_each(|(name, inner)| self.check(wanted, inner, &format!("{path}.{name}")));
            }
            "items" => {
                let mut items = value.as_array().into_iter().flatten().enumerate();
                return items.try_for_each(|(number, item)| self.check(wanted, item, &format!("{path}[{number}]")));
            }
            other => panic!("schemas have {other:?}, which is not looked at: {wanted}"),
        };
        if holds { Ok(()) } else { Err(format!("{path}: {value} is not {keyword} {wanted}")) }
    }

    fn count(&self, schemas: &Value, value: &Value, path: &str) -> usize {
        schemas.as_array().unwrap().iter().filter(|schema| self.check(schema, value, path).is_ok()).count()
    }
}

fn is_of(value: &Value, wanted: &str) -> bool {
    match wanted {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("no type {other:?}"),
    }
}

#[test]
fn what_is_not_as_a_schema_says_is_found() {
    let schema = serde_json::json!({
        "$defs": { "Kind": { "oneOf": [{ "const": "a" }, { "enum": ["b", "c"] }] } },
        "type": "object", "additionalProperties": false, "required": ["kind"],
        "properties": { "kind": { "$ref": "#/$defs/Kind" }, "numbers": { "type": ["array", "null"], "maxItems": 2, "items": { "type": "integer", "minimum": 0, "maximum": 255 } } }
    });
    let is_right = |text: &str| check(&schema, &serde_json::from_str(text).unwrap()).is_ok();
    for right in [r#"{"kind":"a"}"#, r#"{"kind":"c","numbers":null}"#, r#"{"kind":"b","numbers":[0,255]}"#] {
        assert!(is_right(right), "{right}");
    }
    let wrong = [
        "{}",
        r#"{"kind":"d"}"#,
        r#"{"kind":"a","x":1}"#,
        r#"{"kind":"a","numbers":[256]}"#,
        r#"{"kind":"a","numbers":["1"]}"#,
        r#"{"kind":"a","numbers":[1,2,3]}"#,
        "[]",
    ];
    for wrong in wrong {
        assert!(!is_right(wrong), "{wrong}");
    }
}
