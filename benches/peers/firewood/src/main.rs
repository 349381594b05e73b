//! firewood 0.3.1: a Merkle trie that is its own file format.

use std::num::NonZeroUsize;
use std::process::ExitCode;

use common::{Arguments, Key, Operation, Outcome, ProofLength, Root, Store};
use firewood::api::{ArcDynDbView, Db as _, DbView as _, FrozenProof, HashKey, Proposal as _};
use firewood::db::{BatchOp, Db, DbConfig};
use firewood::manager::RevisionManagerConfig;
use firewood_storage::NodeHashAlgorithm;

const DEFAULT_CACHE_BYTES: usize = 192_000_000;

struct Firewood(Db);

impl Firewood {
    fn newest(&self) -> Outcome<ArcDynDbView> {
        Ok(self.0.revision(self.0.root_hash().ok_or("there is no root")?)?)
    }
}

fn bytes(root: Option<HashKey>) -> Outcome<Root> {
    let root = root.ok_or("there is no root")?;
    Ok(AsRef::<[u8]>::as_ref(&root).try_into()?)
}

fn trusted(root: &Root) -> Option<HashKey> {
    HashKey::try_from(root.as_slice()).ok()
}

impl Store for Firewood {
    type Proof = FrozenProof;

    const NAME: &'static str = "firewood 0.3.1";
    const HASH: &'static str = "SHA-256 (sha2 0.10)";
    const DURABILITY: &'static str = "never syncs; a thread writes each revision after the commit";
    const HAS_CACHE: bool = true;

    fn open(arguments: &Arguments) -> Outcome<Self> {
        let cache = arguments.cache_mib.map_or(DEFAULT_CACHE_BYTES, |mib| mib << 20);
        let manager = RevisionManagerConfig::builder()
            .node_cache_memory_limit(NonZeroUsize::new(cache).ok_or("a cache of no bytes")?)
            .max_revisions(128)
            .build();
        let config = DbConfig::builder().node_hash_algorithm(NodeHashAlgorithm::MerkleDB).truncate(false).manager(manager).build();
        Ok(Self(Db::new(arguments.dir.join("db"), config)?))
    }

    fn save(&mut self, mut operations: Vec<Operation>) -> Outcome<Root> {
        operations.sort_unstable_by_key(|operation| operation.key);
        let batch: Vec<BatchOp<Key, Vec<u8>>> = operations.into_iter().map(to_batch_op).collect();
        let proposal = self.0.propose(batch)?;
        let root = bytes(proposal.root_hash())?;
        proposal.commit()?;
        Ok(root)
    }

    fn get_all(&mut self, keys: &[Key], each: &mut dyn FnMut(usize, Option<&[u8]>)) -> Outcome<()> {
        let newest = self.newest()?;
        for (place, key) in keys.iter().enumerate() {
            each(place, newest.val(key)?.as_deref());
        }
        Ok(())
    }

    fn prove_all(&mut self, keys: &[Key]) -> Outcome<Vec<FrozenProof>> {
        let newest = self.newest()?;
        Ok(keys.iter().map(|key| newest.single_key_proof(key)).collect::<Result<_, _>>()?)
    }

    fn verify(root: &Root, key: &Key, value: &[u8], proof: &FrozenProof) -> bool {
        trusted(root).is_some_and(|root| proof.verify(key, Some(value), &root).is_ok())
    }

    fn proof_length(_proof: &FrozenProof) -> ProofLength {
        None
    }

    fn proves_absence(&mut self, root: &Root, key: &Key) -> Outcome<Option<bool>> {
        let proof = self.newest()?.single_key_proof(key)?;
        Ok(Some(trusted(root).is_some_and(|root| proof.verify(key, None::<&[u8]>, &root).is_ok())))
    }

    fn scan(&mut self) -> Outcome<Option<u64>> {
        let mut items = 0;
        for item in self.newest()?.iter()? {
            std::hint::black_box(item?);
            items += 1;
        }
        Ok(Some(items))
    }

    fn root(&mut self) -> Outcome<Root> {
        bytes(self.0.root_hash())
    }

    fn close(self) -> Outcome<()> {
        Ok(self.0.close()?)
    }
}

fn to_batch_op(Operation { key, value }: Operation) -> BatchOp<Key, Vec<u8>> {
    match value {
        Some(value) => BatchOp::Put { key, value },
        None => BatchOp::Delete { key },
    }
}

fn main() -> ExitCode {
    common::main::<Firewood>()
}
