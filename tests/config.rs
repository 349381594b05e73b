//! Configurations: what they mean, and that whatever is wrong with one is said with its key, what was found, and what is allowed.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use proptest::prelude::*;
use treering::config::{
    COMMON_KEYS, Config, ConfigError, Key, KeyDescription, Kind, MultiStoreConfig, Preset, Retention, Scope, Settings, Value, format_bytes,
    format_seconds,
};

/// An engine's own keys, one of each kind that no common key has.
const KEYS: [Key; 4] = [
    Key {
        name: "bark",
        kind: Kind::Choice(&["thin", "thick"]),
        default: Preset::Word("thin"),
        meaning: "How thick the bark is.",
        scope: Scope::Store,
    },
    Key {
        name: "branches",
        kind: Kind::Count { min: 0, max: 20 },
        default: Preset::Number(10),
        meaning: "How many branches there are.",
        scope: Scope::Database,
    },
    Key {
        name: "colour",
        kind: Kind::ChoicePerPart { words: &["green", "red"], parts: &["leaf", "twig"] },
        default: Preset::Word("green"),
        meaning: "What colour its parts have.",
        scope: Scope::Database,
    },
    Key {
        name: "growth",
        kind: Kind::Duration { min: 60, max: 86_400 },
        default: Preset::Number(3600),
        meaning: "How long it grows.",
        scope: Scope::Database,
    },
];

fn check(key: &str, value: impl Into<Value>) -> Result<Settings, ConfigError> {
    Settings::check("oak", &KEYS, &Config::new().with(key, value))
}

fn message(key: &str, value: impl Into<Value>) -> String {
    check(key, value).unwrap_err().to_string()
}

#[test]
fn without_a_configuration_all_keys_have_their_defaults() {
    let settings = Settings::check("oak", &KEYS, &Config::new()).unwrap();
    assert_eq!((settings.cache_size(), settings.engine_cache_size()), (1 << 30, 1 << 27));
    assert!(settings.sync_writes() && !settings.read_only());
    assert_eq!(settings.retention(), Retention::default());
    assert!(settings.retention().keeps_everything());
    assert_eq!((settings.word("bark"), settings.number("branches"), settings.number("growth")), (Some("thin"), Some(10), Some(3600)));
    assert_eq!((settings.word_of("colour", "leaf"), settings.word_of("colour", "twig")), (Some("green"), Some("green")));
    // Keys that are not there, or of another type.
    assert_eq!(
        (settings.word("bole"), settings.number("bark"), settings.word("colour"), settings.boolean("branches")),
        (None, None, None, None)
    );
    assert_eq!(settings.word_of("colour", "root"), None);
    assert_eq!(settings.engine(), "oak");

    let common = Settings::default();
    assert_eq!((common.cache_size(), common.sync_writes(), common.read_only()), (1 << 30, true, false));
    assert_eq!(common.retention(), Retention::default());
}

#[test]
fn values_are_taken_as_people_write_them() {
    for (value, expected) in [("64 MiB", 64 << 20), ("1GiB", 1 << 30), ("2048 KB", 2_048_000), ("1048576", 1 << 20)] {
        assert_eq!(check("cache_size", value).unwrap().cache_size(), expected);
    }
    assert_eq!(check("cache_size", u64::MAX).unwrap().cache_size(), u64::MAX);
    for (value, expected) in [("30 days", 2_592_000), ("12h", 43_200), ("90s", 90)] {
        assert_eq!(check("version_ttl", value).unwrap().retention().version_ttl, Some(expected));
    }
    assert!(!check("sync_writes", false).unwrap().sync_writes());
    assert!(check("read_only", true).unwrap().read_only());
    let written = Config::new().with("max_versions", 100).with("version_ttl", 7).with("keep_every", 1000);
    let retention = Settings::check("oak", &KEYS, &written).unwrap().retention();
    assert_eq!(retention, Retention { max_versions: Some(100), version_ttl: Some(7), keep_every: Some(1000) });
    assert!(!retention.keeps_everything());
    assert_eq!(check("colour", "red").unwrap().word_of("colour", "leaf"), Some("red"));
    let table: BTreeMap<String, Value> = [("twig".to_owned(), Value::from("red"))].into();
    let settings = check("colour", table).unwrap();
    assert_eq!((settings.word_of("colour", "leaf"), settings.word_of("colour", "twig")), (Some("green"), Some("red")));
}

