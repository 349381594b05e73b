//! Our own form as bytes and as JSON: pinned, and strict.

use treering_proofs::HashFunction::Sha256;
use treering_proofs::limits::{MAX_KEY_LEN, MAX_PROOF_LEN, MAX_VALUE_LEN};
use treering_proofs::{AbsenceProof, CodecError, ExistenceProof, Hash, LimitError, Neighbours, PathStep, Proof, Sibling};

use crate::naive_tree::Tree;

fn oak() -> ExistenceProof {
    let sibling = Sibling::Left(Hash::new([0xab; 32]));
    ExistenceProof {
        key: b"oak".to_vec(),
        value: b"brown".to_vec(),
        version: 7,
        path: vec![PathStep { height: 1, size: 2, version: 9, sibling }],
    }
}

#[test]
fn the_bytes_are_as_documented() {
    let existence = concat!(
        "03000000",
        "6f616b",
        "05000000",
        "62726f776e",
        "0700000000000000",
        "01000000",
        "01",
        "0200000000000000",
        "0900000000000000",
        "00",
        "abababababababababababababababababababababababababababababababab",
    );
    let bytes = Proof::Existence(oak()).to_bytes().unwrap();
    assert_eq!(hex::encode(bytes), format!("0100{existence}"));
    for (neighbours, tail) in [
        (Neighbours::EmptyTree, "00".to_owned()),
        (Neighbours::BeforeFirst(oak()), format!("01{existence}")),
        (Neighbours::AfterLast(oak()), format!("02{existence}")),
        (Neighbours::Between { left: oak(), right: oak() }, format!("03{existence}{existence}")),
    ] {
        let proof = Proof::Absence(AbsenceProof { key: b"elm".to_vec(), neighbours });
        assert_eq!(hex::encode(proof.to_bytes().unwrap()), format!("010103000000656c6d{tail}"));
    }
}

#[test]
fn the_json_has_bytes_in_hex() {
    let json = serde_json::to_string(&Proof::Existence(oak())).unwrap();
    let hash = "ab".repeat(32);
    assert_eq!(
        json,
        format!(
            r#"{{"existence":{{"key":"6f616b","value":"62726f776e","version":7,"path":[{{"height":1,"size":2,"version":9,"sibling":{{"left":"{hash}"}}}}]}}}}"#
        )
    );
    for (from, to) in [
        ("6f616b", "6f616"),
        ("6f616b", "6f616x"),
        (r#""version":7"#, r#""version":-7"#),
        (r#""version":7"#, r#""version":7,"extra":0"#),
        ("abab", "ab"),
        ("left", "both"),
    ] {
        assert!(serde_json::from_str::<Proof>(&json.replacen(from, to, 1)).is_err(), "{from} -> {to}");
    }
}

#[test]
fn two_siblings_in_one_step_cannot_be_written_in_json() {
    let json = serde_json::to_string(&Proof::Existence(oak())).unwrap();
    let hash = "ab".repeat(32);
    let both = json.replace(&format!(r#""left":"{hash}""#), &format!(r#""left":"{hash}","right":"{hash}""#));
    assert!(serde_json::from_str::<Proof>(&both).is_err());
}

#[test]
fn other_bytes_are_refused_with_the_reason() {
    let bytes = Proof::Existence(oak()).to_bytes().unwrap();
    let changed = |at: usize, byte: u8| {
        let mut changed = bytes.clone();
        changed[at] = byte;
        Proof::from_bytes(&changed).unwrap_err()
    };
    assert_eq!(Proof::from_bytes(&[]), Err(CodecError::Empty));
    assert_eq!(changed(0, 2), CodecError::UnknownFormat { format: 2 });
    assert!(changed(0, 2).to_string().contains("newer version"));
    assert_eq!(changed(1, 2), CodecError::Malformed);
    assert_eq!(changed(5, 0xff), CodecError::Malformed);
    assert_eq!(changed(bytes.len() - 33, 2), CodecError::Malformed);
    let longer = [bytes.as_slice(), &[0, 0]].concat();
    assert_eq!(Proof::from_bytes(&longer), Err(CodecError::TrailingBytes { len: 2 }));
    let huge = vec![1; MAX_PROOF_LEN + 1];
    assert_eq!(Proof::from_bytes(&huge), Err(CodecError::Limit(LimitError::Proof { len: huge.len() })));
}

#[test]
fn parts_over_the_limits_are_neither_written_nor_read() {
    type Grow = fn(&mut ExistenceProof, usize);
    type Refuse = fn(usize) -> LimitError;
    let cases: [(Grow, usize, Refuse); 3] = [
        (|proof, len| proof.key = vec![1; len], MAX_KEY_LEN, |len| LimitError::Key { len }),
        (|proof, len| proof.value = vec![1; len], MAX_VALUE_LEN, |len| LimitError::Value { len }),
        (|proof, len| proof.path = vec![proof.path[0]; len], 128, |levels| LimitError::Levels { levels }),
    ];
    for (grow, limit, error) in cases {
        let mut proof = oak();
        grow(&mut proof, limit);
        let at_limit = Proof::Existence(proof.clone());
        assert_eq!(Proof::from_bytes(&at_limit.to_bytes().unwrap()), Ok(at_limit));
        grow(&mut proof, limit + 1);
        let over = Proof::Existence(proof);
        assert_eq!(over.to_bytes(), Err(CodecError::Limit(error(limit + 1))));
        let bytes = borsh::to_vec(&(1_u8, &over)).unwrap();
        assert_eq!(Proof::from_bytes(&bytes), Err(CodecError::Limit(error(limit + 1))));
    }
}

#[test]
fn the_largest_proof_is_within_the_length_limit() {
    let mut largest = oak();
    largest.key = vec![1; MAX_KEY_LEN];
    largest.value = vec![1; MAX_VALUE_LEN];
    largest.path = vec![PathStep { height: 200, size: 1 << 40, version: 1, ..largest.path[0] }; 128];
    let neighbours = Neighbours::Between { left: largest.clone(), right: largest };
    let proof = Proof::Absence(AbsenceProof { key: vec![2; MAX_KEY_LEN], neighbours });
    assert!(Proof::from_bytes(&proof.to_bytes().unwrap()).is_ok());
    assert!(treering_proofs::to_ics23(Sha256, &proof).is_ok_and(|bytes| bytes.len() < MAX_PROOF_LEN));
}

#[test]
fn evidence_says_what_was_proven() {
    let tree = Tree::numbered(Sha256, 9);
    let proof = tree.prove(b"k004");
    let treering_proofs::Evidence::Present(existence) = proof.verify(Sha256, &tree.root(), b"k004").unwrap() else {
        panic!("the key is present")
    };
    assert_eq!((existence.key(), existence.value()), (&b"k004"[..], &b"value 4"[..]));
    assert_eq!((existence.version(), existence.index(), existence.tree_size()), (3, 4, 9));
}
