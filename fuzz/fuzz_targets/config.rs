//! Any text as a configuration, in JSON and TOML: no panic; what is accepted is written and read back as the same, and its settings are
//! the same in both notations.
//!
//! Input: the notation (one byte), the text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use treering::config::{COMMON_KEYS, Config, ConfigError, MultiStoreConfig, Settings, Value};
use treering::engine::Registry;

/// The largest integer of TOML.
const TOML_LARGEST: u64 = i64::MAX as u64;

fuzz_target!(|bytes: &[u8]| {
    let [notation, text @ ..] = bytes else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let is_json = *notation % 2 == 0;
    let read = if is_json { MultiStoreConfig::from_json } else { MultiStoreConfig::from_toml };
    match read(text) {
        Ok(config) => accepted(&config),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    let read = if is_json { Config::from_json } else { Config::from_toml };
    if let Ok(config) = read(text) {
        let checked = Settings::check("memory", &COMMON_KEYS[..0], &config);
        assert_eq!(
            checked.is_ok(),
            config.iter().all(|(key, value)| Settings::check("memory", &[], &Config::new().with(key, value.clone())).is_ok())
        );
        let whole = MultiStoreConfig::new("x").with_default_engine("memory").with_engine_config("memory", config);
        assert_eq!(Registry::default().check(&whole).map(|all| all["memory"].clone()).ok(), checked.ok());
        accepted(&whole);
    }
});

fn accepted(config: &MultiStoreConfig) {
    let json = config.to_json().expect("paths read from text are text");
    assert_eq!(MultiStoreConfig::from_json(&json).as_ref().ok(), Some(config), "{json}");
    match config.to_toml() {
        Ok(toml) => {
            let again = MultiStoreConfig::from_toml(&toml);
            assert_eq!(again.as_ref().ok(), Some(config), "{toml}\n{again:?}");
        }
        // What TOML cannot say.
        Err(error) => {
            assert!(matches!(error, ConfigError::Unwritable { .. }), "{error}");
            let integers = config.engine_configs.values().flat_map(Config::iter).any(|(_, value)| has_large(value));
            let deep = config.engine_configs.values().flat_map(Config::iter).any(|(_, value)| depth(value) > 8);
            assert!(integers || deep, "{error}");
        }
    }
    if let Ok(settings) = Registry::default().check(config) {
        assert_eq!(settings.len(), Registry::default().names().len());
        for settings in settings.values() {
            assert!(settings.cache_size() >= 1 << 20 && settings.retention().max_versions != Some(0));
        }
    }
}

fn has_large(value: &Value) -> bool {
    match value {
        Value::Integer(number) => *number > TOML_LARGEST,
        Value::Table(table) => table.values().any(has_large),
        _ => false,
    }
}

fn depth(value: &Value) -> usize {
    let Value::Table(table) = value else { return 0 };
    1 + table.values().map(depth).max().unwrap_or(0)
}
