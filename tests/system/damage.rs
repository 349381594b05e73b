//! The services of the library at work: what is damaged is found, what is not kept goes, what is on its way arrives.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use treering::config::{Config, MultiStoreConfig};
use treering::engine::memory::MemoryBackend;
use treering::engine::{Backend, BackendError, Batch, Durability, Keyspace, Scan};
use treering::event::{Event, Pattern};
use treering::system::{ServiceState, SystemConfig, SystemService};
use treering::{MultiStore, Order, Store, Versioned};

use super::engine::TestEngine;
use super::{state, until};

/// Stores over a backend that a test reaches.
fn stores() -> (tempfile::TempDir, Arc<MemoryBackend>, MultiStore) {
    let (folder, backend) = (tempfile::tempdir().unwrap(), Arc::new(MemoryBackend::new()));
    let engine = Arc::new(TestEngine { name: "test", backend: Arc::clone(&backend) });
    let config = MultiStoreConfig::new(folder.path().join("trees")).with_default_engine("test");
    let stores = MultiStore::builder(config).engine(engine).create().unwrap();
    (folder, backend, stores)
}

fn fill(stores: &MultiStore, name: &str, versions: u64) {
    let store = stores.create_store(name, None, &Config::new()).unwrap();
    for version in 1..=versions {
        for key in 0..40_u64 {
            store.set(&(key * version % 64).to_be_bytes(), &[u8::try_from(version).unwrap(); 9]).unwrap();
        }
        stores.save_version().unwrap();
    }
    stores.flush().unwrap();
}

/// A system whose checker goes over everything again and again.
fn checking(stores: &MultiStore, nodes_per_second: u64) -> SystemService {
    let mut config = SystemConfig::in_memory();
    config.checker.interval = Duration::from_millis(1);
    config.checker.nodes_per_second = nodes_per_second;
    SystemService::builder(config).store(stores.clone()).build().unwrap()
}

fn report(system: &SystemService, id: &str) -> Value {
    system.status(id).unwrap().report
}

fn put(backend: &MemoryBackend, key: &[u8], value: Vec<u8>) {
    let mut batch = Batch::new();
    batch.put(Keyspace::Nodes, key, value);
    backend.write(&batch, Durability::Synced).unwrap();
}

/// Every single page of nodes is damaged in turn, and found; made whole again, it is no longer told of.
#[test]
fn every_damaged_page_is_found_and_told_and_its_repair_too() {
    let (_folder, backend, stores) = stores();
    fill(&stores, "bank", 5);
    fill(&stores, "gov", 1);
    let system = checking(&stores, 100_000_000);
    let damage = system.events().subscribe(Pattern::parse("system.damage.found").unwrap(), 100_000);
    system.start().unwrap();
    until("a whole pass", || report(&system, "checker")["passes"].as_u64() >= Some(1));
    assert!(damage.try_recv().is_err(), "nothing is wrong");
    let pages: Vec<_> = backend.scan(Keyspace::Nodes, &[], None, Order::Ascending).map(Result::unwrap).collect();
    assert!(pages.len() > 15);
    for (key, record) in &pages {
        let mut torn = record.clone();
        *torn.last_mut().unwrap() ^= 1;
        put(&backend, key, torn);
        let told = damage.recv_timeout(super::LONG).unwrap();
        let Event::DamageFound(found) = &*told.event else { panic!("{told:?}") };
        until("the status says it", || report(&system, "checker")["damage"][&found.store].is_string());
        assert!(found.error.contains("node"), "{}", found.error);
        put(&backend, key, record.clone());
        until("the status says that it is whole", || report(&system, "checker")["damage"] == json!({}));
        while damage.try_recv().is_ok() {}
    }
    assert_eq!(state(&system, "checker"), ServiceState::Running, "damage is no failure of the checker");
    assert!(system.stop().abandoned.is_empty());
}

#[test]
fn the_checker_looks_at_every_node_once_in_a_pass() {
    let (_folder, _backend, stores) = stores();
    fill(&stores, "bank", 5);
    let stats = stores.stats().unwrap();
    let nodes = stats.iter().flat_map(|(_, kinds)| kinds).filter(|kind| ["nodes: leaf", "nodes: inner"].contains(&kind.kind));
    let nodes: u64 = nodes.map(|kind| kind.count).sum();
    let checked = stores.verify_store("bank", &mut |_| std::ops::ControlFlow::Continue(())).unwrap();
    assert_eq!((checked.nodes, checked.versions, checked.stores), (nodes, 5, 1));
    let whole = stores.check(&mut |_| {}).unwrap();
    assert_eq!((checked.nodes, checked.hashes), (whole.nodes, whole.hashes), "as the full check counts");
    let mut steps = 0;
    let stopped = stores.verify_store("bank", &mut |_| {
        steps += 1;
        std::ops::ControlFlow::Break(())
    });
    assert!(stopped.unwrap().nodes < nodes && steps == 1, "it stops when it is told to");
}

