//! Requests that a browser sends for a page of somebody else.
//!
//! Where everyone on this machine may do everything, a page from anywhere could make its visitor's browser ask. Browsers say which page
//! asks (`Origin`) and by which name they found the server (`Host`): changes are for own pages and the configured origin only, and on an
//! address of this machine nothing is answered under the name of another.

use std::net::IpAddr;

use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS,
    ACCESS_CONTROL_MAX_AGE, HOST, ORIGIN, VARY,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method};

use super::failure::Failure;
use super::shared::Shared;

/// Refuses what a page of somebody else asks.
pub(super) fn check(shared: &Shared, parts: &Parts) -> Result<(), Failure> {
    let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if shared.is_private && !host.is_empty() && !is_this_machine(host) {
        let message = format!("this server answers on this machine only, under 127.0.0.1, [::1] or localhost, not under {host:?}");
        return Err(Failure::foreign_page(message));
    }
    let Some(origin) = parts.headers.get(ORIGIN).and_then(|origin| origin.to_str().ok()) else { return Ok(()) };
    let is_own = origin.split_once("://").is_some_and(|(_, of)| of.eq_ignore_ascii_case(host));
    let reads_only = matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS);
    if is_own || reads_only || is_allowed(shared, origin) {
        return Ok(());
    }
    Err(Failure::foreign_page(format!("pages of {origin} may not change anything here; set `cors` in [http] to allow them")))
}

/// Whether a `Host` is an address, or the name of this machine. Names of others can be made to lead here, addresses cannot.
fn is_this_machine(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

fn is_allowed(shared: &Shared, origin: &str) -> bool {
    shared.cors.as_deref().is_some_and(|allowed| allowed == "*" || allowed == origin)
}

/// What to answer a page of another origin that may ask.
pub(super) fn origin_to_allow(shared: &Shared, parts: &Parts) -> Option<HeaderValue> {
    let origin = parts.headers.get(ORIGIN)?;
    is_allowed(shared, origin.to_str().ok()?).then(|| origin.clone())
}

/// Lets the browser give the answer to the page.
pub(super) fn allow(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("x-request-id, retry-after"));
    headers.insert(VARY, HeaderValue::from_static("origin"));
}

/// Lets the browser send a request that changes something, or has a token.
pub(super) fn allow_methods(headers: &mut HeaderMap) {
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE"));
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("authorization, content-type, x-request-id"));
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
}

#[cfg(test)]
mod tests {
    use super::is_this_machine;

    #[test]
    fn names_of_others_are_told_from_this_machine() {
        for host in ["localhost", "LocalHost:7654", "127.0.0.1:1", "127.0.0.1", "[::1]:7654", "[::1]"] {
            assert!(is_this_machine(host), "{host}");
        }
        for host in ["evil.example", "evil.example:7654", "127.0.0.1.evil.example", "localhost.evil.example:80", "[evil"] {
            assert!(!is_this_machine(host), "{host}");
        }
    }
}
