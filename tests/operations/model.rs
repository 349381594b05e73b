//! Random sequences of operations against maps, one for each version of each store.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::api::Api;

const STORES: [&str; 2] = ["bank", "gov"];
const KEYS: u8 = 24;

/// A key's value, and the version that set it; `None`: it is not saved yet.
type Map = BTreeMap<String, (String, Option<u64>)>;
type State = [Map; 2];
/// A store, a key, and its new value.
type Write = (usize, u8, Option<u8>);

#[derive(Clone, Debug)]
enum Op {
    Batch(Vec<Write>),
    /// Writes of one store that expect a key to be as it is (or not to be).
    Transaction(usize, u8, bool, Vec<Write>),
    Save,
    Prepare(bool),
    Discard,
    Rollback(u64),
    LoadAndBack(u64),
    Prune(u64),
    GetMany(usize, Option<u64>, Vec<u8>),
    Scan(usize, Option<u64>, u8, u8, bool, u32),
    Diff(usize, u64, u64, u32),
    History(usize, u8, u32),
    Prove(usize, u8, u64),
}

fn op() -> impl Strategy<Value = Op> {
    let store = || 0..STORES.len();
    let key = || 0..KEYS;
    let write = || (store(), key(), prop::option::weighted(0.7, 0..4u8));
    let writes = || prop::collection::vec(write(), 0..8);
    // Of versions, how far back from the newest one.
    let back = || 0..6u64;
    prop_oneof![
        6 => writes().prop_map(Op::Batch),
        4 => (store(), key(), any::<bool>(), writes()).prop_map(|(s, k, r, w)| Op::Transaction(s, k, r, w)),
        6 => Just(Op::Save),
        2 => any::<bool>().prop_map(Op::Prepare),
        1 => Just(Op::Discard),
        1 => back().prop_map(Op::Rollback),
        1 => back().prop_map(Op::LoadAndBack),
        1 => (1..4u64).prop_map(Op::Prune),
        4 => (store(), prop::option::of(back()), prop::collection::vec(key(), 0..40)).prop_map(|(s, v, k)| Op::GetMany(s, v, k)),
        4 => (store(), prop::option::of(back()), key(), key(), any::<bool>(), 1..9u32).prop_map(|(s, v, a, b, d, l)| Op::Scan(s, v, a, b, d, l)),
        4 => (store(), back(), back(), 1..9u32).prop_map(|(s, f, t, l)| Op::Diff(s, f, t, l)),
        4 => (store(), key(), 1..5u32).prop_map(|(s, k, l)| Op::History(s, k, l)),
        2 => (store(), key(), back()).prop_map(|(s, k, v)| Op::Prove(s, k, v)),
    ]
}

struct Run {
    api: Api,
    working: State,
    /// Every version that was saved and not rolled back.
    saved: BTreeMap<u64, State>,
    /// Those of them that were not pruned.
    kept: BTreeSet<u64>,
}

fn key_of(key: u8) -> String {
    // Some are beginnings of others.
    if key.is_multiple_of(3) { "k".repeat(usize::from(key / 3)) } else { format!("k{key:02}") }
}

fn apply(map: &mut Map, key: u8, value: Option<u8>) {
    match value {
        Some(value) => map.insert(key_of(key), (value.to_string(), None)),
        None => map.remove(&key_of(key)),
    };
}

fn written(write: &Write, has_store: bool) -> Value {
    let (store, key, value) = write;
    let mut operation = json!({ "op": if value.is_some() { "set" } else { "delete" }, "key": key_of(*key) });
    if let Some(value) = value {
        operation["value"] = json!(value.to_string());
    }
    if has_store {
        operation["store"] = json!(STORES[*store]);
    }
    operation
}

impl Run {
    fn new() -> Self {
        Self { api: Api::new(&STORES), working: State::default(), saved: BTreeMap::new(), kept: BTreeSet::new() }
    }

    fn newest(&self) -> u64 {
        self.saved.keys().next_back().copied().unwrap_or(0)
    }

    /// The kept version so far back, if any is kept.
    fn version(&self, back: u64) -> Option<u64> {
        let back = usize::try_from(back).unwrap() % self.kept.len().max(1);
        self.kept.iter().rev().nth(back).copied()
    }

