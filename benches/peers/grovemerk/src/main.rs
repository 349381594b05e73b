//! grovedb-merk 6.1.1 (Dash's fork of merk): a Merkle AVL tree on RocksDB, opened as GroveDB does: one transaction and batch a block.

use std::process::ExitCode;

use common::{Arguments, Key, Operation, Outcome, ProofLength, Root, Store};
use grovedb_element::Element;
use grovedb_merk::proofs::Query;
use grovedb_merk::proofs::query::QueryProofVerify as _;
use grovedb_merk::tree::TreeNode;
use grovedb_merk::tree::kv::ValueDefinedCostType;
use grovedb_merk::{Merk, Op, TreeFeatureType, TreeType};
use grovedb_path::SubtreePath;
use grovedb_storage::rocksdb_storage::RocksDbStorage;
use grovedb_storage::{RawIterator as _, Storage as _, StorageBatch, StorageContext as _};
use grovedb_version::version::GroveVersion;

type NoCost = fn(&[u8], &GroveVersion) -> Option<ValueDefinedCostType>;

struct GroveMerk {
    storage: RocksDbStorage,
    version: &'static GroveVersion,
}

/// The tree, as it is opened for each block. A macro since the type of the context cannot be named. The first `unwrap` drops the costs.
macro_rules! open_merk {
    ($store:expr, $batch:expr, $transaction:expr) => {{
        let context = $store.storage.get_transactional_storage_context(SubtreePath::empty(), $batch, $transaction).unwrap();
        Merk::open_base(context, TreeType::NormalTree, None::<NoCost>, $store.version).unwrap()?
    }};
}

impl GroveMerk {
    fn operation(&self, Operation { key, value }: Operation) -> Outcome<(Vec<u8>, Op)> {
        let operation = match value {
            Some(value) => Op::Put(Element::new_item(value).serialize(self.version)?, TreeFeatureType::BasicMerkNode),
            None => Op::Delete,
        };
        Ok((key.to_vec(), operation))
    }
}

fn query(key: &Key) -> Query {
    let mut query = Query::new();
    query.insert_key(key.to_vec());
    query
}

impl Store for GroveMerk {
    type Proof = Vec<u8>;

    const NAME: &'static str = "grovedb-merk 6.1.1";
    const HASH: &'static str = "BLAKE3";
    const DURABILITY: &'static str = "RocksDB's log, never synced; there is no setting for it";

    fn open(arguments: &Arguments) -> Outcome<Self> {
        let storage = RocksDbStorage::default_rocksdb_with_path(arguments.dir.join("db"))?;
        Ok(Self { storage, version: GroveVersion::latest() })
    }

    fn save(&mut self, mut operations: Vec<Operation>) -> Outcome<Root> {
        operations.sort_unstable_by_key(|operation| operation.key);
        let operations = operations.into_iter().map(|operation| self.operation(operation)).collect::<Outcome<Vec<_>>>()?;
        let transaction = self.storage.start_transaction();
        let batch = StorageBatch::new();
        let mut merk = open_merk!(self, Some(&batch), &transaction);
        merk.apply::<_, Vec<u8>>(&operations, &[], None, self.version).unwrap()?;
        let root = merk.root_hash().unwrap();
        drop(merk);
        self.storage.commit_multi_context_batch(batch, Some(&transaction)).unwrap()?;
        self.storage.commit_transaction(transaction).unwrap()?;
        Ok(root)
    }

    fn get_all(&mut self, keys: &[Key], each: &mut dyn FnMut(usize, Option<&[u8]>)) -> Outcome<()> {
        let transaction = self.storage.start_transaction();
        let merk = open_merk!(self, None, &transaction);
        for (place, key) in keys.iter().enumerate() {
            let found = merk.get(key, true, None::<NoCost>, self.version).unwrap()?;
            match found.map(|bytes| Element::deserialize(&bytes, self.version)).transpose()? {
                Some(Element::Item(value, _)) => each(place, Some(&value)),
                _ => each(place, None),
            }
        }
        Ok(())
    }

    fn prove_all(&mut self, keys: &[Key]) -> Outcome<Vec<Vec<u8>>> {
        let transaction = self.storage.start_transaction();
        let merk = open_merk!(self, None, &transaction);
        keys.iter().map(|key| Ok(merk.prove(query(key), None, self.version).unwrap()?.proof)).collect()
    }

    fn verify(root: &Root, key: &Key, value: &[u8], proof: &Vec<u8>) -> bool {
        let Ok(verified) = query(key).verify_proof(proof, None, true, *root).unwrap() else { return false };
        let [found] = verified.result_set.as_slice() else { return false };
        let element = found.value.as_ref().map(|bytes| Element::deserialize(bytes, GroveVersion::latest()));
        found.key == key && matches!(element, Some(Ok(Element::Item(item, _))) if item == value)
    }

    fn proof_length(proof: &Vec<u8>) -> ProofLength {
        Some(proof.len())
    }

    fn proves_absence(&mut self, root: &Root, key: &Key) -> Outcome<Option<bool>> {
        let transaction = self.storage.start_transaction();
        let merk = open_merk!(self, None, &transaction);
        let proof = merk.prove(query(key), None, self.version).unwrap()?.proof;
        let verified = query(key).verify_proof(&proof, None, true, *root).unwrap();
        Ok(Some(verified.is_ok_and(|verified| verified.result_set.iter().all(|found| found.key != key || found.value.is_none()))))
    }

    fn scan(&mut self) -> Outcome<Option<u64>> {
        let transaction = self.storage.start_transaction();
        let context = self.storage.get_transactional_storage_context(SubtreePath::empty(), None, &transaction).unwrap();
        let mut entries = context.raw_iter();
        entries.seek_to_first().unwrap();
        let mut items = 0;
        while entries.valid().unwrap() {
            let bytes = entries.value().unwrap().ok_or("an entry without a value")?;
            std::hint::black_box(TreeNode::decode_raw_for_read(bytes)?);
            items += 1;
            entries.next().unwrap();
        }
        Ok(Some(items))
    }

    fn root(&mut self) -> Outcome<Root> {
        let transaction = self.storage.start_transaction();
        let merk = open_merk!(self, None, &transaction);
        Ok(merk.root_hash().unwrap())
    }

    fn close(self) -> Outcome<()> {
        Ok(())
    }
}

fn main() -> ExitCode {
    common::main::<GroveMerk>()
}
