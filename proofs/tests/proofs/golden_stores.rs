//! App hashes and two-step proofs of the Cosmos SDK.

use serde_json::Value;
use treering_proofs::{
    Hash, HashFunction, Ics23Error, MultiStoreProof, StoreProof, StoreProofError, app_hash, from_ics23, prove_store, to_ics23,
};

use crate::golden::{bytes, hash, list, load, text};
use crate::oracle;

fn stores(value: &Value) -> Vec<(&str, Hash)> {
    list(value, "stores").iter().map(|store| (text(store, "name"), hash(store, "root"))).collect()
}

#[test]
fn app_hashes_are_those_of_the_sdk() {
    let multistore = load("multistore.json");
    let commit_info = load("commit-info.json");
    let all = list(&multistore, "versions").iter().chain(list(&commit_info, "cases"));
    let mut seen = 0;
    for version in all {
        let stores = stores(version);
        assert_eq!(app_hash(stores.iter().copied()), hash(version, "app_hash"));
        assert_eq!(app_hash(stores.iter().rev().copied()), hash(version, "app_hash"));
        seen += 1;
    }
    assert!(seen > 12);
}

#[test]
fn store_proofs_are_those_of_the_sdk() {
    for case in list(&load("commit-info.json"), "cases") {
        let (stores, app_hash) = (stores(case), hash(case, "app_hash"));
        assert_eq!(list(case, "store_proofs").len(), stores.len());
        for golden in list(case, "store_proofs") {
            let name = text(golden, "name");
            let proof = prove_store(stores.iter().copied(), name).unwrap();
            let encoded = proof.to_ics23().unwrap();
            assert_eq!(encoded, bytes(golden, "proof"));
            assert_eq!(StoreProof::from_ics23(&encoded).unwrap(), proof);
            assert_eq!(StoreProof::from_bytes(&proof.to_bytes().unwrap()).unwrap(), proof);
            let evidence = proof.verify(&app_hash, name).unwrap();
            assert_eq!((evidence.name(), *evidence.root()), (name, proof.root));
            let spec = ics23::tendermint_spec();
            assert!(oracle::accepts(&spec, &app_hash, name.as_bytes(), Some(proof.root.as_ref()), &encoded));
        }
        assert_eq!(prove_store(stores.iter().copied(), "no such store"), None);
    }
}

#[test]
fn two_step_proofs_are_those_of_the_sdk() {
    let multistore = load("multistore.json");
    assert!(!list(&multistore, "proofs").is_empty());
    for golden in list(&multistore, "proofs") {
        let (iavl, simple) = (bytes(golden, "iavl_proof"), bytes(golden, "store_proof"));
        let proof = MultiStoreProof { store: StoreProof::from_ics23(&simple).unwrap(), proof: from_ics23(&iavl).unwrap() };
        assert_eq!(to_ics23(HashFunction::Sha256, &proof.proof).unwrap(), iavl);
        assert_eq!(proof.store.to_ics23().unwrap(), simple);
        assert_eq!(MultiStoreProof::from_bytes(&proof.to_bytes().unwrap()).unwrap(), proof);
        let json = serde_json::to_string(&proof).unwrap();
        assert_eq!(serde_json::from_str::<MultiStoreProof>(&json).unwrap(), proof);

        let (app_hash, store, key) = (hash(golden, "app_hash"), text(golden, "store"), bytes(golden, "key"));
        let evidence = proof.verify(HashFunction::Sha256, &app_hash, store, &key).unwrap();
        assert_eq!(evidence.value().is_some(), golden["exists"].as_bool().unwrap());
        assert_eq!(evidence.value().map(hex::encode).as_deref(), golden["value"].as_str());
        assert!(oracle::agrees(&hash(golden, "store_root"), &evidence, &iavl));

        let other = proof.verify(HashFunction::Sha256, &app_hash, "other", &key);
        assert_eq!(other, Err(StoreProofError::NameMismatch));
        assert!(proof.verify(HashFunction::Sha256, &Hash::default(), store, &key).is_err());
        assert!(proof.verify(HashFunction::Sha256, &app_hash, store, b"other key").is_err());
    }
}

#[test]
fn flipped_bits_of_a_store_proof_are_rejected() {
    let multistore = load("multistore.json");
    let golden = &list(&multistore, "proofs")[0];
    let (app_hash, name) = (hash(golden, "app_hash"), text(golden, "store"));
    let ics23 = bytes(golden, "store_proof");
    let own = StoreProof::from_ics23(&ics23).unwrap().to_bytes().unwrap();
    for (bytes, decode) in [
        (&ics23, &(|bytes: &[u8]| StoreProof::from_ics23(bytes).ok()) as &dyn Fn(&[u8]) -> Option<StoreProof>),
        (&own, &|bytes: &[u8]| StoreProof::from_bytes(bytes).ok()),
    ] {
        for at in 0..bytes.len() {
            for xor in 1..=255 {
                let mut changed = bytes.clone();
                changed[at] ^= xor;
                let accepted = decode(&changed).is_some_and(|proof| proof.verify(&app_hash, name).is_ok());
                assert!(!accepted, "byte {at} xor {xor:02x}");
            }
        }
        let mut longer = bytes.clone();
        longer.push(0);
        assert!(decode(&longer).is_none() && decode(&bytes[..bytes.len() - 1]).is_none());
    }
}

#[test]
fn a_store_without_a_name_has_no_ics23_proof() {
    let root = HashFunction::Sha256.empty_root();
    let proof = prove_store([("", root)], "").unwrap();
    assert!(proof.verify(&app_hash([("", root)]), "").is_ok());
    assert_eq!(proof.to_ics23(), Err(Ics23Error::EmptyKey));
}

#[test]
fn an_inner_node_of_the_app_hash_does_not_pass_as_a_store() {
    // The preimage of an inner node starts with 01, that of a store with 00; so a path that is cut short at
    // an inner node has no name and root to go with it.
    let stores: Vec<_> = ["a", "b", "c", "d"].map(|name| (name, HashFunction::Sha256.hash(name.as_bytes()))).into();
    let app_hash = app_hash(stores.iter().copied());
    let mut proof = prove_store(stores.iter().copied(), "a").unwrap();
    let removed = proof.path.remove(0);
    assert!(matches!(proof.verify(&app_hash, "a"), Err(StoreProofError::AppHashMismatch { .. })));
    proof.path.insert(0, removed);
    proof.path.extend(vec![removed; 127]);
    assert_eq!(proof.verify(&app_hash, "a"), Err(StoreProofError::TooManyLevels { levels: 129 }));
}
