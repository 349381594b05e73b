//! Proofs, as they are given and as the Cosmos SDK's clients take them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::node::{Node, node};

fn node_of_three() -> Node {
    let node = node();
    for (key, value) in [("alice", "64"), ("bob", "7"), ("carol", "9")] {
        node.put("bank", key, value);
    }
    node.put("gov", "p", "1");
    node.save();
    node
}

#[test]
fn what_is_proven_is_verified_and_what_is_changed_is_not() {
    let node = node_of_three();
    for (key, value) in [("bob", json!("7")), ("bert", Value::Null)] {
        let made = node.get(&format!("/v1/stores/bank/keys/{key}/proof?encoding=utf8"));
        assert_eq!(made["value"], value);
        for form in ["proof", "ics23"] {
            let mut claim = json!({ "app_hash": made["app_hash"], "store": "bank", "key": key, "encoding": "utf8" });
            claim[form] = made[form].clone();
            let verdict = node.send("POST", "/v1/verify", &claim).json();
            assert_eq!((&verdict["valid"], &verdict["value"]), (&json!(true), &value), "{form} of {key}");
            claim["key"] = json!("alice");
            assert_eq!(node.send("POST", "/v1/verify", &claim).json()["valid"], false);
        }
    }
}

/// The oracle is the official library for ICS-23: it knows nothing of this crate.
#[test]
fn abci_queries_are_answered_with_proofs_that_ics23_verifies() {
    let node = node_of_three();
    let app_hash = hex::decode(node.get("/v1/versions/latest")["app_hash"].as_str().unwrap()).unwrap();
    let bytes = |value: &Value| STANDARD.decode(value.as_str().unwrap()).unwrap();
    for (key, value) in [("bob", Some("7")), ("bert", None)] {
        let path = format!("/v1/abci_query?path=%22/store/bank/key%22&data=0x{}&height=1&prove=true", hex::encode(key));
        let answer = node.get(&path);
        let response = &answer["result"]["response"];
        assert_eq!(
            (&answer["jsonrpc"], &answer["id"], &response["code"], &response["height"]),
            (&json!("2.0"), &json!(-1), &json!(0), &json!("1"))
        );
        assert_eq!(bytes(&response["key"]), key.as_bytes());
        let ops = response["proofOps"]["ops"].as_array().unwrap();
        assert_eq!(ops.iter().map(|op| op["type"].as_str().unwrap()).collect::<Vec<_>>(), ["ics23:iavl", "ics23:simple"]);
        assert_eq!((bytes(&ops[0]["key"]), bytes(&ops[1]["key"])), (key.as_bytes().to_vec(), b"bank".to_vec()));
        let decode = |op: &Value| <ics23::CommitmentProof as prost::Message>::decode(bytes(&op["data"]).as_slice()).unwrap();
        let (of_key, of_store) = (decode(&ops[0]), decode(&ops[1]));
        let root = ics23::calculate_existence_root::<ics23::HostFunctionsManager>(existence(&of_key)).unwrap();
        if let Some(value) = value {
            assert_eq!(bytes(&response["value"]), value.as_bytes());
            assert!(ics23::verify_membership::<ics23::HostFunctionsManager>(
                &of_key,
                &ics23::iavl_spec(),
                &root,
                key.as_bytes(),
                value.as_bytes()
            ));
        } else {
            assert_eq!(response["value"], Value::Null);
            assert!(ics23::verify_non_membership::<ics23::HostFunctionsManager>(&of_key, &ics23::iavl_spec(), &root, key.as_bytes()));
        }
        assert!(ics23::verify_membership::<ics23::HostFunctionsManager>(&of_store, &ics23::tendermint_spec(), &app_hash, b"bank", &root));
    }
}

/// The proof that something is there, which a proof of absence has of a neighbour.
fn existence(proof: &ics23::CommitmentProof) -> &ics23::ExistenceProof {
    match proof.proof.as_ref().unwrap() {
        ics23::commitment_proof::Proof::Exist(proof) => proof,
        ics23::commitment_proof::Proof::Nonexist(proof) => proof.left.as_ref().or(proof.right.as_ref()).unwrap(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn abci_queries_that_make_no_sense_have_codes() {
    let node = node_of_three();
    let response = |query: &str| node.get(&format!("/v1/abci_query?{query}"))["result"]["response"].clone();
    for (query, code) in [
        ("path=/store/none/key&data=0x61", 6),
        ("path=/app/version&data=0x61", 6),
        ("path=/store/bank/key&data=0x6", 18),
        ("path=/store/bank/key&data=61", 18),
        ("path=/store/bank/key&data=0x61&height=x", 18),
        ("path=/store/bank/key&data=0x61&height=7", 26),
    ] {
        let response = response(query);
        assert_eq!((&response["code"], &response["codespace"]), (&json!(code), &json!("sdk")), "{query}: {response}");
        assert_ne!(response["log"], "");
    }
    let plain = response("path=/store/bank/key&data=%22bob%22");
    assert_eq!((&plain["value"], &plain["proofOps"]), (&json!(STANDARD.encode("7")), &Value::Null));
}
