//! Proofs that operations make, checked with the crate of the proofs and with `proof.verify`; and that nothing else is let through.

use proptest::prelude::*;
use serde_json::{Value, json};
use treering::HashFunction;
use treering::proofs::{Hash, MultiStoreProof, StoreProof, from_ics23};

use crate::api::Api;

/// Two stores, two versions; `bank` has `keys` keys.
fn chain(keys: u32) -> Api {
    let api = Api::new(&["bank", "gov"]);
    for key in 0..keys {
        api.set("bank", &format!("key/{key:03}"), &format!("{key}"));
    }
    api.set("gov", "proposal", "more trees");
    api.save();
    api.set("bank", "key/000", "another");
    api.save();
    api
}

fn made(api: &Api, store: &str, key: &str, version: Option<u64>) -> Value {
    api.ok("proof.make", json!({ "store": store, "key": key, "version": version, "encoding": "utf8" }))
}

fn verify(api: &Api, input: Value) -> Value {
    let verdict = api.ok("proof.verify", input);
    assert_eq!(verdict["valid"].as_bool().unwrap(), verdict["reason"].is_null());
    if verdict["valid"] == false {
        assert_eq!((&verdict["found"], &verdict["value"]), (&json!(false), &Value::Null));
    }
    verdict
}

#[test]
fn proofs_hold_under_the_app_hash_of_their_version_in_every_form() {
    let api = chain(20);
    for version in [Some(1), Some(2), None] {
        let info = api.ok("versions.get", json!({ "version": version }));
        for (store, key) in [("bank", "key/000"), ("bank", "key/013"), ("bank", "key/9"), ("bank", "a"), ("gov", "proposal"), ("gov", "q")]
        {
            let proof = made(&api, store, key, version);
            assert_eq!((&proof["app_hash"], &proof["version"]), (&info["app_hash"], &info["version"]));
            let of_store = info["stores"].as_array().unwrap().iter().find(|listed| listed["name"] == store).unwrap();
            assert_eq!((&proof["root_hash"], &proof["height"]), (&of_store["root_hash"], &of_store["height"]));
            assert_eq!(proof["store_version"], of_store["version"]);
            let found = api.ok("store.get", json!({ "store": store, "key": key, "version": of_store["version"], "encoding": "utf8" }));
            assert_eq!((&proof["found"], &proof["value"]), (&found["found"], &found["value"]));
            // By the crate alone, with nothing but the app hash.
            let app_hash: Hash = info["app_hash"].as_str().unwrap().parse().unwrap();
            let own: MultiStoreProof = serde_json::from_value(proof["proof"].clone()).unwrap();
            let evidence = own.verify(HashFunction::Sha256, &app_hash, store, key.as_bytes()).unwrap();
            assert_eq!(evidence.value().map(|value| String::from_utf8(value.to_vec()).unwrap()).as_deref(), found["value"].as_str());
            let bytes = |part: &str| hex::decode(proof["ics23"][part].as_str().unwrap()).unwrap();
            let light =
                MultiStoreProof { store: StoreProof::from_ics23(&bytes("store")).unwrap(), proof: from_ics23(&bytes("key")).unwrap() };
            assert_eq!(light, own);
            // By the operation, in both forms and against both hashes.
            for form in ["proof", "ics23"] {
                for hash in ["app_hash", "root_hash"] {
                    let claim = json!({ hash: proof[hash], "store": store, "key": key, form: proof[form], "encoding": "utf8" });
                    let verdict = verify(&api, claim);
                    assert_eq!((&verdict["valid"], &verdict["value"]), (&json!(true), &found["value"]), "{form} {hash}");
                }
            }
            let one_step = json!({ "root_hash": proof["root_hash"], "key": key, "proof": proof["proof"]["proof"], "encoding": "utf8" });
            assert_eq!(verify(&api, one_step)["valid"], true);
        }
    }
}

