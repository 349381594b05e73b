//! Access to the golden vectors.

use serde_json::Value;
use treering_proofs::Hash;

pub(crate) fn load(name: &str) -> Value {
    let path = format!("../tests/vectors/{name}");
    serde_json::from_str(&std::fs::read_to_string(&path).expect(&path)).expect(&path)
}

/// Decodes the hex string at this key.
pub(crate) fn bytes(value: &Value, key: &str) -> Vec<u8> {
    hex::decode(text(value, key)).unwrap()
}

pub(crate) fn hash(value: &Value, key: &str) -> Hash {
    text(value, key).parse().unwrap()
}

pub(crate) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().expect(key)
}

pub(crate) fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

/// A proof of the vectors, with what it is about.
pub(crate) struct Golden {
    pub root: Hash,
    pub size: u64,
    pub key: Vec<u8>,
    /// `None`: the key is absent.
    pub value: Option<Vec<u8>>,
    pub proof: Vec<u8>,
    pub verifies: bool,
    pub note: Option<String>,
}

/// All proofs about keys.
pub(crate) fn proofs() -> Vec<Golden> {
    let mut all = Vec::new();
    for file in ["proofs.json", "proofs-tiny.json"] {
        for tree in list(&load(file), "trees") {
            for proof in list(tree, "proofs") {
                all.push(Golden {
                    root: hash(tree, "root"),
                    size: tree["size"].as_u64().or_else(|| text(tree, "size").parse().ok()).unwrap(),
                    key: bytes(proof, "key"),
                    value: (proof["kind"] == "exist").then(|| bytes(proof, "value")),
                    proof: bytes(proof, "proof"),
                    verifies: proof["verifies"].as_bool().unwrap(),
                    note: proof["note"].as_str().map(Into::into),
                });
            }
        }
    }
    assert_eq!(all.len(), 257);
    all
}