#[test]
fn the_checker_keeps_its_pace_and_stops_in_the_middle() {
    let (_folder, _backend, stores) = stores();
    fill(&stores, "bank", 3);
    let system = checking(&stores, 200);
    let begun = Instant::now();
    system.start().unwrap();
    until("some nodes", || report(&system, "checker")["nodes_checked"].as_u64() >= Some(60));
    assert!(begun.elapsed() >= Duration::from_millis(200), "60 nodes at 200 a second took {:?}", begun.elapsed());
    assert_eq!(report(&system, "checker")["passes"], 0);
    let begun = Instant::now();
    assert!(system.stop().abandoned.is_empty());
    assert!(begun.elapsed() < Duration::from_secs(5));
}

/// Versions come, go and are rolled back while the checker is at it: it must not take that for damage.
#[test]
fn what_is_pruned_or_rolled_back_meanwhile_is_no_damage() {
    let (_folder, _backend, stores) = stores();
    fill(&stores, "bank", 2);
    let system = checking(&stores, 100_000_000);
    let damage = system.events().subscribe(Pattern::parse("system.damage.found").unwrap(), 1000);
    system.start().unwrap();
    let bank = stores.get_store("bank").unwrap();
    for round in 0..150_u64 {
        for key in 0..20_u64 {
            bank.set(&((key * 7 + round) % 64).to_be_bytes(), &round.to_be_bytes()).unwrap();
        }
        let saved = stores.save_version().unwrap().version;
        match round % 5 {
            1 => drop(stores.prune(&treering::Keep::Last(2)).unwrap()),
            3 => stores.rollback_to(saved - 1).unwrap(),
            _ => {}
        }
    }
    until("some passes", || report(&system, "checker")["passes"].as_u64() >= Some(3));
    assert!(damage.try_recv().is_err(), "{:?}", report(&system, "checker"));
    assert!(system.stop().abandoned.is_empty());
    stores.check(&mut |_| {}).unwrap();
}

#[test]
fn the_pruner_removes_what_is_not_kept_and_the_flusher_waits_at_the_end() {
    let mut config = SystemConfig::in_memory();
    config.pruner.interval = Duration::from_millis(5);
    let system = SystemService::builder(config).build().unwrap();
    let bank = system.store().create_store("bank", None, &Config::new().with("max_versions", 2)).unwrap();
    system.start().unwrap();
    for version in 0..9_u8 {
        bank.set(b"key", &[version]).unwrap();
        system.store().save_version().unwrap();
    }
    until("only two are left", || bank.list_versions().unwrap().len() == 2);
    until("the pruner tells", || report(&system, "pruner")["versions_removed"] == json!(7));
    assert_eq!(report(&system, "pruner")["stores_with_retention"], 1);
    assert_eq!(system.stop().stopped.last().unwrap(), "flusher");
    assert_eq!(report(&system, "flusher"), json!({ "checkpoints_waiting": 0, "bytes_waiting": 0 }));
}

/// A backend in memory that stops taking writes.
#[derive(Default)]
struct Fused {
    inner: MemoryBackend,
    is_blown: AtomicBool,
}

impl Backend for Fused {
    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, BackendError> {
        self.inner.get(keyspace, key)
    }

    fn scan(&self, keyspace: Keyspace, from: &[u8], to: Option<&[u8]>, order: Order) -> Scan<'_> {
        self.inner.scan(keyspace, from, to, order)
    }

    fn write(&self, batch: &Batch, durability: Durability) -> Result<(), BackendError> {
        if self.is_blown.load(Ordering::SeqCst) {
            return Err(BackendError::new("writing a batch", "no space left on device (injected)"));
        }
        self.inner.write(batch, durability)
    }

    fn flush(&self) -> Result<(), BackendError> {
        Ok(())
    }
}

/// A failed write stays; who only reads would not see it, so the flusher tells. What reads goes on.
#[test]
fn the_flusher_tells_of_a_failed_write_and_others_go_on() {
    let (folder, backend) = (tempfile::tempdir().unwrap(), Arc::new(Fused::default()));
    let engine = Arc::new(TestEngine { name: "test", backend: Arc::clone(&backend) });
    let config = MultiStoreConfig::new(folder.path().join("trees")).with_default_engine("test");
    let stores = MultiStore::builder(config).engine(engine).create().unwrap();
    fill(&stores, "bank", 2);
    let mut config = SystemConfig::in_memory();
    config.services.restart_first = Duration::from_millis(20);
    let system = SystemService::builder(config).store(stores.clone()).build().unwrap();
    assert_eq!(system.start().unwrap().ready, ["flusher", "pruner", "checker"]);
    backend.is_blown.store(true, Ordering::SeqCst);
    let bank = stores.get_store("bank").unwrap();
    bank.set(b"key", b"value").unwrap();
    stores.save_version().unwrap_err();
    until("the flusher fails", || matches!(state(&system, "flusher"), ServiceState::Failed { .. }));
    let error = system.status("flusher").unwrap().last_error.unwrap();
    assert!(error.contains("an earlier write failed") && error.contains("no space left on device (injected)"), "{error}");
    assert_eq!(state(&system, "checker"), ServiceState::Running);
    assert_eq!(stores.snapshot(None).unwrap().version(), 2);
    until("it is tried again", || system.status("flusher").unwrap().restarts > 1);
    assert!(system.stop().abandoned.is_empty());
}
