//! The golden vectors of cosmos/iavl (tests/vectors, described in the README of their makers).

use std::path::PathBuf;

use serde_json::Value;
use sha2::{Digest, Sha256};
use treering_tree::Tree;

use crate::workload::{Op, key, mix64, value};

/// A version of a scenario: what to do, and what cosmos/iavl gave.
pub(crate) struct VersionVector {
    pub(crate) version: u64,
    pub(crate) ops: Vec<Op>,
    pub(crate) root: String,
    pub(crate) size: u64,
    pub(crate) height: u8,
    pub(crate) contents: Option<String>,
}

pub(crate) struct Scenario {
    pub(crate) initial_version: u64,
    pub(crate) versions: Vec<VersionVector>,
}

pub(crate) fn vectors() -> PathBuf {
    PathBuf::from("../tests/vectors")
}

pub(crate) fn json(name: &str) -> Value {
    let text = std::fs::read_to_string(vectors().join(name)).unwrap();
    serde_json::from_str(&text).unwrap()
}

pub(crate) fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

/// The names of all scenarios with operations or a rule.
pub(crate) fn scenario_names() -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(vectors())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| name.strip_suffix(".json").map(str::to_owned))
        .filter(|name| matches!(json(&format!("{name}.json"))["format"].as_str(), Some("iavl-ops-v1" | "iavl-rule-v1")))
        .collect();
    names.sort();
    names
}

pub(crate) fn scenario(name: &str) -> Scenario {
    let file = json(&format!("{name}.json"));
    let by_rule = file["format"] == "iavl-rule-v1";
    let versions = file["versions"].as_array().unwrap().iter().map(|vector| {
        let version = vector["version"].as_u64().unwrap();
        VersionVector {
            version,
            ops: if by_rule { rule_ops(version) } else { listed_ops(&vector["ops"]) },
            root: vector["root"].as_str().unwrap().to_owned(),
            size: vector["size"].as_u64().unwrap(),
            height: u8::try_from(vector["height"].as_u64().unwrap()).unwrap(),
            contents: vector["contents_sha256"].as_str().map(str::to_owned),
        }
    });
    Scenario { initial_version: file["initial_version"].as_u64().unwrap_or(1), versions: versions.collect() }
}

fn listed_ops(ops: &Value) -> Vec<Op> {
    let ops = ops.as_array().map(Vec::as_slice).unwrap_or_default();
    ops.iter()
        .map(|op| match op[0].as_str().unwrap() {
            "set" => Op::Set(bytes(&op[1]), bytes(&op[2])),
            _ => Op::Delete(bytes(&op[1])),
        })
        .collect()
}

/// The operations of large-rule.json.
fn rule_ops(version: u64) -> Vec<Op> {
    (0..2000)
        .map(|j| {
            let h = mix64((version << 32) + j);
            let i = h % 30_000;
            if (h >> 32).is_multiple_of(5) { Op::Delete(key(i, 16)) } else { Op::Set(key(i, 16), value(i, version, 32)) }
        })
        .collect()
}

/// The digest of all pairs in order, as the vectors have it.
pub(crate) fn contents_digest(tree: &Tree) -> String {
    let mut digest = Sha256::new();
    for entry in tree {
        let (key, value) = entry.unwrap();
        for part in [key, value] {
            digest.update(u32::try_from(part.len()).unwrap().to_be_bytes());
            digest.update(part);
        }
    }
    hex::encode(digest.finalize())
}