#[test]
fn an_unset_key_can_be_written_as_such() {
    for (key, word) in [("max_versions", "all"), ("version_ttl", "forever"), ("keep_every", "none")] {
        assert_eq!(check(key, word).unwrap().retention(), Retention::default());
    }
}

#[test]
fn an_unknown_key_is_named_with_the_nearest_one() {
    let all = "allowed are bark, branches, cache_size, checkpoint_interval, colour, growth, keep_every, max_versions, read_only, sync_writes, version_ttl";
    let near = [("cach_size", "cache_size"), ("cacheSize", "cache_size"), ("Bark", "bark"), ("max_version", "max_versions")];
    for (key, meant) in near {
        assert_eq!(message(key, 1), format!("engineConfigs.oak.{key}: there is no such key (did you mean {meant:?}?); {all}"));
    }
    assert_eq!(message("encryption", "on"), format!("engineConfigs.oak.encryption: there is no such key; {all}"));
    assert_eq!(message("a b", "on"), format!("engineConfigs.oak.\"a b\": there is no such key; {all}"));
    let error = check("cach_size", 1).unwrap_err();
    assert!(matches!(error, ConfigError::UnknownKey { key, allowed, nearest: Some(nearest) }
        if key == "engineConfigs.oak.cach_size" && allowed.len() == 11 && nearest == "cache_size"));
}

#[test]
fn a_value_of_another_type_is_named() {
    let table = || Value::from(BTreeMap::new());
    let bytes = "allowed are bytes: a number, or a number with KiB, MiB, GiB, from 1 MiB";
    let cases = [
        ("cache_size", Value::from("big"), "the text \"big\"", bytes),
        ("cache_size", Value::from("1.5 GiB"), "the text \"1.5 GiB\"", bytes),
        ("cache_size", Value::from(true), "the boolean true", bytes),
        ("cache_size", table(), "a table", bytes),
        ("sync_writes", Value::from("yes"), "the text \"yes\"", "allowed are true and false"),
        ("sync_writes", Value::from(1), "the number 1", "allowed are true and false"),
        ("max_versions", Value::from("5 days"), "the text \"5 days\"", "allowed are numbers from 1, or \"all\""),
        (
            "version_ttl",
            Value::from("1 month"),
            "the text \"1 month\"",
            "allowed are durations: seconds, or a number with s, min, h, days, from 1 s, or \"forever\"",
        ),
        ("bark", Value::from(3), "the number 3", "allowed are \"thin\", \"thick\""),
        (
            "colour",
            Value::from(3),
            "the number 3",
            "allowed are \"green\", \"red\", or a table that gives one of them to some of leaf, twig",
        ),
    ];
    for (key, value, found, allowed) in cases {
        let error = check(key, value).unwrap_err();
        assert_eq!(error.to_string(), format!("engineConfigs.oak.{key}: found {found}; {allowed}"));
        assert!(matches!(error, ConfigError::WrongType { .. }), "{error:?}");
    }
}

