//! Who is let in: tokens, and TLS.

use std::path::Path;
use std::sync::Arc;

use serde_json::json;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use treering::system::{Grants, Role, TokenFile};

use super::client::{Answer, Connection, ask_with, request};
use super::node::{Node, node_with, told};

/// A node with tokens: of a reader of everything, a writer of `bank`, and an admin.
fn guarded(folder: &Path) -> (Node, [String; 3]) {
    let mut file = TokenFile::default();
    let reader = file.add("reader", Grants::everywhere(Role::Read)).unwrap();
    let teller = file.add("teller", Grants::default().with_store("bank", Role::Write)).unwrap();
    let admin = file.add("admin", Grants::everywhere(Role::Admin)).unwrap();
    let path = folder.join("tokens.toml");
    file.save(&path).unwrap();
    (node_with(|config| config.access.tokens = Some(path)), [reader, teller, admin])
}

fn ask_as(node: &Node, token: &str, method: &str, path: &str, body: Option<&str>) -> Answer {
    ask_with(node.address, method, path, &format!("authorization: Bearer {token}\r\n"), body)
}

#[test]
fn who_has_no_token_learns_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (node, [reader, ..]) = guarded(folder.path());
    let unknown = told("unauthenticated", "a token is needed; give one as `Authorization: Bearer TOKEN`", &json!({}));
    for path in ["/v1/stores", "/v1/stores/bank", "/v1/stores/none", "/v1/nothing", "/metrics", "/v1/events", "/nothing"] {
        for headers in ["", "authorization: Bearer wrong\r\n", "authorization: Basic YTpi\r\n", "authorization: Bearer\r\n"] {
            let answer = ask_with(node.address, "GET", path, headers, None);
            assert_eq!(
                (answer.status, answer.json(), answer.headers["www-authenticate"].as_str()),
                (401, unknown.clone(), "Bearer"),
                "{path}"
            );
        }
    }
    assert_eq!(ask_with(node.address, "TRACE", "/v1/stores", "", None).status, 401);
    for path in ["/healthz", "/readyz", "/", "/docs", "/explorer/app.js", "/v1/openapi.json"] {
        assert_eq!(node.ask("GET", path).status, 200, "{path}");
    }
    let numbers = ask_as(&node, &reader, "GET", "/metrics", None);
    assert!(numbers.text().lines().any(|line| line == "treering_denied_total{code=\"unauthenticated\"} 29"), "{}", numbers.text());
}

#[test]
fn a_token_allows_what_it_grants() {
    let folder = tempfile::tempdir().unwrap();
    let (node, [reader, teller, admin]) = guarded(folder.path());
    let denied = told("denied", "the token does not allow this", &json!({}));
    let status = |token: &str, method: &str, path: &str, body: Option<&str>| {
        let answer = ask_as(&node, token, method, path, body);
        if answer.status == 403 {
            assert_eq!(answer.json(), denied);
        }
        answer.status
    };
    let set = Some(r#"{"value":"01"}"#);
    let batch = |store: &str| {
        format!(
            r#"{{"operations":[{{"op":"set","store":"bank","key":"aa","value":""}},{{"op":"set","store":"{store}","key":"aa","value":""}}]}}"#
        )
    };
    for (method, path, body, as_reader, as_teller, as_admin) in [
        ("PUT", "/v1/stores/bank/keys/aa", set, 403, 200, 200),
        ("PUT", "/v1/stores/gov/keys/aa", set, 403, 403, 200),
        ("GET", "/v1/stores/bank/keys/aa", None, 200, 200, 200),
        ("GET", "/v1/stores/gov/keys/aa", None, 200, 403, 200),
        ("GET", "/v1/stores/none/keys/aa", None, 404, 403, 404),
        ("POST", "/v1/batch", Some(batch("gov").as_str()), 403, 403, 200),
        ("POST", "/v1/batch", Some(batch("bank").as_str()), 403, 200, 200),
        ("POST", "/v1/operations/store.get", Some(r#"{"store":"gov","key":"aa"}"#), 200, 403, 200),
        ("GET", "/v1/stores/gov/keys", None, 200, 403, 200),
        ("POST", "/v1/versions", None, 403, 403, 201),
        ("GET", "/v1/stores", None, 200, 200, 200),
        ("POST", "/v1/stores", Some(r#"{"name":"dex"}"#), 403, 403, 201),
        ("POST", "/v1/prune", Some(r#"{"keep":{"last":1}}"#), 403, 403, 200),
        ("POST", "/v1/services/pruner/stop", None, 403, 403, 200),
    ] {
        assert_eq!(
            [&reader, &teller, &admin].map(|token| status(token, method, path, body)),
            [as_reader, as_teller, as_admin],
            "{method} {path}"
        );
    }
    assert_eq!(status(&teller, "GET", "/v1/events", None), 403);
    let mut stream = Connection::open(node.address);
    stream
        .send(request("GET", "/v1/stores/gov/keys", &format!("authorization: Bearer {teller}\r\naccept: application/x-ndjson\r\n"), None))
        .unwrap();
    assert_eq!(stream.answer().unwrap().status, 403);
    let stores = ask_as(&node, &teller, "GET", "/v1/stores", None).json()["stores"].clone();
    assert_eq!(stores.as_array().unwrap().len(), 1, "others are not seen");
    let numbers = ask_as(&node, &reader, "GET", "/metrics", None);
    let count = numbers.text().lines().find_map(|line| line.strip_prefix("treering_denied_total{code=\"denied\"} ")).map(str::to_owned);
    assert!(count.is_some_and(|count| count.parse::<u64>().unwrap() > 15));
}

#[test]
fn tls_from_files_is_spoken_and_nothing_else() {
    let files = Path::new("tests/server/tls");
    let node = node_with(|config| {
        config.http.tls_certificate = Some(files.join("certificate.pem"));
        config.http.tls_key = Some(files.join("key.pem"));
    });
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(files.join("certificate.pem")).unwrap()).unwrap();
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = Arc::new(builder.with_root_certificates(roots).with_no_client_auth());
    let client = ClientConnection::new(config, ServerName::try_from("localhost").unwrap()).unwrap();
    let stream = Connection::open(node.address).stream.into_inner();
    let mut connection = Connection::of(StreamOwned::new(client, stream));
    for _ in 0..3 {
        connection.send(request("GET", "/v1/stores", "", None)).unwrap();
        assert_eq!(connection.answer().unwrap().json()["stores"].as_array().unwrap().len(), 2);
    }
    let mut plain = Connection::open(node.address);
    plain.send(request("GET", "/healthz", "", None)).unwrap();
    let mut answer = Vec::new();
    let _ = std::io::Read::read_to_end(&mut plain.stream, &mut answer);
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
}