    fn step(&mut self, op: &Op) {
        match op {
            Op::Batch(writes) => {
                let operations: Vec<Value> = writes.iter().map(|write| written(write, true)).collect();
                let done = self.api.ok("batch.apply", json!({ "operations": operations, "encoding": "utf8" }));
                assert_eq!(done["applied"], writes.len());
                for (store, key, value) in writes {
                    apply(&mut self.working[*store], *key, *value);
                }
            }
            Op::Transaction(store, key, is_right, writes) => self.transaction(*store, *key, *is_right, writes),
            Op::Save => {
                let info = self.api.ok("versions.save", json!({}));
                self.is_saved(&info);
            }
            Op::Prepare(is_committed) => {
                let prepared = self.api.ok("versions.prepare", json!({}));
                let id = json!({ "prepared": prepared["prepared"] });
                if *is_committed {
                    let info = self.api.ok("versions.commit", id);
                    assert_eq!(info["app_hash"], prepared["app_hash"]);
                    self.is_saved(&info);
                } else {
                    self.api.ok("versions.abandon", id);
                }
            }
            Op::Discard => {
                self.api.ok("versions.discard", json!({}));
                self.is_discarded();
            }
            Op::Rollback(back) => self.roll_back(*back),
            Op::LoadAndBack(back) => self.load_and_back(*back),
            Op::Prune(last) => self.prune(*last),
            Op::GetMany(store, back, keys) => self.get_many(*store, *back, keys),
            Op::Scan(store, back, from, to, is_descending, limit) => self.scan(*store, *back, (*from, *to), *is_descending, *limit),
            Op::Diff(store, from, to, limit) => self.diff(*store, *from, *to, *limit),
            Op::History(store, key, limit) => self.history(*store, &key_of(*key), *limit),
            Op::Prove(store, key, back) => self.prove(*store, &key_of(*key), *back),
        }
    }

    fn is_saved(&mut self, info: &Value) {
        let version = self.newest() + 1;
        assert_eq!(info["version"], version);
        for (map, store) in self.working.iter_mut().zip(info["stores"].as_array().unwrap()) {
            for (_, set_at) in map.values_mut() {
                set_at.get_or_insert(version);
            }
            assert_eq!(store["size"], map.len());
        }
        self.saved.insert(version, self.working.clone());
        self.kept.insert(version);
    }

    fn is_discarded(&mut self) {
        self.working = self.saved.values().next_back().cloned().unwrap_or_default();
    }

    fn transaction(&mut self, store: usize, key: u8, is_right: bool, writes: &[Write]) {
        let value = self.working[store].get(&key_of(key)).map(|(value, _)| value.clone());
        let expected = if is_right { value } else { value.map_or(Some("9".to_owned()), |_| None) };
        let operations: Vec<Value> = writes.iter().map(|write| written(write, false)).collect();
        let expect = [json!({ "key": key_of(key), "value": expected })];
        let input = json!({ "store": STORES[store], "expect": expect, "operations": operations, "encoding": "utf8" });
        if !is_right {
            assert_eq!(self.api.err("transaction.run", input)["code"], "expectation_failed");
            return;
        }
        let done = self.api.ok("transaction.run", input);
        let keys: BTreeSet<u8> = writes.iter().map(|(_, key, _)| *key).collect();
        assert_eq!(done["writes"], keys.iter().map(|key| key_of(*key)).collect::<BTreeSet<_>>().len());
        for (_, key, value) in writes {
            apply(&mut self.working[store], *key, *value);
        }
    }

    fn roll_back(&mut self, back: u64) {
        let Some(version) = self.version(back) else { return };
        let info = self.api.ok("versions.rollback", json!({ "version": version }));
        assert_eq!(info["version"], version);
        self.saved.retain(|saved, _| *saved <= version);
        self.kept.retain(|kept| *kept <= version);
        self.is_discarded();
    }

    fn load_and_back(&mut self, back: u64) {
        let Some(version) = self.version(back) else { return };
        self.api.ok("versions.load", json!({ "version": version }));
        for (name, map) in STORES.iter().zip(&self.saved[&version]) {
            let page = self.api.ok("store.scan", json!({ "store": name, "encoding": "utf8" }));
            assert_eq!(page["items"], items(map));
        }
        assert_eq!(self.api.ok("versions.list", json!({}))["current"], version);
        self.api.ok("versions.load", json!({ "version": self.newest() }));
        self.is_discarded();
    }

