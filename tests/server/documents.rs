//! The document says what there is.

use serde_json::{Value, json};

use super::node::node;

#[test]
fn every_documented_route_answers() {
    let node = node();
    node.put("bank", "a", "1");
    node.save();
    let document = node.get("/v1/openapi.json");
    let mut asked = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            if path == "/v1/events" {
                continue;
            }
            let mut filled = path.clone();
            for parameter in operation["parameters"].as_array().into_iter().flatten().filter(|parameter| parameter["in"] == "path") {
                let name = parameter["name"].as_str().unwrap();
                let value = match name {
                    "store" => "bank",
                    "key" => "61",
                    "version" => "1",
                    "file" => "app.js",
                    _ => "x",
                };
                filled = filled.replace(&format!("{{{name}}}"), value);
            }
            assert!(!filled.contains('{'), "{path} has places without parameters");
            let method = method.to_uppercase();
            let answer =
                if method == "GET" || method == "DELETE" { node.ask(&method, &filled) } else { node.send(&method, &filled, &json!({})) };
            let is_json = answer.headers.get("content-type").is_some_and(|kind| kind == "application/json");
            let code = if is_json { answer.json()["error"]["code"].clone() } else { Value::Null };
            assert!(code != "no_route" && code != "no_method", "{method} {path}: {}", answer.text());
            assert!(answer.status < 500, "{method} {path}: {} {}", answer.status, answer.text());
            let status = answer.status.to_string();
            assert!(operation["responses"].get(&status).is_some() || answer.status >= 400, "{method} {path}: {status} is not documented");
            asked += 1;
        }
    }
    assert!(asked > 40, "{asked}");
}

#[test]
fn all_that_the_document_refers_to_is_in_it() {
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(map) => map.iter().for_each(|(key, value)| match value {
                Value::String(text) if key == "$ref" => found.push(text.clone()),
                value => references(value, found),
            }),
            Value::Array(list) => list.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let document = node().get("/v1/openapi.json");
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 100);
    for reference in found {
        let place = reference.strip_prefix('#').unwrap_or_else(|| panic!("{reference} leads outside"));
        assert!(document.pointer(place).is_some(), "{reference} leads nowhere");
    }
}
