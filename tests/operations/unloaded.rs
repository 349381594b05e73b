//! The same where most nodes are not in memory, and where versions lie between checkpoints.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use treering::config::{Config, MultiStoreConfig};
use treering::system::SystemConfig;

use crate::api::Api;

const KEYS: u64 = 3_000;
const VERSIONS: u64 = 6;

/// Key numbers, with the versions that set them.
type Map = BTreeMap<u64, u64>;

fn key(number: u64) -> String {
    format!("{number:06}")
}

/// Long, so that a store does not fit into the smallest cache.
fn value(number: u64, version: u64) -> String {
    format!("{number}@{version}{}", " ".repeat(600))
}

/// Sets some keys and removes others; gives what the store holds then.
fn change(api: &Api, before: &Map, version: u64) -> Map {
    let mut map = before.clone();
    let touched = |number: &u64| version == 1 || (number * 7 + version * 13).is_multiple_of(97);
    let operations: Vec<Value> = (0..KEYS)
        .filter(touched)
        .map(|number| {
            if (number + version).is_multiple_of(5) {
                map.remove(&number);
                return json!({ "op": "delete", "store": "bank", "key": key(number) });
            }
            map.insert(number, version);
            json!({ "op": "set", "store": "bank", "key": key(number), "value": value(number, version) })
        })
        .collect();
    api.ok("batch.apply", json!({ "operations": operations, "encoding": "utf8" }));
    assert_eq!(api.save(), version);
    map
}

fn check_keys(api: &Api, maps: &[Map]) {
    for number in (0..KEYS).step_by(37) {
        for version in [None, Some(1), Some(3), Some(VERSIONS)] {
            let map = &maps[usize::try_from(version.unwrap_or(VERSIONS)).unwrap()];
            let found = api.ok("store.get", json!({ "store": "bank", "key": key(number), "version": version, "encoding": "utf8" }));
            let set_at = map.get(&number);
            assert_eq!((&found["set_at"], &found["value"]), (&json!(set_at), &json!(set_at.map(|set_at| value(number, *set_at)))));
        }
        let path = api.ok("store.path", json!({ "store": "bank", "key": key(number), "version": 3, "encoding": "utf8" }));
        assert_eq!(path["found"], maps[3].contains_key(&number));
        let proof = api.ok("proof.make", json!({ "store": "bank", "key": key(number), "version": 3, "encoding": "utf8" }));
        assert_eq!(proof["proof"]["proof"].get("existence").is_some(), maps[3].contains_key(&number));
        let steps: Vec<Option<u64>> = maps[1..].iter().map(|map| map.get(&number).copied()).collect();
        let mut expected: Vec<Value> = (1..=VERSIONS)
            .zip(&steps)
            .enumerate()
            .filter(|(at, (version, step))| **step == Some(*version) || step.is_none() && *at > 0 && steps[at - 1].is_some())
            .map(|(_, (version, step))| json!([version, step.is_none()]))
            .collect();
        expected.reverse();
        let history = api.ok("store.history", json!({ "store": "bank", "key": key(number), "encoding": "utf8" }));
        let found: Vec<Value> =
            history["entries"].as_array().unwrap().iter().map(|entry| json!([entry["version"], entry["deleted"]])).collect();
        assert_eq!(found, expected, "{number}");
    }
}

/// Many keys at once, of which only some are in memory.
fn check_many(api: &Api, version: Option<u64>, map: &Map) {
    for numbers in (0..KEYS + 100).rev().collect::<Vec<_>>().chunks(500) {
        let keys: Vec<String> = numbers.iter().map(|number| key(*number)).collect();
        let found = api.ok("store.get_many", json!({ "store": "bank", "keys": keys, "version": version, "encoding": "utf8" }));
        for (number, item) in numbers.iter().zip(found["items"].as_array().unwrap()) {
            let set_at = map.get(number);
            let value = set_at.map(|set_at| value(*number, *set_at));
            assert_eq!(*item, json!({ "key": key(*number), "found": value.is_some(), "value": value, "set_at": set_at }));
        }
    }
}

fn check_differences(api: &Api, maps: &[Map]) {
    for (from, to) in [(1, VERSIONS), (2, 3), (5, 2), (4, 4)] {
        let (old, new) = (&maps[usize::try_from(from).unwrap()], &maps[usize::try_from(to).unwrap()]);
        let expected: Vec<String> = (0..KEYS).filter(|number| old.get(number) != new.get(number)).map(key).collect();
        let changes = api.ok("store.diff", json!({ "store": "bank", "from": from, "to": to, "limit": 10_000, "encoding": "utf8" }));
        let found: Vec<&str> = changes["changes"].as_array().unwrap().iter().map(|change| change["key"].as_str().unwrap()).collect();
        assert_eq!((found, &changes["next"]), (expected.iter().map(String::as_str).collect(), &Value::Null));
    }
}

#[test]
fn what_is_not_in_memory_is_read_right() {
    for interval in [1_u64, 4] {
        let config = Config::new().with("cache_size", 1_u64 << 20).with("checkpoint_interval", interval);
        let stores = MultiStoreConfig::new("").with_default_engine("memory").with_engine_config("memory", config);
        let api = Api::with(SystemConfig::of_stores(stores), &["bank"]);
        let mut maps = vec![Map::new()];
        for version in 1..=VERSIONS {
            let map = change(&api, maps.last().unwrap(), version);
            maps.push(map);
        }
        check_keys(&api, &maps);
        for version in 1..=VERSIONS {
            check_many(&api, Some(version), &maps[usize::try_from(version).unwrap()]);
        }
        check_many(&api, None, &maps[usize::try_from(VERSIONS).unwrap()]);
        check_differences(&api, &maps);
        // Removed keys are known in memory, their neighbours are not.
        let gone: Vec<u64> = (0..KEYS).step_by(7).collect();
        let deletes: Vec<Value> = gone.iter().map(|number| json!({ "op": "delete", "store": "bank", "key": key(*number) })).collect();
        api.ok("batch.apply", json!({ "operations": deletes, "encoding": "utf8" }));
        let mut working = maps.pop().unwrap();
        gone.iter().for_each(|number| drop(working.remove(number)));
        check_many(&api, None, &working);
    }
}
