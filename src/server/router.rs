//! The router: finds who answers a request.

use std::collections::BTreeMap;
use std::future::ready;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request};
use axum::http::{Method, StatusCode};
use axum::routing::{MethodFilter, MethodRouter, any};

use super::answer;
use super::browser;
use super::failure::Failure;
use super::route::{Admission, Route};
use super::serve::{Served, admit, finish, request_id};
use super::shared::Shared;

/// The path's places, or that they are not text.
type Places = Result<RawPathParams, RawPathParamsRejection>;

/// The router of some routes.
pub(super) fn router(shared: &Arc<Shared>, routes: Vec<Route>) -> Router {
    let mut by_path: BTreeMap<&'static str, Vec<Route>> = BTreeMap::new();
    for route in routes {
        by_path.entry(route.path).or_default().push(route);
    }
    let nowhere = Arc::clone(shared);
    let empty = Router::new().fallback(any(move |request: Request| ready(refuse(&nowhere, None, request))));
    by_path.into_iter().fold(empty, |router, (path, routes)| router.route(path, at_path(shared, routes)))
}

fn at_path(shared: &Arc<Shared>, routes: Vec<Route>) -> MethodRouter {
    let methods: Vec<&str> = routes.iter().map(|route| route.method.as_str()).collect();
    let other = Arc::new(Refused { allowed: methods.join(", "), for_everyone: routes.iter().all(is_for_everyone) });
    let refusing = Arc::clone(shared);
    let others = any(move |request: Request| ready(refuse(&refusing, Some(&other), request)));
    routes.into_iter().fold(others, |router, route| {
        let filter = if route.method == Method::GET { MethodFilter::GET } else { filter(&route.method) };
        let metrics = shared.metrics.route(&route.name());
        let served = Arc::new(Served { shared: Arc::clone(shared), route, metrics });
        router.on(filter, move |places: Places, request: Request| Arc::clone(&served).serve(places, request))
    })
}

fn is_for_everyone(route: &Route) -> bool {
    route.admission == Admission::Everyone
}

fn filter(method: &Method) -> MethodFilter {
    MethodFilter::try_from(method.clone()).unwrap_or(MethodFilter::GET)
}

/// Why a path does not take a method.
struct Refused {
    allowed: String,
    for_everyone: bool,
}

/// Answers what no route answers. Who is not known does not learn which paths there are.
fn refuse(shared: &Shared, refused: Option<&Refused>, request: Request) -> axum::response::Response {
    let begun = Instant::now();
    let (parts, _) = request.into_parts();
    let id = request_id(&parts.headers);
    let origin = browser::origin_to_allow(shared, &parts);
    let path = parts.uri.path();
    let failure = match refused {
        Some(refused) => (refused.for_everyone, Failure::no_method(parts.method.as_str(), path, &refused.allowed)),
        None => (false, Failure::no_route(path)),
    };
    let is_preflight = parts.method == Method::OPTIONS && origin.is_some();
    let answer = match failure {
        _ if is_preflight => Ok(answer::empty(StatusCode::NO_CONTENT)),
        (true, failure) => Err(failure),
        (false, failure) => Err(admit(shared, &parts).map_or_else(|refused| refused, |_| failure)),
    };
    let mut response = finish(shared, &id, answer, "none");
    if let Some(origin) = origin {
        browser::allow(response.headers_mut(), origin);
        browser::allow_methods(response.headers_mut());
    }
    shared.metrics.nowhere.answered(response.status(), begun.elapsed());
    response
}
