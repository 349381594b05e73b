//! The configuration as a file to begin with.

use std::fmt::Write;

use super::keys::TABLES;
use crate::config::{COMMON_KEYS, Key, Kind, Preset};

const STORES: &str = r#"# The configuration of a treering system. What is not written has the default that stands here.

# The folder of all stores.
rootPath = "trees"
# The engine of stores for which none is named.
defaultEngine = "rocksdb"

# The keys of an engine; `treering engines` lists those that only some engines have.
[engineConfigs.rocksdb]
"#;

pub(super) fn text() -> String {
    let mut text = STORES.to_owned();
    for key in &COMMON_KEYS {
        write_key(&mut text, key);
    }
    for table in TABLES {
        // Writing to a text cannot fail.
        let _ = write!(text, "\n# {}\n[{}]\n", table.meaning, table.name);
        for key in table.keys {
            write_key(&mut text, key);
        }
    }
    text
}

/// A key with its default, under what it means. One that is not set by default is commented out.
fn write_key(text: &mut String, key: &Key) {
    let default = match (key.default, key.kind) {
        (Preset::Boolean(_), _) | (Preset::Number(_), Kind::Count { .. }) => key.default_text(),
        _ => format!("{:?}", key.default_text()),
    };
    let mark = if matches!(key.default, Preset::Unset(_)) { "# " } else { "" };
    let _ = writeln!(text, "# {} Allowed are {}.", key.meaning, key.allowed());
    let _ = writeln!(text, "{mark}{} = {default}", key.name);
}

#[cfg(test)]
mod tests {
    use super::super::SystemConfig;
    use crate::engine::Registry;

    #[test]
    fn the_commented_file_says_the_defaults() {
        let text = super::text();
        let mut config = SystemConfig::from_toml(&text).unwrap();
        Registry::with_compiled_in().check(&config.stores).unwrap();
        let written = config.stores.engine_configs.remove("rocksdb").unwrap();
        let engine = crate::config::Settings::check("rocksdb", &[], &written).unwrap();
        assert_eq!(engine, crate::config::Settings::check("rocksdb", &[], &crate::config::Config::new()).unwrap());
        assert_eq!(config.features.iter().filter(|(_, on)| *on).count(), 6);
        config.features = super::super::Features::default();
        assert_eq!(config, SystemConfig::new("trees"));
    }

    #[test]
    fn every_key_in_the_commented_file_can_be_uncommented() {
        let is_key = |line: &&str| line.starts_with("# ") && line.contains(" = ") && !line.contains('`');
        let text = super::text().lines().map(|line| if is_key(&line) { &line[2..] } else { line }).collect::<Vec<_>>().join("\n");
        let config = SystemConfig::from_toml(&text).unwrap();
        assert_eq!((config.http, config.access), Default::default());
        assert_eq!(
            text.matches(" = ").count() - super::text().lines().filter(|line| line.starts_with('#') && line.contains('`')).count(),
            {
                let of_tables: usize = super::TABLES.iter().map(|table| table.keys.len()).sum();
                of_tables + super::COMMON_KEYS.len() + 2
                    - super::text().lines().filter(|line| line.starts_with('#') && line.contains('`')).count()
            }
        );
    }

    #[test]
    fn what_is_wrong_is_said_with_its_key() {
        let error = |toml: &str| SystemConfig::from_toml(&format!("rootPath = \"t\"\n{toml}")).unwrap_err().to_string();
        assert_eq!(
            error("[chekcer]"),
            "chekcer: there is no such key (did you mean \"checker\"?); allowed are access, audit, checker, defaultEngine, engineConfigs, features, http, pruner, rootPath, services"
        );
        assert_eq!(error("http = 1"), "http: found the number 1; allowed are tables of keys and values");
        assert_eq!(error("[features]\nhttp = \"yes\""), "features.http: found the text \"yes\"; allowed are true and false");
        assert_eq!(
            error("[http]\naddress = \"localhost\""),
            "http.address: found the text \"localhost\"; allowed are texts: an address and a port, such as 127.0.0.1:7654 or [::1]:7654"
        );
        assert_eq!(
            error("[http]\ntls_key = \"key.pem\""),
            "http.tls_certificate: found nothing; needed is the file of the certificate, since tls_key is given"
        );
        assert_eq!(error("[access]\nmode = \"none\""), "access.mode: found the text \"none\"; allowed are \"auto\", \"open\", \"tokens\"");
        assert_eq!(
            error("[checker]\nnodes_per_second = 0"),
            "checker.nodes_per_second: found the number 0; allowed are numbers from 1 to 100000000"
        );
        assert!(error("[services]\nrestart_first = \"2 min\"").starts_with("services.restart_first: found 120 s, which is more than"));
        assert_eq!(
            SystemConfig::from_toml("[http]").unwrap_err().to_string(),
            "rootPath: found nothing; needed is the folder of all stores, a text"
        );
    }
}
