//! commonware-storage 2026.10.0, `qmdb::current::ordered`: keys can be read in their order and proven absent.

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
    use commonware_storage::qmdb::any::value::VariableEncoding;
    use commonware_storage::qmdb::current::ordered;
    use commonware_storage::translator::EightCap;
    use futures::StreamExt as _;

    use crate::adapter::CHUNK;

    pub(crate) const NAME: &str = "commonware qmdb 2026.10.0, ordered";
    pub(crate) type Db = ordered::variable::Db<Family, Context, Digest, Vec<u8>, Sha256, EightCap, CHUNK, Rayon>;
    pub(crate) type Proof = ordered::proof::constant::KeyValueProof<Family, Digest, Digest, CHUNK>;

    pub(crate) fn verify(root: &Digest, key: Digest, value: Vec<u8>, proof: &Proof) -> bool {
        proof.verify::<Sha256, VariableEncoding<Vec<u8>>>(key, value, root)
    }

    pub(crate) async fn scan(db: &Db) -> Outcome<Option<u64>> {
        let mut items = 0;
        let entries = db.stream_range(..);
        futures::pin_mut!(entries);
        while let Some(entry) = entries.next().await {
            std::hint::black_box(entry?);
            items += 1;
        }
        Ok(Some(items))
    }

    pub(crate) async fn proves_absence(db: &Db, key: Digest) -> Outcome<Option<bool>> {
        Ok(Some(db.exclusion_proof(&key).await?.verify::<Sha256>(&key, &db.root())))
    }
}

fn main() -> std::process::ExitCode {
    common::main::<adapter::Commonware>()
}
