//! Both variants of commonware's qmdb: an append-only log of operations, a Merkle mountain range over it, and the index of keys in memory.
//!
//! The database lives on a thread of its own with commonware's runtime; requests go there and answers come back.

use std::num::{NonZeroU64, NonZeroUsize};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use common::{Arguments, Key, Operation, Outcome, ProofLength, Root, Store};
use commonware_codec::{EncodeSize as _, RangeCfg};
use commonware_cryptography::sha256::Digest;
use commonware_parallel::Rayon;
use commonware_runtime::buffer::paged::{CacheRef, page_size};
use commonware_runtime::tokio::{Config as RuntimeConfig, Context, Runner};
use commonware_runtime::{BLOB_PAGE_SIZE, Runner as _, Strategizer as _, Supervisor as _};
use commonware_storage::journal::contiguous::variable::Config as JournalConfig;
use commonware_storage::merkle::full::Config as MerkleConfig;
use commonware_storage::qmdb::current::VariableConfig;
use commonware_storage::qmdb::floor::Proportional;
use commonware_storage::translator::EightCap;

use crate::variant::{self, Db, Proof};

pub(crate) const CHUNK: usize = 32;
/// The log outgrows a small page cache soon, and then gets and proofs fall off; as much as treering has by default.
const DEFAULT_CACHE_MIB: usize = 1024;
const THREADS: usize = 2;
const ITEMS_PER_BLOB: u64 = 500_000;
const BUFFER_BYTES: usize = 2 << 20;
const KEYS_PER_REQUEST: usize = 10_000;

enum Request {
    Save(Vec<Operation>),
    Get(Vec<Key>),
    Prove(Vec<Key>),
    Scan,
    Absence(Key),
    Root,
}

enum Answer {
    Root(Root),
    Values(Vec<Option<Vec<u8>>>),
    Proofs(Vec<Proof>),
    Count(Option<u64>),
    Holds(Option<bool>),
}

pub(crate) struct Commonware {
    requests: SyncSender<Request>,
    answers: Receiver<Outcome<Answer>>,
    thread: JoinHandle<Outcome<()>>,
}

impl Commonware {
    fn ask(&self, request: Request) -> Outcome<Answer> {
        self.requests.send(request).map_err(|_| "the database's thread ended")?;
        self.answers.recv()?
    }
}

fn nonzero(number: usize) -> NonZeroUsize {
    NonZeroUsize::new(number).unwrap_or(NonZeroUsize::MIN)
}

type CodecConfig = ((), (RangeCfg<usize>, ()));

fn config(context: &Context, cache_mib: usize) -> VariableConfig<EightCap, CodecConfig, Rayon> {
    let items = NonZeroU64::new(ITEMS_PER_BLOB).unwrap_or(NonZeroU64::MIN);
    let (write_buffer, replay_buffer) = (nonzero(BUFFER_BYTES), nonzero(BUFFER_BYTES));
    let page = page_size(BLOB_PAGE_SIZE);
    // Pages are of 4 KiB.
    let page_cache = CacheRef::new(page, nonzero(cache_mib * 256));
    VariableConfig {
        merkle_config: MerkleConfig {
            journal_partition: "journal".into(),
            metadata_partition: "metadata".into(),
            items_per_blob: items,
            write_buffer,
            replay_buffer,
            strategy: context.strategy(nonzero(THREADS)),
            page_cache: page_cache.clone(),
        },
        journal_config: JournalConfig {
            partition: "log".into(),
            items_per_section: items,
            compression: None,
            codec_config: ((), ((0..=10_000_usize).into(), ())),
            page_cache,
            write_buffer,
            replay_buffer,
        },
        grafted_metadata_partition: "grafted".into(),
        translator: EightCap,
        init_cache: Some(nonzero(1 << 18)),
        init_buffer: nonzero(BUFFER_BYTES),
        init_concurrency: (),
    }
}

/// Opens the database, then answers until nobody asks any more.
async fn serve(context: Context, cache_mib: usize, requests: Receiver<Request>, answers: SyncSender<Outcome<Answer>>) -> Outcome<()> {
    let config = config(&context, cache_mib);
    let mut db = Db::init(context.child("storage"), config, None).await?;
    while let Ok(request) = requests.recv() {
        let answer = if let Request::Save(operations) = request {
            let (after, root) = save(db, operations).await?;
            db = after;
            Ok(Answer::Root(root))
        } else {
            read(&db, request).await
        };
        answers.send(answer).map_err(|_| "nobody waits for the answer")?;
    }
    Ok(())
}