#[test]
fn a_value_that_cannot_be_is_named() {
    let bytes = "bytes: a number, or a number with KiB, MiB, GiB, from 1 MiB";
    let cases = [
        ("cache_size", Value::from(1000), "the number 1000", bytes),
        ("cache_size", Value::from("16 EiB"), "the text \"16 EiB\"", bytes),
        ("keep_every", Value::from(0), "the number 0", "numbers from 1, or \"none\""),
        ("branches", Value::from(21), "the number 21", "numbers from 0 to 20"),
        (
            "growth",
            Value::from("2 days"),
            "the text \"2 days\"",
            "durations: seconds, or a number with s, min, h, days, from 1 min to 1 day",
        ),
        ("bark", Value::from("Thick"), "the text \"Thick\"", "\"thin\", \"thick\""),
    ];
    for (key, value, found, allowed) in cases {
        let error = check(key, value).unwrap_err();
        assert_eq!(error.to_string(), format!("engineConfigs.oak.{key}: found {found}; allowed are {allowed}"));
        assert!(matches!(error, ConfigError::Impossible { .. }), "{error:?}");
    }
}

#[test]
fn the_parts_of_a_table_are_checked() {
    let table = |part: &str, value: Value| Value::Table([(part.to_owned(), value)].into());
    assert_eq!(
        message("colour", table("leaff", "red".into())),
        "engineConfigs.oak.colour.leaff: there is no such key (did you mean \"leaf\"?); allowed are leaf, twig"
    );
    assert_eq!(
        message("colour", table("leaf", "blue".into())),
        "engineConfigs.oak.colour.leaf: found the text \"blue\"; allowed are \"green\", \"red\""
    );
    assert_eq!(
        message("colour", table("leaf", table("x", 1.into()))),
        "engineConfigs.oak.colour.leaf: found a table; allowed are \"green\", \"red\""
    );
}

#[test]
fn a_store_has_its_engines_settings_under_its_own() {
    let written = Config::new().with("max_versions", 100).with("version_ttl", "1 day").with("cache_size", "2 MiB");
    let database = Settings::check("oak", &KEYS, &written).unwrap();
    assert_eq!(database.for_store("forest", &KEYS, &Config::new()).unwrap(), database);
    let own = Config::new().with("max_versions", "all").with("keep_every", 5).with("bark", "thick");
    let store = database.for_store("forest", &KEYS, &own).unwrap();
    assert_eq!(store.retention(), Retention { max_versions: None, version_ttl: Some(86_400), keep_every: Some(5) });
    assert_eq!((store.cache_size(), store.word("bark"), database.word("bark")), (2 << 20, Some("thick"), Some("thin")));
}

#[test]
fn what_is_wrong_for_a_store_is_named() {
    let database = Settings::check("oak", &KEYS, &Config::new()).unwrap();
    let message = |key: &str, value: Value| database.for_store("fo rest", &KEYS, &Config::new().with(key, value)).unwrap_err().to_string();
    assert_eq!(
        message("cache_size", "1 GiB".into()),
        "store \"fo rest\": cache_size: found for one store, but it holds for the whole database, as engineConfigs.oak.cache_size; \
         allowed for a store are bark, keep_every, max_versions, version_ttl"
    );
    assert_eq!(
        message("max_versions", 0.into()),
        "store \"fo rest\": max_versions: found the number 0; allowed are numbers from 1, or \"all\""
    );
    assert!(message("barc", "thick".into()).starts_with("store \"fo rest\": barc: there is no such key (did you mean \"bark\"?); allowed"));
}

#[test]
fn keys_are_described() {
    let described = KeyDescription::new(Some("oak"), &KEYS[3]);
    let expected = serde_json::json!({
        "engine": "oak", "key": "growth", "type": "duration", "default": "1 h", "meaning": "How long it grows.", "scope": "database",
        "allowed": "durations: seconds, or a number with s, min, h, days, from 1 min to 1 day",
    });
    assert_eq!(serde_json::to_value(described).unwrap(), expected);
    let defaults: Vec<_> = COMMON_KEYS.iter().map(|key| (key.name, key.default_text())).collect();
    let expected = [
        ("cache_size", "1 GiB"),
        ("checkpoint_interval", "1"),
        ("keep_every", "none"),
        ("max_versions", "all"),
        ("read_only", "false"),
        ("sync_writes", "true"),
        ("version_ttl", "forever"),
    ];
    assert_eq!(defaults, expected.map(|(name, text)| (name, text.to_owned())));
}

