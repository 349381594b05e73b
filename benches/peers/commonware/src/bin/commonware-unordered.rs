//! commonware-storage 2026.10.0, `qmdb::current::unordered`: faster, without order and without proofs of absence.

#[path = "../adapter.rs"]
mod adapter;

/// What is particular to this variant.
mod variant {
    use common::Outcome;
    use commonware_cryptography::Sha256;
    use commonware_cryptography::sha256::Digest;
    use commonware_parallel::Rayon;
    use commonware_runtime::tokio::Context;
    use commonware_storage::merkle::mmr::Family;
    use commonware_storage::qmdb::current::unordered;
    use commonware_storage::translator::EightCap;

    use crate::adapter::CHUNK;

    pub(crate) const NAME: &str = "commonware qmdb 2026.10.0, unordered";
    pub(crate) type Db = unordered::variable::Db<Family, Context, Digest, Vec<u8>, Sha256, EightCap, CHUNK, Rayon>;
    pub(crate) type Proof = unordered::proof::constant::KeyValueProof<Family, Digest, CHUNK>;

    pub(crate) fn verify(root: &Digest, key: Digest, value: Vec<u8>, proof: &Proof) -> bool {
        Db::verify_key_value_proof(key, value, proof, root)
    }

    pub(crate) async fn scan(_db: &Db) -> Outcome<Option<u64>> {
        Ok(None)
    }

    pub(crate) async fn proves_absence(_db: &Db, _key: Digest) -> Outcome<Option<bool>> {
        Ok(None)
    }
}

fn main() -> std::process::ExitCode {
    common::main::<adapter::Commonware>()
}