async fn save(db: Db, operations: Vec<Operation>) -> Outcome<(Db, Root)> {
    let mut batch = db.new_batch();
    for Operation { key, value } in operations {
        batch = batch.write(Digest::from(key), value);
    }
    let merkleized = batch.merkleize(&db, None, &mut Proportional).await?;
    let root = merkleized.root().as_ref().try_into()?;
    // What syncs the log of operations; Merkle nodes are made again from it.
    let db = db.apply_batch(merkleized).await?.commit().await?;
    Ok((db, root))
}

async fn read(db: &Db, request: Request) -> Outcome<Answer> {
    Ok(match request {
        Request::Save(_) => return Err("a save does not read".into()),
        Request::Get(keys) => {
            let mut values = Vec::with_capacity(keys.len());
            for key in keys {
                values.push(db.get(&Digest::from(key)).await?);
            }
            Answer::Values(values)
        }
        Request::Prove(keys) => {
            let mut proofs = Vec::with_capacity(keys.len());
            for key in keys {
                proofs.push(db.key_value_proof(Digest::from(key)).await?);
            }
            Answer::Proofs(proofs)
        }
        Request::Scan => Answer::Count(variant::scan(db).await?),
        Request::Absence(key) => Answer::Holds(variant::proves_absence(db, Digest::from(key)).await?),
        Request::Root => Answer::Root(db.root().as_ref().try_into()?),
    })
}

impl Store for Commonware {
    type Proof = Proof;

    const NAME: &'static str = variant::NAME;
    const HASH: &'static str = "SHA-256 (sha2 0.11, two nodes at a time by hand)";
    const DURABILITY: &'static str = "fdatasync of the log of operations each block";
    const HAS_CACHE: bool = true;

    fn open(arguments: &Arguments) -> Outcome<Self> {
        let (requests, to_serve) = sync_channel(1);
        let (served, answers) = sync_channel(1);
        let (dir, cache_mib) = (arguments.dir.join("db"), arguments.cache_mib.unwrap_or(DEFAULT_CACHE_MIB));
        let work = move || {
            let config = RuntimeConfig::new().with_worker_threads(THREADS).with_storage_directory(dir);
            Runner::new(config).start(|context: Context| serve(context, cache_mib, to_serve, served))
        };
        let thread = thread::Builder::new().stack_size(64 << 20).spawn(work)?;
        Ok(Self { requests, answers, thread })
    }

    fn save(&mut self, operations: Vec<Operation>) -> Outcome<Root> {
        let Answer::Root(root) = self.ask(Request::Save(operations))? else { return Err(unexpected()) };
        Ok(root)
    }

    fn get_all(&mut self, keys: &[Key], each: &mut dyn FnMut(usize, Option<&[u8]>)) -> Outcome<()> {
        let mut place = 0;
        for some in keys.chunks(KEYS_PER_REQUEST) {
            let Answer::Values(values) = self.ask(Request::Get(some.to_vec()))? else { return Err(unexpected()) };
            for value in values {
                each(place, value.as_deref());
                place += 1;
            }
        }
        Ok(())
    }

    fn prove_all(&mut self, keys: &[Key]) -> Outcome<Vec<Proof>> {
        let Answer::Proofs(proofs) = self.ask(Request::Prove(keys.to_vec()))? else { return Err(unexpected()) };
        Ok(proofs)
    }

    fn verify(root: &Root, key: &Key, value: &[u8], proof: &Proof) -> bool {
        variant::verify(&Digest::from(*root), Digest::from(*key), value.to_vec(), proof)
    }

    fn proof_length(proof: &Proof) -> ProofLength {
        Some(proof.encode_size())
    }

    fn proves_absence(&mut self, _root: &Root, key: &Key) -> Outcome<Option<bool>> {
        let Answer::Holds(holds) = self.ask(Request::Absence(*key))? else { return Err(unexpected()) };
        Ok(holds)
    }

    fn scan(&mut self) -> Outcome<Option<u64>> {
        let Answer::Count(count) = self.ask(Request::Scan)? else { return Err(unexpected()) };
        Ok(count)
    }

    fn root(&mut self) -> Outcome<Root> {
        let Answer::Root(root) = self.ask(Request::Root)? else { return Err(unexpected()) };
        Ok(root)
    }

    fn close(self) -> Outcome<()> {
        let Self { requests, thread, .. } = self;
        drop(requests);
        thread.join().map_err(|_| "the database's thread panicked")?
    }
}

fn unexpected() -> Box<dyn std::error::Error + Send + Sync> {
    "an answer to another question".into()
}