    fn prune(&mut self, last: u64) {
        if self.kept.is_empty() {
            return;
        }
        let before = self.kept.len();
        let goes = before.saturating_sub(usize::try_from(last).unwrap());
        let report = self.api.ok("versions.prune", json!({ "keep": { "last": last } }));
        assert_eq!((&report["versions"], &report["deferred"]), (&json!(goes), &json!([])));
        self.kept = self.kept.iter().copied().skip(goes).collect();
    }

    /// Keys in any order, some of them more than once.
    fn get_many(&self, store: usize, back: Option<u64>, keys: &[u8]) {
        let version = back.and_then(|back| self.version(back));
        let map = version.map_or(&self.working[store], |version| &self.saved[&version][store]);
        let keys: Vec<String> = keys.iter().map(|key| key_of(*key)).collect();
        let input = json!({ "store": STORES[store], "version": version, "keys": keys, "encoding": "utf8" });
        let found = self.api.ok("store.get_many", input);
        let expected = keys.iter().map(|key| {
            let (value, set_at) = map.get(key).map_or((None, None), |(value, set_at)| (Some(value), *set_at));
            json!({ "key": key, "found": value.is_some(), "value": value, "set_at": set_at })
        });
        assert_eq!(found, json!({ "version": version, "items": expected.collect::<Vec<_>>() }));
    }

    fn scan(&self, store: usize, back: Option<u64>, (from, to): (u8, u8), is_descending: bool, limit: u32) {
        let version = back.and_then(|back| self.version(back));
        let map = version.map_or(&self.working[store], |version| &self.saved[&version][store]);
        let (start, end) = (key_of(from), key_of(to));
        let inside: Map =
            map.iter().filter(|(key, _)| **key >= start && **key < end).map(|(key, value)| (key.clone(), value.clone())).collect();
        let mut expected = items(&inside).as_array().unwrap().clone();
        if is_descending {
            expected.reverse();
        }
        let order = if is_descending { "descending" } else { "ascending" };
        let input = json!({ "store": STORES[store], "version": version, "start": start, "end": end, "order": order });
        assert_eq!(self.pages("store.scan", input, "after", "items", limit), expected);
    }

    /// The entries of all pages.
    fn pages(&self, id: &str, mut input: Value, cursor: &str, field: &str, limit: u32) -> Vec<Value> {
        let mut all = Vec::new();
        (input["limit"], input["encoding"]) = (json!(limit), json!("utf8"));
        loop {
            let page = self.api.ok(id, input.clone());
            assert!(page[field].as_array().unwrap().len() <= limit as usize);
            all.extend(page[field].as_array().unwrap().iter().cloned());
            if page["next"].is_null() {
                return all;
            }
            input[cursor] = page["next"].clone();
        }
    }

    fn diff(&self, store: usize, from: u64, to: u64, limit: u32) {
        let (Some(from), Some(to)) = (self.version(from), self.version(to)) else { return };
        let (old, new) = (&self.saved[&from][store], &self.saved[&to][store]);
        let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        let value = |map: &Map, key: &String| map.get(key).map(|(value, _)| value.clone());
        let expected: Vec<Value> = keys
            .into_iter()
            .filter_map(|key| {
                let kind = match (value(old, key), value(new, key)) {
                    (old, new) if old == new => return None,
                    (None, _) => "added",
                    (_, None) => "removed",
                    _ => "changed",
                };
                Some(json!({ "key": key, "kind": kind, "old": value(old, key), "new": value(new, key) }))
            })
            .collect();
        let input = json!({ "store": STORES[store], "from": from, "to": to });
        assert_eq!(self.pages("store.diff", input, "after", "changes", limit), expected);
    }

    /// Entries for what kept versions say; of a deletion the version is known as far as kept versions tell.
    fn history(&self, store: usize, key: &str, limit: u32) {
        if self.kept.is_empty() {
            return;
        }
        let input = json!({ "store": STORES[store], "key": key });
        let found = self.pages("store.history", input, "before", "entries", limit);
        let mut found = found.iter();
        let mut absent_from = None;
        let mut last_set_at = None;
        for version in self.kept.iter().rev() {
            let Some((value, set_at)) = self.saved[version][store].get(key) else {
                absent_from = Some(*version);
                continue;
            };
            if let Some(absent_from) = absent_from.take() {
                let entry = found.next().unwrap();
                let removed_in = entry["version"].as_u64().unwrap();
                assert_eq!((&entry["deleted"], &entry["value"]), (&json!(true), &Value::Null));
                assert!(*version < removed_in && removed_in <= absent_from, "{removed_in} is not in ({version}, {absent_from}]");
                // Since then it was absent, in versions that are not kept either.
                assert!((removed_in..=absent_from).all(|version| !self.saved[&version][store].contains_key(key)));
                last_set_at = None;
            }
            if last_set_at == *set_at {
                continue;
            }
            last_set_at = *set_at;
            let entry = found.next().unwrap();
            assert_eq!((&entry["version"], &entry["value"], &entry["deleted"]), (&json!(set_at), &json!(value), &json!(false)));
            assert_eq!(entry["time"].is_null(), !self.kept.contains(&set_at.unwrap()));
        }
        assert_eq!(found.next(), None);
    }

