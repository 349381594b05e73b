//! jmt 0.12 on RocksDB, laid out as penumbra's cnidarium does it: four column families, one batch a version, default options; but synced.

mod reader;

use std::process::ExitCode;
use std::sync::Arc;

use common::{Arguments, Key, Operation, Outcome, ProofLength, Root, Store};
use jmt::proof::SparseMerkleProof;
use jmt::storage::NodeBatch;
use jmt::{JellyfishMerkleIterator, KeyHash, RootHash, Sha256Jmt, Version};
use rocksdb::{WriteBatch, WriteOptions};
use sha2::Sha256;

use reader::{KEYS, NODES, PREIMAGES, Reader, VALUES, node_key};

struct Jmt {
    reader: Arc<Reader>,
    next_version: Version,
}

impl Jmt {
    fn newest(&self) -> Outcome<Version> {
        Ok(self.next_version.checked_sub(1).ok_or("there is no version")?)
    }

    /// Both indexes of keys that cnidarium keeps.
    fn index(&self, batch: &mut WriteBatch, operations: &[Operation]) -> Outcome<()> {
        let (keys, preimages) = (self.reader.family(KEYS)?, self.reader.family(PREIMAGES)?);
        for Operation { key, value } in operations {
            let hash = hashed(key).0;
            if value.is_some() {
                batch.put_cf(keys, key, hash);
                batch.put_cf(preimages, hash, key);
            } else {
                batch.delete_cf(keys, key);
                batch.delete_cf(preimages, hash);
            }
        }
        Ok(())
    }

    fn write(&self, batch: &mut WriteBatch, changed: &NodeBatch) -> Outcome<()> {
        let (nodes, values) = (self.reader.family(NODES)?, self.reader.family(VALUES)?);
        for (key, node) in changed.nodes() {
            batch.put_cf(nodes, node_key(key)?, borsh::to_vec(node)?);
        }
        for ((version, key), value) in changed.values() {
            batch.put_cf(values, [key.0.as_slice(), &version.to_be_bytes()].concat(), borsh::to_vec(value)?);
        }
        Ok(())
    }
}

/// The tree's key: cnidarium hashes every key.
fn hashed(key: &Key) -> KeyHash {
    KeyHash::with::<Sha256>(key)
}

impl Store for Jmt {
    type Proof = SparseMerkleProof<Sha256>;

    const NAME: &'static str = "jmt 0.12.0 on RocksDB";
    const HASH: &'static str = "SHA-256 (sha2 0.10)";
    const DURABILITY: &'static str = "RocksDB's log synced each block";

    fn open(arguments: &Arguments) -> Outcome<Self> {
        let reader = Reader::open(&arguments.dir.join("db"))?;
        let next_version = reader.newest_version()?.map_or(0, |version| version + 1);
        Ok(Self { reader: Arc::new(reader), next_version })
    }

    fn save(&mut self, operations: Vec<Operation>) -> Outcome<Root> {
        let mut batch = WriteBatch::default();
        self.index(&mut batch, &operations)?;
        let changes = operations.into_iter().map(|Operation { key, value }| (hashed(&key), value));
        let (root, updates) = Sha256Jmt::new(&*self.reader).put_value_set(changes, self.next_version)?;
        self.write(&mut batch, &updates.node_batch)?;
        let mut options = WriteOptions::default();
        options.set_sync(true);
        self.reader.write(batch, &options)?;
        self.next_version += 1;
        Ok(root.0)
    }

    fn get_all(&mut self, keys: &[Key], each: &mut dyn FnMut(usize, Option<&[u8]>)) -> Outcome<()> {
        let (tree, version) = (Sha256Jmt::new(&*self.reader), self.newest()?);
        for (place, key) in keys.iter().enumerate() {
            each(place, tree.get(hashed(key), version)?.as_deref());
        }
        Ok(())
    }

    fn prove_all(&mut self, keys: &[Key]) -> Outcome<Vec<Self::Proof>> {
        let (tree, version) = (Sha256Jmt::new(&*self.reader), self.newest()?);
        let prove = |key| Ok(tree.get_with_proof(hashed(key), version)?.1);
        keys.iter().map(prove).collect()
    }

    fn verify(root: &Root, key: &Key, value: &[u8], proof: &Self::Proof) -> bool {
        proof.verify_existence(RootHash(*root), hashed(key), value).is_ok()
    }

    fn proof_length(proof: &Self::Proof) -> ProofLength {
        borsh::to_vec(proof).ok().map(|bytes| bytes.len())
    }

    fn proves_absence(&mut self, root: &Root, key: &Key) -> Outcome<Option<bool>> {
        let (value, proof) = Sha256Jmt::new(&*self.reader).get_with_proof(hashed(key), self.newest()?)?;
        Ok(Some(value.is_none() && proof.verify_nonexistence(RootHash(*root), hashed(key)).is_ok()))
    }

    fn scan(&mut self) -> Outcome<Option<u64>> {
        let mut items = 0;
        for item in JellyfishMerkleIterator::new(Arc::clone(&self.reader), self.newest()?, KeyHash([0; 32]))? {
            std::hint::black_box(item?);
            items += 1;
        }
        Ok(Some(items))
    }

    fn root(&mut self) -> Outcome<Root> {
        Ok(Sha256Jmt::new(&*self.reader).get_root_hash(self.newest()?)?.0)
    }

    fn close(self) -> Outcome<()> {
        Ok(())
    }
}

fn main() -> ExitCode {
    common::main::<Jmt>()
}
