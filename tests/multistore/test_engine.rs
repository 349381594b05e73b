//! Engines in memory that last as long as the test, whose writes can be made to fail together.

#[path = "../common/engine.rs"]
pub(crate) mod engine;

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use engine::TestEngine;
use treering::config::MultiStoreConfig;
use treering::engine::memory::MemoryBackend;
use treering::engine::{Backend, BackendError, Batch, Durability, Keyspace, Scan};
use treering::{Companion, CompanionLog, Database, Error, Hash, MultiStore, MultiVersion, OpenOptions, Order};

/// What becomes of writes, on all engines together.
#[derive(Clone, Default)]
pub(crate) struct Fuse(Arc<Switches>);

struct Switches {
    /// Writes that still succeed; negative: all do.
    left: AtomicI64,
    is_held: AtomicBool,
    /// Writes that wait since they are held.
    waiting: AtomicU64,
}

impl Default for Switches {
    fn default() -> Self {
        Self { left: AtomicI64::new(-1), is_held: AtomicBool::new(false), waiting: AtomicU64::new(0) }
    }
}

impl Fuse {
    pub(crate) fn blow_after(&self, writes: i64) {
        self.0.left.store(writes, Ordering::SeqCst);
    }

    pub(crate) fn mend(&self) {
        self.0.left.store(-1, Ordering::SeqCst);
    }

    /// Has writes wait, or go on.
    pub(crate) fn hold(&self, is_held: bool) {
        self.0.is_held.store(is_held, Ordering::SeqCst);
    }

    pub(crate) fn is_waited_for(&self) -> bool {
        self.0.waiting.load(Ordering::SeqCst) > 0
    }

    fn burn(&self) -> Result<(), BackendError> {
        self.0.waiting.fetch_add(1, Ordering::SeqCst);
        while self.0.is_held.load(Ordering::SeqCst) {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
        match self.0.left.load(Ordering::SeqCst) {
            0 => Err(BackendError::new("writing a batch", "no space left on device (injected)")),
            left => {
                self.0.left.store((left - 1).max(-1), Ordering::SeqCst);
                Ok(())
            }
        }
    }
}

/// What an engine holds.
pub(crate) struct Fused {
    inner: MemoryBackend,
    fuse: Fuse,
}

impl Fused {
    fn copy(&self, fuse: &Fuse) -> Arc<Self> {
        let copy = Self { inner: MemoryBackend::new(), fuse: fuse.clone() };
        let mut batch = Batch::new();
        for keyspace in Keyspace::ALL {
            for pair in self.inner.scan(keyspace, &[], None, Order::Ascending) {
                let (key, value) = pair.unwrap();
                batch.put(keyspace, key, value);
            }
        }
        copy.inner.write(&batch, Durability::Synced).unwrap();
        Arc::new(copy)
    }
}

impl Backend for Fused {
    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, BackendError> {
        self.inner.get(keyspace, key)
    }

    fn scan(&self, keyspace: Keyspace, from: &[u8], to: Option<&[u8]>, order: Order) -> Scan<'_> {
        self.inner.scan(keyspace, from, to, order)
    }

    fn write(&self, batch: &Batch, durability: Durability) -> Result<(), BackendError> {
        self.fuse.burn()?;
        self.inner.write(batch, durability)
    }

    fn flush(&self) -> Result<(), BackendError> {
        Ok(())
    }
}

/// A log of which nothing is kept but how it stands: at an entry more whenever it is asked.
#[derive(Default)]
pub(crate) struct CountingLog {
    asked: AtomicU64,
    /// What it was told to stand beside.
    pub(crate) told: Mutex<Vec<(u64, Companion)>>,
    pub(crate) is_failing: AtomicBool,
}

impl CountingLog {
    /// How it stands when it is asked for this time.
    pub(crate) fn at(asked: u64) -> Companion {
        Companion { version: asked, root_hash: Hash::new([asked.to_be_bytes()[7]; 32]), entries: 10 * asked }
    }
}

impl CompanionLog for CountingLog {
    fn standing(&self) -> Result<Option<Companion>, Error> {
        if self.is_failing.load(Ordering::SeqCst) {
            return Err(Error::CompanionLog { cause: "no space left (injected)".to_owned() });
        }
        Ok(Some(Self::at(self.asked.fetch_add(1, Ordering::SeqCst) + 1)))
    }

    fn saved(&self, version: &MultiVersion, beside: Companion) {
        self.told.lock().unwrap().push((version.version, beside));
    }
}

/// Every version of all stores has its record of how the log stood, and none is left of others.
pub(crate) fn assert_companions(stores: &MultiStore) {
    let beside: Vec<u64> = stores.companions().unwrap().into_iter().map(|(version, _)| version).collect();
    assert_eq!(beside, stores.list_versions().unwrap().into_iter().map(|saved| saved.version).collect::<Vec<_>>());
}

/// Two engines, `alpha` with the home, and `beta`.
pub(crate) struct Machine {
    pub(crate) alpha: Arc<Fused>,
    pub(crate) beta: Arc<Fused>,
    pub(crate) fuse: Fuse,
}

impl Machine {
    pub(crate) fn new() -> Self {
        let fuse = Fuse::default();
        let backend = || Arc::new(Fused { inner: MemoryBackend::new(), fuse: fuse.clone() });
        Self { alpha: backend(), beta: backend(), fuse: fuse.clone() }
    }

    pub(crate) fn copy(&self) -> Self {
        let fuse = Fuse::default();
        Self { alpha: self.alpha.copy(&fuse), beta: self.beta.copy(&fuse), fuse }
    }

    fn builder(&self, folder: &Path) -> treering::MultiStoreBuilder {
        let engine = |name, backend| Arc::new(TestEngine { name, backend: Arc::clone(backend) });
        let config = MultiStoreConfig::new(folder).with_default_engine("alpha");
        MultiStore::builder(config).engine(engine("alpha", &self.alpha)).engine(engine("beta", &self.beta))
    }

    /// Opens the stores, with a log beside their versions; `folder` keeps nothing but the note where the home is.
    pub(crate) fn open(&self, folder: &Path) -> MultiStore {
        let stores = self.builder(folder).open_or_create().unwrap();
        stores.set_companion_log(Some(Arc::new(CountingLog::default()))).unwrap();
        stores
    }

    pub(crate) fn try_open_to_read(&self, folder: &Path) -> treering::Result<MultiStore> {
        self.builder(folder).read_only().open()
    }

    /// Every record of every database is what it must be.
    pub(crate) fn check(&self) {
        for backend in [&self.alpha, &self.beta] {
            let Ok(database) = Database::open_on(Arc::clone(backend) as Arc<dyn Backend>, &OpenOptions::default()) else { continue };
            database.check(&mut |_| {}).unwrap();
        }
    }
}