#[test]
fn texts_are_read_as_json_and_toml() {
    let expected = MultiStoreConfig::new("trees")
        .with_default_engine("fjall")
        .with_engine_config("rocksdb", Config::new().with("cache_size", "1 GiB").with("sync_writes", false).with("bloom_bits", 12));
    let json = r#"{"rootPath":"trees","defaultEngine":"fjall",
        "engineConfigs":{"rocksdb":{"cache_size":"1 GiB","sync_writes":false,"bloom_bits":12}}}"#;
    let toml =
        "rootPath = 'trees'\ndefaultEngine = 'fjall'\n[engineConfigs.rocksdb]\ncache_size = '1 GiB'\nsync_writes = false\nbloom_bits = 12";
    assert_eq!(MultiStoreConfig::from_json(json).unwrap(), expected);
    assert_eq!(MultiStoreConfig::from_toml(toml).unwrap(), expected);
    assert_eq!(serde_json::from_str::<MultiStoreConfig>(json).unwrap(), expected);
    assert_eq!(toml::from_str::<MultiStoreConfig>(toml).unwrap(), expected);
    assert_eq!(expected.engine_config("rocksdb").get("bloom_bits"), Some(&Value::Integer(12)));
    assert!(expected.engine_config("memory").is_empty());

    let short = MultiStoreConfig::from_json(r#"{"rootPath":"trees"}"#).unwrap();
    assert_eq!(short, MultiStoreConfig::new("trees"));
    assert_eq!((short.root_path.as_path(), short.default_engine.as_str()), (Path::new("trees"), "rocksdb"));
}

