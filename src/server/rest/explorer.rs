//! The pages in the browser, which are part of the program.

mod files;

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, ETAG, IF_NONE_MATCH, LOCATION, REFERRER_POLICY};
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use sha2::{Digest, Sha256};

use super::super::answer;
use super::super::call::{Answer, Call};
use super::super::failure::Failure;
use super::super::route::{About, Route};
use files::{FILES, HTML};

/// Nothing from elsewhere: neither code, nor pictures, nor requests, nor frames around it.
const POLICY: &str = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'";

pub(in crate::server) fn routes() -> Vec<Route> {
    let page = |path, name: &'static str, summary| {
        Route::new(Method::GET, path, About::other(summary, HTML), move |call| async move { file(&call.parts.headers, name) })
            .for_everyone()
    };
    let about = About::other("Gives a file of the pages.", "application/octet-stream");
    vec![
        page("/", "index.html", "The explorer, for browsers."),
        page("/docs", "docs.html", "The reference of this interface, for browsers."),
        Route::new(
            Method::GET,
            "/explorer",
            About { status: StatusCode::PERMANENT_REDIRECT, ..About::other("Leads to the explorer.", HTML) },
            to_start,
        )
        .for_everyone(),
        Route::new(Method::GET, "/explorer/{*file}", about, any_file).for_everyone(),
    ]
}

async fn to_start(_: Call) -> Answer {
    let mut response = answer::empty(StatusCode::PERMANENT_REDIRECT);
    response.headers_mut().insert(LOCATION, HeaderValue::from_static("/"));
    Ok(response)
}

/// Names are looked up in a list, so that no path leads anywhere else.
async fn any_file(call: Call) -> Answer {
    file(&call.parts.headers, call.place("file").unwrap_or_default()).map_err(|_| Failure::no_route(call.parts.uri.path()))
}

fn file(asked: &HeaderMap, name: &str) -> Answer {
    let found = FILES.iter().find(|(of, ..)| *of == name);
    let (_, kind, bytes) = *found.ok_or_else(|| Failure::no_route(name))?;
    let tag = tag(bytes);
    let is_known = asked.get(IF_NONE_MATCH).and_then(|known| known.to_str().ok()).is_some_and(|known| known.contains(&tag));
    let mut response: Response<Body> =
        if is_known { answer::empty(StatusCode::NOT_MODIFIED) } else { answer::of_bytes(StatusCode::OK, kind, bytes) };
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(ETAG, tag);
    }
    Ok(response)
}

/// Names what is in a file.
fn tag(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    format!("\"{}\"", hex::encode(hash.get(..16).unwrap_or_default()))
}
