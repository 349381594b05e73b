//! TLS from files.

use std::path::Path;
use std::sync::Arc;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;

use super::error::ServerError;
use crate::system::HttpConfig;

/// The names in the configuration.
const CERTIFICATE: &str = "tls_certificate";
const KEY: &str = "tls_key";

/// What makes connections secret, if the configuration wants that.
///
/// # Errors
/// [`ServerError::Tls`], which names the file.
pub(super) fn acceptor(config: &HttpConfig) -> Result<Option<TlsAcceptor>, ServerError> {
    let (Some(certificate), Some(key)) = (&config.tls_certificate, &config.tls_key) else { return Ok(None) };
    let chain = certificates(certificate)?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| wrong(key, KEY, error))?;
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(certificate, CERTIFICATE, error))?;
    let mut config = builder.with_no_client_auth().with_single_cert(chain, private).map_err(|error| wrong(key, KEY, error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Some(TlsAcceptor::from(Arc::new(config))))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, ServerError> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let chain = read.map_err(|error| wrong(path, CERTIFICATE, error))?;
    if chain.is_empty() { Err(wrong(path, CERTIFICATE, "it has no certificate in PEM form")) } else { Ok(chain) }
}

fn wrong(path: &Path, key: &'static str, what: impl std::fmt::Display) -> ServerError {
    ServerError::Tls { path: path.to_owned(), key, what: what.to_string() }
}