#[test]
fn what_is_wrong_in_a_whole_file_is_named() {
    let values = "allowed are booleans, whole numbers from 0 to 18446744073709551615, texts and tables";
    let tables = "allowed are tables of keys and values";
    let cases = [
        ("[]", format!("the configuration: found a list; {tables}")),
        ("7", format!("the configuration: found the number 7; {tables}")),
        ("{}", "rootPath: found nothing; needed is the folder of all stores, a text".to_owned()),
        (r#"{"rootPath":7}"#, "rootPath: found the number 7; allowed are texts: the folder of all stores".to_owned()),
        (r#"{"rootPath":""}"#, "rootPath: found an empty text; allowed are texts: the folder of all stores".to_owned()),
        (r#"{"rootPath":"t","defaultEngine":null}"#, "defaultEngine: found null; allowed are texts: the name of an engine".to_owned()),
        (
            r#"{"rootPath":"t","root_path":"t"}"#,
            "root_path: there is no such key (did you mean \"rootPath\"?); allowed are defaultEngine, engineConfigs, rootPath".to_owned(),
        ),
        (
            r#"{"rootPath":"t","hash":"blake3"}"#,
            "hash: there is no such key; allowed are defaultEngine, engineConfigs, rootPath".to_owned(),
        ),
        (r#"{"rootPath":"t","engineConfigs":[]}"#, format!("engineConfigs: found a list; {tables}")),
        (r#"{"rootPath":"t","engineConfigs":{"memory":true}}"#, format!("engineConfigs.memory: found the boolean true; {tables}")),
        (
            r#"{"rootPath":"t","engineConfigs":{"memory":{"cache_size":-5}}}"#,
            format!("engineConfigs.memory.cache_size: found the negative number -5; {values}"),
        ),
        (
            r#"{"rootPath":"t","engineConfigs":{"memory":{"cache_size":1.5}}}"#,
            format!("engineConfigs.memory.cache_size: found the number 1.5; {values}"),
        ),
        (
            r#"{"rootPath":"t","engineConfigs":{"memory":{"cache_size":18446744073709551616}}}"#,
            format!("engineConfigs.memory.cache_size: found the number 1.8446744073709552e19; {values}"),
        ),
        (
            r#"{"rootPath":"t","engineConfigs":{"memory":{"x":{"a b":[1,[2],{}]}}}}"#,
            format!("engineConfigs.memory.x.\"a b\": found a list; {values}"),
        ),
    ];
    for (json, expected) in cases {
        assert_eq!(MultiStoreConfig::from_json(json).unwrap_err().to_string(), expected, "{json}");
        assert!(serde_json::from_str::<MultiStoreConfig>(json).unwrap_err().to_string().starts_with(&expected), "{json}");
    }
    let cases = [
        ("a = 1979-05-27", format!("a: found a date or time; {values}")),
        ("a = -1", format!("a: found the negative number -1; {values}")),
        ("a.b = nan", format!("a.b: found the number NaN; {values}")),
    ];
    for (toml, expected) in cases {
        assert_eq!(Config::from_toml(toml).unwrap_err().to_string(), expected, "{toml}");
    }
    assert!(serde_json::from_str::<Value>("null").unwrap_err().to_string().starts_with("the value: found null; allowed are booleans"));
}

#[test]
fn wrong_syntax_is_named_with_its_place() {
    let json = [
        ("", "line 1, column 1: this is not JSON: EOF while parsing a value"),
        ("{\"rootPath\":\n  trees}", "line 2, column 5: this is not JSON: expected ident"),
        ("{\"a\":1,\n\"a\":2}", "line 2, column 6: this is not JSON: key \"a\" is given twice"),
        ("{} {}", "line 1, column 4: this is not JSON: trailing characters"),
    ];
    for (text, expected) in json {
        assert_eq!(MultiStoreConfig::from_json(text).unwrap_err().to_string(), expected, "{text}");
    }
    let toml = [
        ("a = \"t\"\nb = = 1", "line 2, column 5: this is not TOML: extra `=`"),
        ("a = 1\n a = 2", "line 2, column 2: this is not TOML: duplicate key"),
        ("a = 1\nb = \"é\" x", "line 2, column 9: this is not TOML: "),
        ("ü = 1", "line 1, column 1: this is not TOML: "),
    ];
    for (text, expected) in toml {
        let error = Config::from_toml(text).unwrap_err().to_string();
        assert!(error.starts_with(expected) && error.contains("this is not TOML: ") && !error.contains('\n'), "{error}");
    }
    let deep = "[".repeat(100_000);
    assert!(matches!(Config::from_json(&deep), Err(ConfigError::Syntax { .. })));
    assert!(matches!(Config::from_toml(&format!("a = {deep}")), Err(ConfigError::Syntax { .. })));
}

#[test]
fn files_are_read_by_their_extension() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let expected = MultiStoreConfig::new("trees");
    assert_eq!(MultiStoreConfig::from_file(write("a.toml", "rootPath = 'trees'")).unwrap(), expected);
    assert_eq!(MultiStoreConfig::from_file(write("a.JSON", r#"{"rootPath":"trees"}"#)).unwrap(), expected);

    let message = |path: &Path| MultiStoreConfig::from_file(path).unwrap_err().to_string().replace(folder.path().to_str().unwrap(), "F");
    assert_eq!(message(&write("a.yaml", "")), "F/a.yaml: the name of a configuration file must end with .json or .toml");
    assert_eq!(message(&folder.path().join("none.toml")), "reading F/none.toml: No such file or directory (os error 2)");
    assert_eq!(message(&write("b.toml", "")), "F/b.toml: rootPath: found nothing; needed is the folder of all stores, a text");
    assert_eq!(message(&write("b.json", "{\n")), "F/b.json: line 2, column 1: this is not JSON: EOF while parsing an object");
}

#[test]
fn what_toml_cannot_say_is_an_error() {
    let config = MultiStoreConfig::new("trees").with_engine_config("memory", Config::new().with("cache_size", u64::MAX));
    assert_eq!(
        config.to_toml().unwrap_err().to_string(),
        "this configuration cannot be written as TOML: engineConfigs.memory.cache_size: found the number 18446744073709551615; \
         allowed are numbers up to 9223372036854775807"
    );
    assert_eq!(MultiStoreConfig::from_json(&config.to_json().unwrap()).unwrap(), config);
}

#[cfg(unix)]
#[test]
fn a_path_that_is_no_text_is_an_error() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let config = MultiStoreConfig::new(Path::new(OsStr::from_bytes(b"tr\xffees")));
    let unwritable = "this configuration cannot be written as JSON: path contains invalid UTF-8 characters";
    assert_eq!(config.to_json().unwrap_err().to_string(), unwritable);
    assert!(matches!(config.to_toml(), Err(ConfigError::Unwritable { .. })));
}

/// Values that TOML has too, three tables deep.
fn values() -> impl Strategy<Value = Value> {
    let flat = prop_oneof![
        any::<bool>().prop_map(Value::from),
        (0..=i64::MAX.unsigned_abs()).prop_map(Value::from),
        "\\PC{0,9}".prop_map(Value::from),
        "[\\x00-\\x7f]{0,5}".prop_map(Value::from),
    ];
    flat.prop_recursive(3, 20, 4, |inner| proptest::collection::btree_map("\\PC{0,6}|[a-z_]{1,9}", inner, 0..4).prop_map(Value::from))
}

fn configs() -> impl Strategy<Value = MultiStoreConfig> {
    let config = proptest::collection::btree_map("\\PC{0,6}|[a-z_]{1,9}", values(), 0..4).prop_map(|entries| entries.into_iter().collect());
    let engines = proptest::collection::btree_map("\\PC{0,6}|[a-z]{1,9}", config, 0..4);
    ("\\PC{1,9}", "\\PC{1,9}", engines).prop_map(|(root, default, engines)| {
        let config = MultiStoreConfig::new(root).with_default_engine(default);
        engines.into_iter().fold(config, |config, (name, engine)| config.with_engine_config(name, engine))
    })
}

proptest! {
    #[test]
    fn a_configuration_survives_json_and_toml(config in configs()) {
        prop_assert_eq!(&MultiStoreConfig::from_json(&config.to_json().unwrap()).unwrap(), &config);
        prop_assert_eq!(&MultiStoreConfig::from_toml(&config.to_toml().unwrap()).unwrap(), &config);
        for engine in config.engine_configs.values() {
            let json = serde_json::to_string(engine).unwrap();
            prop_assert_eq!(&Config::from_json(&json).unwrap(), engine);
            prop_assert_eq!(&serde_json::from_str::<Config>(&json).unwrap(), engine);
        }
    }

    #[test]
    fn numbers_are_taken_just_within_their_range(number in prop_oneof![0_u64..100, any::<u64>(), (1_u64 << 20) - 3..(1 << 20) + 3]) {
        prop_assert_eq!(check("branches", number).ok().map(|settings| settings.number("branches")), (number <= 20).then_some(Some(number)));
        for value in [Value::from(number), Value::from(format_bytes(number))] {
            let taken = check("cache_size", value).ok().map(|settings| settings.cache_size());
            prop_assert_eq!(taken, (number >= 1 << 20).then_some(number));
        }
        for value in [Value::from(number), Value::from(format_seconds(number))] {
            let taken = check("growth", value).ok().and_then(|settings| settings.number("growth"));
            prop_assert_eq!(taken, (60..=86_400).contains(&number).then_some(number));
        }
    }

    #[test]
    fn retention_survives_json(max_versions: Option<u64>, version_ttl: Option<u64>, keep_every: Option<u64>) {
        let retention = Retention { max_versions, version_ttl, keep_every };
        prop_assert_eq!(serde_json::from_str::<Retention>(&serde_json::to_string(&retention).unwrap()).unwrap(), retention);
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,60}|[\\[\\]{}\"=:,.a0-9\\n-]{0,60}") {
        let _ = (Config::from_json(&text), Config::from_toml(&text), MultiStoreConfig::from_json(&text), MultiStoreConfig::from_toml(&text));
    }
}
