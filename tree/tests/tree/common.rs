//! The golden vectors of cosmos/iavl (tests/vectors, described in the README of their makers) and the rules by which keys and values are made.
#![allow(dead_code, clippy::allow_attributes, clippy::allow_attributes_without_reason)]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test helpers: a bad vector file must stop the test")]

use std::path::PathBuf;

use serde_json::Value;
use sha2::{Digest, Sha256};
use treering_tree::Tree;

/// One operation of a scenario.
#[derive(Clone, Debug)]
pub enum Op {
    Set(Vec<u8>, Vec<u8>),
    Delete(Vec<u8>),
}

impl Op {
    pub fn apply(&self, tree: &mut Tree) {
        match self {
            Self::Set(key, value) => {
                tree.set(key, value).unwrap();
            }
            Self::Delete(key) => {
                tree.remove(key).unwrap();
            }
        }
    }
}

/// A version of a scenario: what to do, and what cosmos/iavl gave.
pub struct VersionVector {
    pub version: u64,
    pub ops: Vec<Op>,
    pub root: String,
    pub size: u64,
    pub height: u8,
    pub contents: Option<String>,
}

pub struct Scenario {
    pub name: String,
    pub initial_version: u64,
    pub versions: Vec<VersionVector>,
}

pub fn vectors() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors")
}

pub fn json(name: &str) -> Value {
    let text = std::fs::read_to_string(vectors().join(name)).unwrap();
    serde_json::from_str(&text).unwrap()
}

pub fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

/// The names of all scenarios with operations or a rule.
pub fn scenario_names() -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(vectors())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".json"))
        .filter(|name| matches!(json(name)["format"].as_str(), Some("iavl-ops-v1" | "iavl-rule-v1")))
        .map(|name| name.trim_end_matches(".json").to_owned())
        .collect();
    names.sort();
    names
}

pub fn scenario(name: &str) -> Scenario {
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
    Scenario {
        name: name.to_owned(),
        initial_version: file["initial_version"].as_u64().unwrap_or(1),
        versions: versions.collect(),
    }
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
            if (h >> 32) % 5 == 0 { Op::Delete(key(i, 16)) } else { Op::Set(key(i, 16), value(i, version, 32)) }
        })
        .collect()
}

pub fn mix64(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The random numbers of the vectors.
pub struct SplitMix64(pub u64);

impl SplitMix64 {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix64(self.0)
    }

    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

pub fn key(i: u64, length: usize) -> Vec<u8> {
    let digest = Sha256::new().chain_update(b"k").chain_update(i.to_be_bytes()).finalize();
    digest[..length].to_vec()
}

pub fn value(i: u64, version: u64, length: usize) -> Vec<u8> {
    let digest = Sha256::new().chain_update(b"v").chain_update(i.to_be_bytes()).chain_update(version.to_be_bytes()).finalize();
    digest.iter().copied().cycle().take(length).collect()
}

/// The digest of all pairs in order, as the vectors have it.
pub fn contents_digest(tree: &Tree) -> String {
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