#[test]
fn what_is_claimed_must_be_what_is_proven() {
    let api = chain(20);
    let proof = made(&api, "bank", "key/013", None);
    let claim = |key: &str, store: &str, value: Value, app_hash: &Value| {
        let input =
            json!({ "app_hash": app_hash, "store": store, "key": key, "value": value, "proof": proof["proof"], "encoding": "utf8" });
        verify(&api, input)
    };
    let hash = &proof["app_hash"];
    assert_eq!(claim("key/013", "bank", json!("13"), hash)["valid"], true);
    assert_eq!(claim("key/013", "bank", json!("14"), hash)["reason"], "the proof shows that the key has another value");
    assert_eq!(claim("key/014", "bank", Value::Null, hash)["valid"], false);
    assert_eq!(claim("key/013", "gov", Value::Null, hash)["reason"], "the proof is about another store than the one asked for");
    let older = api.ok("versions.get", json!({ "version": 1 }))["app_hash"].clone();
    assert_eq!(claim("key/013", "bank", Value::Null, &older)["valid"], false);
    let absent = made(&api, "bank", "nobody", None);
    let input = json!({ "app_hash": hash, "store": "bank", "key": "nobody", "value": "x", "proof": absent["proof"], "encoding": "utf8" });
    assert_eq!(verify(&api, input)["reason"], "the proof shows that the key is not there");
    let missing = api.err("proof.verify", json!({ "app_hash": hash, "store": "bank", "key": "00" }));
    assert_eq!(missing["message"], "the input cannot be taken: give the proof: either `proof` or `ics23`");
    let malformed = api.err(
        "proof.verify",
        json!({ "app_hash": hash, "store": "bank", "key": "00", "proof": { "store": 1, "proof": proof["proof"]["proof"] } }),
    );
    assert_eq!(malformed["details"]["path"], "proof.store");
}

#[test]
fn what_ics23_has_no_form_for_is_proven_in_our_own() {
    let api = Api::new(&["bank"]);
    api.save();
    let proof = made(&api, "bank", "alice", None);
    assert_eq!((&proof["ics23"], &proof["found"]), (&Value::Null, &json!(false)));
    assert!(proof["ics23_missing"].is_string());
    let claim = json!({ "app_hash": proof["app_hash"], "store": "bank", "key": "alice", "proof": proof["proof"], "encoding": "utf8" });
    assert_eq!(verify(&api, claim)["valid"], true);
}

/// Changes one of the leaves of JSON: a number, or a digit of a hash, a key or a value.
fn change(json: &mut Value, place: &mut usize) -> bool {
    match json {
        Value::Object(fields) => fields.values_mut().any(|field| change(field, place)),
        Value::Array(items) => items.iter_mut().any(|item| change(item, place)),
        leaf if *place == 0 => {
            *leaf = match &*leaf {
                Value::Number(number) => json!(number.as_u64().unwrap() + 1),
                Value::String(text) if text.is_empty() => json!("00"),
                Value::String(text) => json!(format!("{}{}", if text.starts_with('0') { '1' } else { '0' }, &text[1..])),
                other => panic!("proofs have no {other}"),
            };
            true
        }
        _ => {
            *place -= 1;
            false
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_changed_proof_is_not_valid(key in 0..40u32, place in 0..60_usize, is_there in any::<bool>()) {
        thread_local!(static CHAIN: Api = chain(40));
        CHAIN.with(|api| {
            let key = if is_there { format!("key/{key:03}") } else { format!("key/{key:03}/x") };
            let proof = made(api, "bank", &key, None);
            let (mut changed, mut place) = (proof["proof"].clone(), place);
            if !change(&mut changed, &mut place) {
                return Ok(());
            }
            let claim = json!({ "app_hash": proof["app_hash"], "store": "bank", "key": key, "proof": changed, "encoding": "utf8" });
            // A number may become one that no proof can have.
            let verdict = api.call("proof.verify", claim);
            prop_assert!(verdict.is_err_and(|error| error.code == "invalid_input") || verify_is_false(api, &proof, &key, &changed));
            Ok(())
        })?;
    }
}

fn verify_is_false(api: &Api, proof: &Value, key: &str, changed: &Value) -> bool {
    let claim = json!({ "app_hash": proof["app_hash"], "store": "bank", "key": key, "proof": changed, "encoding": "utf8" });
    verify(api, claim)["valid"] == false
}
