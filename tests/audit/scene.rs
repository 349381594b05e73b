//! Stores with an audit log, both in memory that outlasts their handles, and can be changed behind their backs.

use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use treering::config::{Config, MultiStoreConfig};
use treering::engine::memory::MemoryBackend;
use treering::engine::{Backend, Batch, Durability, Keyspace};
use treering::system::Role;
use treering::system::audit::{AuditLog, AuditOptions, AuditReport, AuditTrail, Call};
use treering::{Database, MultiStore, OpenOptions, Store, TreeStore};

use super::common::FaultyBackend;
use super::engine::TestEngine;

pub(crate) struct Scene {
    folder: TempDir,
    pub(crate) main: Arc<MemoryBackend>,
    pub(crate) audit: Arc<FaultyBackend>,
}

pub(crate) fn call(operation: &str) -> Call {
    Call {
        trace_id: "trace".to_owned(),
        principal: "alice".to_owned(),
        operation: operation.to_owned(),
        role: Role::Write,
        stores: Some(vec!["bank".to_owned()]),
        input_digest: None,
        result: "ok".to_owned(),
        duration: Duration::from_micros(5),
    }
}

/// Changes the stores, and saves them.
pub(crate) fn save(stores: &MultiStore) -> u64 {
    let version = stores.current_version().unwrap() + 1;
    stores.get_store("bank").unwrap().set(b"key", &version.to_be_bytes()).unwrap();
    stores.save_version().unwrap().version
}

impl Scene {
    /// Stores without versions, and no log.
    pub(crate) fn empty() -> Self {
        let scene =
            Self { folder: tempfile::tempdir().unwrap(), main: Arc::new(MemoryBackend::new()), audit: Arc::new(FaultyBackend::default()) };
        scene.audit.heal();
        let stores = scene.stores();
        stores.create_store("bank", None, &Config::new()).unwrap();
        stores.close_all().unwrap();
        scene
    }

    /// Three versions of all stores, with 4, 7 and 9 entries beside them, and 10 entries at the end, each of which is a version of the log.
    pub(crate) fn of_ten_entries() -> Self {
        let scene = Self::empty();
        let (stores, log) = scene.open();
        for entries in [4, 3, 2] {
            (0..entries).for_each(|_| assert!(log.record(call("batch.apply")).is_ok()));
            save(&stores);
        }
        log.record(call("versions.save")).unwrap();
        assert_eq!(scene.verify().findings, []);
        log.close().unwrap();
        stores.close_all().unwrap();
        scene
    }

    /// The same stores with the log of others.
    pub(crate) fn with_log_of(self, other: &Self) -> Self {
        Self { audit: Arc::clone(&other.audit), ..self }
    }

    pub(crate) fn stores(&self) -> MultiStore {
        let engine = TestEngine { name: "alpha", backend: Arc::clone(&self.main) };
        let config = MultiStoreConfig::new(self.folder.path()).with_default_engine("alpha");
        MultiStore::builder(config).engine(Arc::new(engine)).open_or_create().unwrap()
    }

    pub(crate) fn audit_backend(&self) -> Arc<dyn Backend> {
        Arc::clone(&self.audit) as Arc<dyn Backend>
    }

    pub(crate) fn open(&self) -> (MultiStore, Arc<AuditLog>) {
        self.open_with(AuditOptions::default())
    }

    pub(crate) fn open_with(&self, options: AuditOptions) -> (MultiStore, Arc<AuditLog>) {
        let stores = self.stores();
        let log = AuditLog::open_on(&stores, self.audit_backend(), options).unwrap();
        (stores, log)
    }

    /// Verifies what is on the disk. The folder's lock may be taken, so the stores are a copy.
    pub(crate) fn verify(&self) -> AuditReport {
        let copy = Self { folder: tempfile::tempdir().unwrap(), main: Arc::new(copy_of(&*self.main)), audit: Arc::clone(&self.audit) };
        std::fs::copy(self.folder.path().join("treering.json"), copy.folder.path().join("treering.json")).unwrap();
        let audit = Arc::new(copy_of(&self.audit.inner));
        let report = AuditTrail::open_on(audit).unwrap().verify(&copy.stores(), &mut |_, _| {}).unwrap();
        assert_eq!(report.is_sound(), report.findings.is_empty());
        report
    }

    /// What verifying tells, line by line.
    pub(crate) fn told(&self) -> Vec<String> {
        self.verify().findings.iter().map(ToString::to_string).collect()
    }

    /// Changes the log as anyone can who may write its files.
    pub(crate) fn tamper(&self, change: impl FnOnce(&mut TreeStore)) {
        let database = Database::open_on(self.audit_backend(), &OpenOptions::default()).unwrap();
        change(&mut database.store("audit").unwrap());
    }

    /// Changes the record beside a version, with the checksum that belongs to it; `None` removes it.
    pub(crate) fn set_record(&self, version: u64, body: Option<&[u8]>) {
        let key = [&b"n"[..], &version.to_be_bytes()].concat();
        let mut batch = Batch::new();
        match body {
            Some(body) => {
                let mut crc = crc32fast::Hasher::new();
                for part in [Keyspace::Commits.name().as_bytes(), &key, body] {
                    crc.update(part);
                }
                batch.put(Keyspace::Commits, key, [body, &crc.finalize().to_be_bytes()].concat());
            }
            None => batch.delete(Keyspace::Commits, key),
        }
        self.main.write(&batch, Durability::Synced).unwrap();
    }
}

fn copy_of(backend: &dyn Backend) -> MemoryBackend {
    let copy = MemoryBackend::new();
    let mut batch = Batch::new();
    for keyspace in Keyspace::ALL {
        for pair in backend.scan(keyspace, &[], None, treering::Order::Ascending) {
            let (key, value) = pair.unwrap();
            batch.put(keyspace, key, value);
        }
    }
    copy.write(&batch, Durability::Synced).unwrap();
    copy
}
