//! App hashes and two-step proofs are those of the Cosmos SDK.

use serde_json::Value;
use treering::config::Config;
use treering::proofs::ics23;
use treering::{Hash, HashFunction, MultiStore, Store};

pub(crate) fn golden() -> Value {
    serde_json::from_str(include_str!("../vectors/multistore.json")).unwrap()
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

/// Does what version `version` of the golden run does.
pub(crate) fn apply(stores: &MultiStore, version: &Value) {
    for group in version["ops"].as_array().unwrap() {
        let store = stores.get_store(group["name"].as_str().unwrap()).unwrap();
        for operation in group["ops"].as_array().unwrap() {
            let key = bytes(&operation[1]);
            match operation[0].as_str().unwrap() {
                "set" => store.set(&key, &bytes(&operation[2])).unwrap(),
                "del" => store.delete(&key).unwrap(),
                other => panic!("{other}"),
            }
        }
    }
}

pub(crate) fn with_stores(stores: MultiStore, golden: &Value) -> MultiStore {
    for name in golden["stores"].as_array().unwrap() {
        stores.create_store(name.as_str().unwrap(), None, &Config::new()).unwrap();
    }
    stores
}

pub(crate) fn golden_hash(version: &Value) -> Hash {
    version["app_hash"].as_str().unwrap().parse().unwrap()
}

#[test]
fn every_version_has_the_golden_app_hash_also_when_prepared_first() {
    let golden = golden();
    let stores = with_stores(MultiStore::in_memory().unwrap(), &golden);
    for version in golden["versions"].as_array().unwrap() {
        apply(&stores, version);
        let prepared = stores.prepare().unwrap();
        assert_eq!(prepared.app_hash(), golden_hash(version));
        if version["version"].as_u64().unwrap() % 2 == 0 {
            drop(prepared);
            assert_eq!(stores.save_version().unwrap().app_hash, golden_hash(version));
        } else {
            assert_eq!(prepared.commit().unwrap().app_hash, golden_hash(version));
        }
        let saved = stores.newest_version().unwrap().unwrap();
        assert_eq!((saved.version, saved.app_hash), (version["version"].as_u64().unwrap(), golden_hash(version)));
    }
}

#[test]
fn every_version_is_there_after_opening_again_and_replays_after_a_rollback() {
    let golden = golden();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chain");
    let versions = golden["versions"].as_array().unwrap();
    {
        let stores = with_stores(MultiStore::create(&path).unwrap(), &golden);
        for version in versions {
            apply(&stores, version);
            stores.save_version().unwrap();
        }
    }
    let stores = MultiStore::open(&path).unwrap();
    let listed: Vec<_> = stores.list_versions().unwrap().into_iter().map(|saved| saved.app_hash).collect();
    assert_eq!(listed, versions.iter().map(golden_hash).collect::<Vec<_>>());
    stores.rollback_to(4).unwrap();
    for version in &versions[4..] {
        apply(&stores, version);
        assert_eq!(stores.save_version().unwrap().app_hash, golden_hash(version));
    }
    // Loading moves the working states only; saving the same again changes nothing.
    stores.load_version(2).unwrap();
    for version in &versions[2..] {
        apply(&stores, version);
        assert_eq!(stores.save_version().unwrap().app_hash, golden_hash(version));
    }
}

#[test]
fn keys_are_proven_in_two_steps_in_our_form_and_in_that_of_ics_23() {
    let golden = golden();
    let stores = with_stores(MultiStore::in_memory().unwrap(), &golden);
    for version in golden["versions"].as_array().unwrap() {
        apply(&stores, version);
        let saved = stores.save_version().unwrap();
        let snapshot = stores.snapshot(None).unwrap();
        for (name, store) in snapshot.stores() {
            let mut keys = vec![b"absent".to_vec()];
            keys.extend(store.tree().iter().map(|entry| entry.unwrap().0.to_vec()));
            for key in keys {
                let proof = snapshot.prove(name, &key).unwrap();
                let evidence = proof.verify(HashFunction::Sha256, &saved.app_hash, name, &key).unwrap();
                assert_eq!(evidence.value(), store.get(&key).unwrap().as_deref());
                assert!(proof.verify(HashFunction::Sha256, &saved.app_hash, "other", &key).is_err());
            }
        }
    }
    let proofs = golden["proofs"].as_array().unwrap();
    assert!(!proofs.is_empty());
    for golden in proofs {
        let snapshot = stores.snapshot(golden["version"].as_u64()).unwrap();
        let proof = snapshot.prove(golden["store"].as_str().unwrap(), &bytes(&golden["key"])).unwrap();
        let in_store = ics23::to_ics23(HashFunction::Sha256, &proof.proof).unwrap();
        assert_eq!(hex::encode(in_store), golden["iavl_proof"].as_str().unwrap());
        assert_eq!(hex::encode(proof.store.to_ics23().unwrap()), golden["store_proof"].as_str().unwrap());
    }
}
