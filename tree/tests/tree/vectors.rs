//! Roots, sizes, heights, contents, proofs and node streams of cosmos/iavl, bit for bit.

use std::collections::HashMap;

use crate::common::{bytes, contents_digest, json, scenario, scenario_names};
use crate::workload::{Config, Op, Workload};
use treering_proofs::{HashFunction, ics23};
use treering_tree::{ExportNode, Importer, Options, Tree};

fn new_tree(initial_version: u64) -> Tree {
    Tree::with_options(Options { initial_version, ..Options::default() }).unwrap()
}

/// The tree of every version of a scenario.
fn play(name: &str) -> HashMap<u64, Tree> {
    let scenario = scenario(name);
    let mut tree = new_tree(scenario.initial_version);
    let mut versions = HashMap::new();
    for vector in scenario.versions {
        for op in &vector.ops {
            op.apply(&mut tree);
        }
        assert_eq!(tree.save().unwrap().version, vector.version, "{name}");
        versions.insert(vector.version, tree.clone());
    }
    versions
}

#[test]
fn every_version_of_every_scenario_is_that_of_iavl() {
    let names = scenario_names();
    assert!(names.len() >= 14, "the vectors are there: {names:?}");
    for name in names {
        let scenario = scenario(&name);
        let mut tree = new_tree(scenario.initial_version);
        for vector in &scenario.versions {
            for op in &vector.ops {
                op.apply(&mut tree);
            }
            let early = tree.working_hash().unwrap();
            let saved = tree.save().unwrap();
            let at = format!("{name} version {}", vector.version);
            assert_eq!(saved.version, vector.version, "{at}");
            assert_eq!(saved.root_hash.to_string(), vector.root, "{at}");
            assert_eq!(early, saved.root_hash, "{at}");
            assert_eq!((tree.size(), tree.height()), (vector.size, vector.height), "{at}");
            if let Some(contents) = &vector.contents {
                assert_eq!(&contents_digest(&tree), contents, "{at}");
            }
            tree.check().unwrap();
        }
    }
}

#[test]
fn proofs_are_those_of_iavl_byte_for_byte() {
    let mut count = 0;
    for file in ["proofs.json", "proofs-tiny.json"] {
        let mut trees: HashMap<String, HashMap<u64, Tree>> = HashMap::new();
        for vector in json(file)["trees"].as_array().unwrap() {
            let name = vector["scenario"].as_str().unwrap();
            let versions = trees.entry(name.to_owned()).or_insert_with(|| play(name));
            let tree = &versions[&vector["version"].as_u64().unwrap()];
            assert_eq!(tree.root_hash().unwrap().to_string(), vector["root"].as_str().unwrap());
            for expected in vector["proofs"].as_array().unwrap() {
                let key = bytes(&expected["key"]);
                let proof = tree.prove(&key).unwrap();
                let verified = proof.verify(HashFunction::Sha256, &tree.root_hash().unwrap(), &key);
                assert!(verified.is_ok(), "{name}: {verified:?}");
                let encoded = ics23::to_ics23(HashFunction::Sha256, &proof);
                if expected["verifies"].as_bool().unwrap() {
                    assert_eq!(hex::encode(encoded.unwrap()), expected["proof"].as_str().unwrap(), "{name}");
                } else {
                    assert!(encoded.is_err(), "ICS-23 has no proof of an empty key or value: {name}");
                }
                count += 1;
            }
        }
    }
    assert!(count > 200, "{count} proofs");
}

#[test]
fn exports_are_those_of_iavl_and_import_to_the_same_root() {
    for vector in json("export.json")["exports"].as_array().unwrap() {
        let name = vector["scenario"].as_str().unwrap();
        let version = vector["version"].as_u64().unwrap();
        let versions = play(name);
        let tree = &versions[&version];
        let nodes: Vec<ExportNode> = tree.export().unwrap().map(Result::unwrap).collect();
        let expected: Vec<ExportNode> = vector["nodes"].as_array().unwrap().iter().map(export_node).collect();
        assert_eq!(nodes, expected, "{name} version {version}");

        let mut importer = Importer::new(Options::default(), version).unwrap();
        for node in nodes {
            importer.push(node).unwrap();
        }
        let copy = importer.finish().unwrap();
        assert_eq!(copy.root_hash().unwrap().to_string(), vector["root"].as_str().unwrap());
        copy.check().unwrap();
    }
}

fn export_node(node: &serde_json::Value) -> ExportNode {
    ExportNode {
        key: bytes(&node["key"]),
        value: node["value"].as_str().map(|value| hex::decode(value).unwrap()),
        version: node["version"].as_u64().unwrap(),
        height: u8::try_from(node["height"].as_u64().unwrap()).unwrap(),
    }
}

#[test]
fn the_speed_workload_has_the_roots_of_iavl() {
    let file = json("bench-roots.json");
    for run in file["runs"].as_array().unwrap() {
        let config = &run["config"];
        if config["sdk_order"] == true {
            continue; // Another order of operations, hence other trees.
        }
        let number = |name: &str| config[name].as_u64().unwrap();
        let mut workload = Workload::new(Config {
            keys: number("n"),
            load_block: number("load_block"),
            batch: number("batch"),
            key_length: usize::try_from(number("key_len")).unwrap(),
            value_length: usize::try_from(number("value_len")).unwrap(),
            seed: number("seed"),
        });
        let mut tree = Tree::new();
        for expected in run["roots"].as_array().unwrap() {
            let ops = workload.next_block();
            tree.prefetch(ops.iter().map(Op::key));
            for op in ops {
                op.apply(&mut tree);
            }
            let saved = tree.save().unwrap();
            assert_eq!(saved.root_hash.to_string(), expected.as_str().unwrap(), "version {}", saved.version);
        }
    }
}
