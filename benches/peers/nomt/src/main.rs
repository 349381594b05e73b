//! nomt 1.0.5: a binary trie in pages of 4 KiB on a hash table of its own, and a B-tree for the values.

use std::process::ExitCode;

use bitvec::order::Msb0;
use bitvec::view::BitView as _;
use common::{Arguments, Key, Operation, Outcome, ProofLength, Root, Store};
use nomt::hasher::{Sha2Hasher, ValueHasher as _};
use nomt::proof::PathProof;
use nomt::trie::LeafData;
use nomt::{KeyReadWrite, Nomt, Options, Session, SessionParams};

/// A hash table that is full fails. Ten million keys need some 270,000 pages of three levels of 64 ways each, since small subtrees have no
/// pages; a million needs a few thousand.
fn buckets(keys: u64) -> u32 {
    u32::try_from(keys / 20).unwrap_or(u32::MAX).max(64_000)
}

struct NomtStore(Nomt<Sha2Hasher>);

impl NomtStore {
    fn session(&self) -> Session<Sha2Hasher> {
        self.0.begin_session(SessionParams::default())
    }
}

impl Store for NomtStore {
    type Proof = PathProof;

    const NAME: &'static str = "nomt 1.0.5";
    const HASH: &'static str = "SHA-256 (sha2)";
    const DURABILITY: &'static str = "about five fsyncs a block; there is no setting for it";
    const HAS_CACHE: bool = true;

    fn open(arguments: &Arguments) -> Outcome<Self> {
        let mut options = Options::new();
        options.path(arguments.dir.join("db"));
        options.commit_concurrency(2);
        options.io_workers(3);
        options.hashtable_buckets(buckets(arguments.n));
        if let Some(mib) = arguments.cache_mib {
            // Two caches, of tree pages and of values; as large as each other, as they are by default.
            options.page_cache_size(mib / 2);
            options.leaf_cache_size(mib - mib / 2);
        }
        Ok(Self(Nomt::open(options)?))
    }

    fn save(&mut self, mut operations: Vec<Operation>) -> Outcome<Root> {
        operations.sort_unstable_by_key(|operation| operation.key);
        let session = self.session();
        let writes = operations.into_iter().map(|Operation { key, value }| (key, KeyReadWrite::Write(value)));
        let finished = session.finish(writes.collect())?;
        let root = finished.root().into_inner();
        finished.commit(&self.0)?;
        Ok(root)
    }

    fn get_all(&mut self, keys: &[Key], each: &mut dyn FnMut(usize, Option<&[u8]>)) -> Outcome<()> {
        let session = self.session();
        for (place, key) in keys.iter().enumerate() {
            each(place, session.read(*key)?.as_deref());
        }
        Ok(())
    }

    fn prove_all(&mut self, keys: &[Key]) -> Outcome<Vec<PathProof>> {
        let session = self.session();
        Ok(keys.iter().map(|key| session.prove(*key)).collect::<Result<_, _>>()?)
    }

    fn verify(root: &Root, key: &Key, value: &[u8], proof: &PathProof) -> bool {
        let expected = LeafData { key_path: *key, value_hash: Sha2Hasher::hash_value(value) };
        proof.verify::<Sha2Hasher>(key.view_bits::<Msb0>(), *root).is_ok_and(|verified| verified.confirm_value(&expected).unwrap_or(false))
    }

    fn proof_length(proof: &PathProof) -> ProofLength {
        // Siblings and leaf; the crate has no encoding of its own without a feature.
        Some(proof.siblings.len() * 32 + 64)
    }

    fn proves_absence(&mut self, root: &Root, key: &Key) -> Outcome<Option<bool>> {
        let proof = self.session().prove(*key)?;
        let verified = proof.verify::<Sha2Hasher>(key.view_bits::<Msb0>(), *root);
        Ok(Some(verified.is_ok_and(|verified| verified.confirm_nonexistence(key).unwrap_or(false))))
    }

    fn scan(&mut self) -> Outcome<Option<u64>> {
        Ok(None)
    }

    fn root(&mut self) -> Outcome<Root> {
        Ok(self.0.root().into_inner())
    }

    fn close(self) -> Outcome<()> {
        Ok(())
    }
}

fn main() -> ExitCode {
    common::main::<NomtStore>()
}