    fn prove(&self, store: usize, key: &str, back: u64) {
        let Some(version) = self.version(back) else { return };
        let value = self.saved[&version][store].get(key).map(|(value, _)| value.clone());
        let proof = self.api.ok("proof.make", json!({ "store": STORES[store], "key": key, "version": version, "encoding": "utf8" }));
        assert_eq!((&proof["value"], &proof["version"]), (&json!(value), &json!(version)));
        let app_hash = self.api.ok("versions.get", json!({ "version": version }))["app_hash"].clone();
        let claim = json!({ "app_hash": app_hash, "store": STORES[store], "key": key, "proof": proof["proof"], "encoding": "utf8" });
        let verdict = self.api.ok("proof.verify", claim);
        assert_eq!((&verdict["valid"], &verdict["value"]), (&json!(true), &json!(value)));
    }

    /// What holds after every step.
    fn check(&self) {
        for (name, map) in STORES.iter().zip(&self.working) {
            for key in [0, 1, KEYS - 1].map(key_of) {
                let found = self.api.ok("store.get", json!({ "store": name, "key": key, "encoding": "utf8" }));
                let (value, set_at) = map.get(&key).map_or((None, None), |(value, set_at)| (Some(value), *set_at));
                assert_eq!((&found["value"], &found["set_at"], &found["version"]), (&json!(value), &json!(set_at), &Value::Null));
                let Some(newest) = self.kept.iter().next_back() else { continue };
                let found = self.api.ok("store.get", json!({ "store": name, "key": key, "version": newest, "encoding": "utf8" }));
                let saved = &self.saved[newest][usize::from(*name == "gov")];
                let (value, set_at) = saved.get(&key).map_or((None, None), |(value, set_at)| (Some(value), *set_at));
                assert_eq!((&found["value"], &found["set_at"], &found["version"]), (&json!(value), &json!(set_at), &json!(newest)));
            }
        }
        let listed = self.api.ok("versions.list", json!({ "limit": 1000 }));
        let numbers: Vec<u64> = listed["versions"].as_array().unwrap().iter().map(|info| info["version"].as_u64().unwrap()).collect();
        assert_eq!(numbers, self.kept.iter().rev().copied().collect::<Vec<_>>());
        let edge = |version: Option<&u64>| json!(version);
        assert_eq!((&listed["oldest"], &listed["newest"]), (&edge(self.kept.first()), &edge(self.kept.last())));
    }
}

fn items(map: &Map) -> Value {
    map.iter().map(|(key, (value, _))| json!({ "key": key, "value": value })).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn operations_do_what_maps_do(ops in prop::collection::vec(op(), 1..60)) {
        let mut run = Run::new();
        for op in &ops {
            run.step(op);
            run.check();
        }
        run.api.ok("system.check", json!({}));
        run.api.ok("system.check", json!({ "thorough": true }));
    }
}

#[test]
fn versions_are_listed_a_page_at_a_time() {
    let mut run = Run::new();
    for _ in 0..25 {
        run.step(&Op::Save);
    }
    for limit in [1, 7, 24, 25, 26] {
        let (mut numbers, mut before) = (Vec::new(), Value::Null);
        loop {
            let page = run.api.ok("versions.list", json!({ "limit": limit, "before": before }));
            numbers.extend(page["versions"].as_array().unwrap().iter().map(|info| info["version"].as_u64().unwrap()));
            before = page["next"].clone();
            if before.is_null() {
                break;
            }
        }
        assert_eq!(numbers, (1..=25).rev().collect::<Vec<_>>());
    }
    assert_eq!(run.api.ok("versions.list", json!({}))["versions"].as_array().unwrap().len(), 20);
}
