//! The document that describes all routes (`OpenAPI`), made from the routes themselves and the schemas of what they take and give.

mod schemas;

use std::sync::OnceLock;

use axum::body::Bytes;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use utoipa::openapi::path::{HttpMethod, Operation, OperationBuilder, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, Content, InfoBuilder, LicenseBuilder, OpenApiBuilder, PathsBuilder, Ref, Required, Response, ResponseBuilder,
};

use super::answer;
use super::route::{About, Admission, Route};
use schemas::{Input, Schemas};

/// The name of the way to be let in.
const BEARER: &str = "bearer";
/// The schema of what a request that fails is answered with.
const ERROR: &str = "Error";

pub(super) fn route() -> Route {
    let about = About::other("Gives this document.", "application/json");
    Route::new(Method::GET, "/v1/openapi.json", about, |_| async {
        static DOCUMENT: OnceLock<Bytes> = OnceLock::new();
        let document = DOCUMENT.get_or_init(|| Bytes::from(document(&super::routes::all()).to_string()));
        Ok(answer::of_bytes(StatusCode::OK, "application/json", document.clone()))
    })
    .for_everyone()
}

/// The document of some routes.
pub(super) fn document(routes: &[Route]) -> Value {
    let mut schemas = Schemas::default();
    schemas.insert(ERROR, error_schema());
    let mut paths = PathsBuilder::new();
    for route in routes {
        let operation = operation(route, &mut schemas);
        paths = paths.path(route.path.replace("{*", "{"), PathItem::new(http_method(&route.method), operation));
    }
    let info = InfoBuilder::new()
        .title("treering")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some("Authenticated, versioned stores. Keys and values are strings in the `encoding` asked for: hex, utf8 or base64."))
        .license(Some(LicenseBuilder::new().name(env!("CARGO_PKG_LICENSE")).build()));
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("A token, where tokens are needed.")).build();
    let components = ComponentsBuilder::new().security_scheme(BEARER, SecurityScheme::Http(bearer)).build();
    let document = OpenApiBuilder::new().info(info.build()).paths(paths.build()).components(Some(components)).build();
    // It is made of texts and maps with text keys, which can always be written.
    let mut document = serde_json::to_value(document).unwrap_or_default();
    schemas.put_into(&mut document);
    document
}

fn error_schema() -> Value {
    json!({
        "type": "object",
        "description": "Why a request failed.",
        "required": ["error"],
        "properties": { "error": {
            "type": "object",
            "required": ["code", "message", "details", "request_id"],
            "properties": {
                "code": { "type": "string", "description": "The name of the failure, which stays." },
                "message": { "type": "string", "description": "A sentence that names the thing and the way out." },
                "details": { "type": "object", "description": "What the sentence says, for programs." },
                "request_id": { "type": "string", "description": "The request's name in logs and the audit trail." },
            },
        } },
    })
}

fn http_method(method: &Method) -> HttpMethod {
    match *method {
        Method::POST => HttpMethod::Post,
        Method::PUT => HttpMethod::Put,
        Method::PATCH => HttpMethod::Patch,
        Method::DELETE => HttpMethod::Delete,
        _ => HttpMethod::Get,
    }
}

fn operation(route: &Route, schemas: &mut Schemas) -> Operation {
    let mut input = Input::of(route);
    schemas.insert_all(input.take_definitions());
    let mut operation = OperationBuilder::new().summary(Some(route.about.summary)).operation_id(Some(id(route))).tag(tag(route.path));
    for place in input.places.iter().chain(&input.query) {
        let (kind, required) = if place.is_in_path { (ParameterIn::Path, true) } else { (ParameterIn::Query, place.is_required) };
        let required = if required { Required::True } else { Required::False };
        let parameter = ParameterBuilder::new().name(&place.name).parameter_in(kind).required(required);
        let parameter = parameter.description(place.description.as_deref());
        operation = operation.parameter(parameter.schema(Some(schemas.reference_to_parameter(place))).build());
    }
    if let Some((name, schema, is_required)) = input.body {
        let content = Content::new(Some(schemas.reference_to(&name, schema)));
        let required = if is_required { Required::True } else { Required::False };
        operation =
            operation.request_body(Some(RequestBodyBuilder::new().content("application/json", content).required(Some(required)).build()));
    }
    if route.admission == Admission::Known {
        let open: SecurityRequirement = SecurityRequirement::default();
        operation = operation.security(SecurityRequirement::new(BEARER, [""; 0])).security(open);
    }
    let error = Content::new(Some(Ref::from_schema_name(ERROR)));
    let failed = ResponseBuilder::new().description("Why it failed.").content("application/json", error).build();
    operation.response(route.about.status.as_str(), success(&route.about, schemas)).response("default", failed).build()
}

fn success(about: &About, schemas: &mut Schemas) -> Response {
    let response = ResponseBuilder::new().description(about.status.canonical_reason().unwrap_or("Done"));
    if about.status.is_redirection() {
        return response.build();
    }
    let content = about.output.as_ref().map_or_else(Content::default, |output| {
        let (name, schema) = schemas.take_in(output);
        Content::new(Some(schemas.reference_to(&name, schema)))
    });
    let response = response.content(about.content_type, content);
    match about.also {
        Some(kind) => response.content(kind, Content::default()).build(),
        None => response.build(),
    }
}

/// A name that no other route has: `get_v1_stores_store`.
fn id(route: &Route) -> String {
    let words = route.path.split(['/', '.', '{', '}', '*']).filter(|word| !word.is_empty());
    words.fold(route.method.as_str().to_lowercase(), |id, word| format!("{id}_{word}"))
}

/// What a route is listed with.
fn tag(path: &str) -> &'static str {
    match path.strip_prefix("/v1/").and_then(|rest| rest.split('/').next()) {
        Some("stores" | "batch") => "stores",
        Some("versions" | "prepared" | "load" | "discard" | "rollback" | "prune") => "versions",
        Some("verify" | "abci_query") => "proofs",
        Some(_) => "system",
        None => "server",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_route_is_in_the_document_under_a_name_of_its_own() {
        let routes = super::super::routes::all();
        let document = document(&routes);
        let mut names = BTreeSet::new();
        for route in &routes {
            let path = route.path.replace("{*", "{");
            let operation = &document["paths"][&path][route.method.as_str().to_lowercase()];
            assert!(operation["summary"].as_str().is_some_and(|summary| !summary.is_empty()), "{}", route.name());
            assert!(names.insert(operation["operationId"].as_str().unwrap().to_owned()), "{}", route.name());
        }
        let documented: usize = document["paths"].as_object().unwrap().values().map(|path| path.as_object().unwrap().len()).sum();
        assert_eq!(documented, routes.len());
    }
}
