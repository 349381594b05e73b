//! A server that cannot be started says why.

use std::net::TcpListener;

use treering::server::{ServerError, install};
use treering::system::{SystemConfig, SystemService};

fn refusal(change: impl FnOnce(&mut SystemConfig)) -> ServerError {
    let mut config = SystemConfig::in_memory();
    config.http.address = "127.0.0.1:0".parse().unwrap();
    change(&mut config);
    install(SystemService::builder(config)).err().unwrap()
}

#[test]
fn a_port_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let error = refusal(|config| config.http.address = address);
    assert_eq!(error.to_string(), format!("{address} is in use by another process; stop that one, or set another `address` in [http]"));
}

#[test]
fn files_for_tls_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("certificate.pem"), folder.path().join("key.pem"));
    std::fs::write(&certificate, "no certificate").unwrap();
    std::fs::write(&key, "no key").unwrap();
    let with = |config: &mut SystemConfig| {
        config.http.tls_certificate = Some(certificate.clone());
        config.http.tls_key = Some(key.clone());
    };
    let told = refusal(with).to_string();
    assert_eq!(
        told,
        format!("the file {} (tls_certificate in [http]) cannot be used: it has no certificate in PEM form", certificate.display())
    );
    std::fs::remove_file(&certificate).unwrap();
    assert!(
        refusal(with).to_string().starts_with(&format!("the file {} (tls_certificate in [http]) cannot be used: ", certificate.display()))
    );
}

#[test]
fn an_open_door_to_the_world_is_not_opened() {
    let told = refusal(|config| config.http.address = "0.0.0.0:0".parse().unwrap()).to_string();
    assert!(
        told.starts_with(
            "there are no tokens, which 0.0.0.0:0 needs; make one with `treering token new NAME --role read --file tokens.toml`"
        ),
        "{told}"
    );
}

#[test]
fn an_unknown_key_has_a_nearest_one() {
    let error = SystemConfig::from_toml("rootPath = \"trees\"\n[http]\nbody_limt = 1").unwrap_err().to_string();
    assert!(error.starts_with("http.body_limt: there is no such key (did you mean \"body_limit\"?); allowed are address, "), "{error}");
}

/// Nobody, not even root, makes folders there.
#[test]
#[cfg(target_os = "linux")]
fn a_folder_without_rights_is_named() {
    let mut config = SystemConfig::new("/proc/trees");
    config.stores.default_engine = "file".to_owned();
    config.http.address = "127.0.0.1:0".parse().unwrap();
    let (builder, _) = install(SystemService::builder(config)).unwrap();
    let error = builder.build().err().unwrap().to_string();
    assert!(error.contains("/proc/trees"), "{error}");
}
