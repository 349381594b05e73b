//! Threads run random transactions, write beside them and save versions; afterwards all of it is run again, one after another in the order
//! of [`Committed::sequence`](treering::Committed), on a `BTreeMap` and a plain [`Tree`].
//!
//! A transaction is a program that a seed determines, up to what it reads: run again it must read the same, and in the end the contents
//! and every saved root hash must be the same, bit for bit. `TREERING_SEED` runs one seed again (threads differ all the same).
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::thread;

use common::{FaultyBackend, Model, Numbers};
use treering::engine::Backend;
use treering::{
    Database, Error, Hash, Keep, OpenOptions, Order, SharedStore, Store, Transaction, TransactionMode, Transactional, Tree, Versioned,
};

const THREADS: u64 = 8;
const ACCOUNTS: u64 = 60;
const BALANCE: u64 = 1000;

type Entry = (Vec<u8>, Vec<u8>);
/// A key, the value it gets, and the one it had.
type Undoable = (Vec<u8>, Option<Vec<u8>>, Option<Vec<u8>>);

/// What programs do with: a transaction, or the model.
trait Access {
    fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, Error>;
    /// Up to `limit` entries.
    fn range(&mut self, span: (&[u8], &[u8]), order: Order, limit: usize) -> Result<Vec<Entry>, Error>;
    fn set(&mut self, key: &[u8], value: &[u8]) -> Result<(), Error>;
    fn delete(&mut self, key: &[u8]) -> Result<(), Error>;
    /// Runs what may be undone as a whole.
    fn attempt(&mut self, how: Attempt, body: &mut dyn FnMut(&mut dyn Access) -> Result<bool, Error>) -> Result<(), Error>;
}

#[derive(Clone, Copy)]
enum Attempt {
    Savepoint,
    Nested,
}

struct InTransaction<'a>(&'a dyn Transaction);

impl Access for InTransaction<'_> {
    fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.0.get(key)
    }

    fn range(&mut self, (start, end): (&[u8], &[u8]), order: Order, limit: usize) -> Result<Vec<Entry>, Error> {
        let mut found = Vec::new();
        self.0.as_range_queryable()?.iterate_range(Bound::Included(start), Bound::Excluded(end), order, &mut |key, value| {
            found.push((key.to_vec(), value.to_vec()));
            if found.len() == limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        Ok(found)
    }

    fn set(&mut self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        self.0.set(key, value)
    }

    fn delete(&mut self, key: &[u8]) -> Result<(), Error> {
        self.0.delete(key)
    }

    fn attempt(&mut self, how: Attempt, body: &mut dyn FnMut(&mut dyn Access) -> Result<bool, Error>) -> Result<(), Error> {
        match how {
            Attempt::Savepoint => {
                let savepoint = self.0.savepoint()?;
                if !body(self)? {
                    self.0.rollback_to_savepoint(savepoint)?;
                }
                self.0.release_savepoint(savepoint)
            }
            Attempt::Nested => {
                let nested = self.0.as_transactional()?.begin_tx()?;
                if body(&mut InTransaction(&*nested))? { nested.commit().map(drop) } else { nested.rollback() }
            }
        }
    }
}

/// The model in a transaction: each write, with what was there before.
struct OnModel<'a> {
    map: &'a mut Model,
    writes: Vec<Undoable>,
}

impl OnModel<'_> {
    fn write(&mut self, key: &[u8], value: Option<&[u8]>) {
        let before = match value {
            Some(value) => self.map.insert(key.to_vec(), value.to_vec()),
            None => self.map.remove(key),
        };
        self.writes.push((key.to_vec(), value.map(<[u8]>::to_vec), before));
    }

    fn undo(&mut self, to: usize) {
        for (key, _, before) in self.writes.drain(to..).rev() {
            match before {
                Some(value) => drop(self.map.insert(key, value)),
                None => drop(self.map.remove(&key)),
            }
        }
    }
}

impl Access for OnModel<'_> {
    fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.map.get(key).cloned())
    }

    fn range(&mut self, (start, end): (&[u8], &[u8]), order: Order, limit: usize) -> Result<Vec<Entry>, Error> {
        let entries = self.map.range::<[u8], _>((Bound::Included(start), Bound::Excluded(end)));
        let entries = entries.map(|(key, value)| (key.clone(), value.clone()));
        Ok(match order {
            Order::Ascending => entries.take(limit).collect(),
            Order::Descending => entries.rev().take(limit).collect(),
        })
    }

    fn set(&mut self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        self.write(key, Some(value));
        Ok(())
    }

    fn delete(&mut self, key: &[u8]) -> Result<(), Error> {
        self.write(key, None);
        Ok(())
    }

    fn attempt(&mut self, _: Attempt, body: &mut dyn FnMut(&mut dyn Access) -> Result<bool, Error>) -> Result<(), Error> {
        let before = self.writes.len();
        if !body(self)? {
            self.undo(before);
        }
        Ok(())
    }
}

/// What a program has read so far, in one number.
#[derive(Default)]
struct Digest(u64);

impl Digest {
    fn bytes(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3).rotate_left(5);
        }
        self.number(bytes.len() as u64 + 1);
    }

    fn number(&mut self, number: u64) {
        self.0 = Numbers(self.0 ^ number.rotate_left(17)).next();
    }
}

fn account(number: u64) -> Vec<u8> {
    format!("account/{number:04}").into_bytes()
}

fn note(number: u64) -> Vec<u8> {
    format!("note/{number:06}").into_bytes()
}

fn amount(value: Option<&[u8]>) -> u64 {
    value.map_or(0, |value| u64::from_be_bytes(value.try_into().unwrap()))
}

/// An account without money is not there.
fn put_account(access: &mut dyn Access, key: &[u8], balance: u64) -> Result<(), Error> {
    if balance == 0 { access.delete(key) } else { access.set(key, &balance.to_be_bytes()) }
}

struct Program {
    seed: u64,
    notes: u64,
}

impl Program {
    /// Runs it. Gives a number that depends on all that was read.
    fn run(&self, access: &mut dyn Access) -> Result<u64, Error> {
        let (mut random, mut digest) = (Numbers(self.seed), Digest::default());
        for _ in 0..=random.below(3) {
            self.part(access, &mut random, &mut digest)?;
        }
        Ok(digest.0)
    }

    fn part(&self, access: &mut dyn Access, random: &mut Numbers, digest: &mut Digest) -> Result<(), Error> {
        match random.below(12) {
            0..4 => transfer(access, random, digest),
            4 => sum(access, random, digest),
            5..8 => self.write_note(access, random),
            8 => self.take_note(access, random, digest),
            9 => {
                let key = note(random.below(self.notes));
                let found = access.get(&key)?;
                digest.bytes(found.as_deref().unwrap_or(b"absent"));
                Ok(())
            }
            kind => {
                let how = if kind == 10 { Attempt::Savepoint } else { Attempt::Nested };
                access.attempt(how, &mut |access| {
                    transfer(access, random, digest)?;
                    self.take_note(access, random, digest)?;
                    self.write_note(access, random)?;
                    Ok(random.below(2) == 0)
                })
            }
        }
    }

    /// Writes without reading.
    fn write_note(&self, access: &mut dyn Access, random: &mut Numbers) -> Result<(), Error> {
        let key = note(random.below(self.notes));
        match random.below(3) {
            0 => access.delete(&key),
            _ => access.set(&key, format!("{:064x}", random.next()).as_bytes()),
        }
    }

    /// Removes the first note on one side of a place.
    fn take_note(&self, access: &mut dyn Access, random: &mut Numbers, digest: &mut Digest) -> Result<(), Error> {
        let place = note(random.below(self.notes));
        let found = match random.below(2) {
            0 => access.range((&place, b"note0"), Order::Ascending, 1)?,
            _ => access.range((b"note/", &place), Order::Descending, 2)?,
        };
        for (key, value) in &found {
            digest.bytes(key);
            digest.bytes(value);
        }
        found.last().map_or(Ok(()), |(key, _)| access.delete(key))
    }
}

fn transfer(access: &mut dyn Access, random: &mut Numbers, digest: &mut Digest) -> Result<(), Error> {
    let (from, to) = (account(random.below(ACCOUNTS)), account(random.below(ACCOUNTS)));
    let (rich, poor) = (amount(access.get(&from)?.as_deref()), amount(access.get(&to)?.as_deref()));
    digest.number(rich);
    digest.number(poor);
    let moved = random.below(BALANCE).min(rich);
    if from != to {
        put_account(access, &from, rich - moved)?;
        put_account(access, &to, poor + moved)?;
    }
    Ok(())
}

/// Writes down the sum of some accounts.
fn sum(access: &mut dyn Access, random: &mut Numbers, digest: &mut Digest) -> Result<(), Error> {
    let first = random.below(ACCOUNTS);
    let found = access.range((&account(first), &account(first + random.below(8))), Order::Ascending, usize::MAX)?;
    let sum: u64 = found.iter().map(|(_, value)| amount(Some(value))).sum();
    digest.number(sum);
    access.set(format!("sum/{first}").as_bytes(), &sum.to_be_bytes())
}

/// All money there is.
fn audit(access: &mut dyn Access) -> Result<u64, Error> {
    let mut digest = Digest::default();
    let found = access.range((b"account/", b"account0"), Order::Descending, usize::MAX)?;
    assert_eq!(found.iter().map(|(_, value)| amount(Some(value))).sum::<u64>(), ACCOUNTS * BALANCE, "money came or went");
    for (key, value) in found {
        digest.bytes(&key);
        digest.bytes(&value);
    }
    Ok(digest.0)
}

/// A transaction that went in.
struct Went {
    sequence: u64,
    writes: u64,
    /// `None` for an audit.
    seed: Option<u64>,
    digest: u64,
}

/// What was done beside transactions, each in one or more steps of the order.
enum Beside {
    Write(Vec<u8>, Option<Vec<u8>>),
    Save(u64, Hash),
}

struct Stress {
    store: SharedStore,
    seed: u64,
    notes: u64,
    went: Mutex<Vec<Went>>,
    /// Locked while something is done beside transactions, so that the list has the order in which it was done.
    beside: Mutex<Vec<Beside>>,
    /// Whoever has it for writing knows that no transaction is open.
    gate: RwLock<()>,
    conflicts: AtomicU64,
    is_over: AtomicBool,
}

impl Stress {
    fn new(store: SharedStore, seed: u64, notes: u64) -> Self {
        let stress = Self {
            store,
            seed,
            notes,
            went: Mutex::default(),
            beside: Mutex::default(),
            gate: RwLock::new(()),
            conflicts: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
        };
        let accounts = (0..ACCOUNTS).map(|number| (account(number), BALANCE.to_be_bytes().to_vec()));
        let notes = (0..notes).step_by(2).map(|number| (note(number), vec![7; 100]));
        let all: Vec<_> = accounts.chain(notes).collect();
        stress.apply(all.into_iter().map(|(key, value)| (key, Some(value))).collect());
        stress.save();
        stress
    }

    fn apply(&self, writes: Vec<(Vec<u8>, Option<Vec<u8>>)>) {
        let mut beside = self.beside.lock().unwrap();
        let operations: Vec<(&[u8], Option<&[u8]>)> = writes.iter().map(|(key, value)| (&**key, value.as_deref())).collect();
        self.store.apply(&operations).unwrap();
        beside.extend(writes.into_iter().map(|(key, value)| Beside::Write(key, value)));
    }

    fn save(&self) {
        let mut beside = self.beside.lock().unwrap();
        let info = self.store.save_version().unwrap();
        beside.push(Beside::Save(info.version, info.root_hash));
    }

    fn write_beside(&self, random: &mut Numbers) {
        let key = note(random.below(self.notes));
        if random.below(4) == 0 {
            let others = (0..random.below(5)).map(|_| (note(random.below(self.notes)), (random.below(3) > 0).then(|| vec![1; 9])));
            return self.apply(others.collect());
        }
        let mut beside = self.beside.lock().unwrap();
        let value = (random.below(2) == 0).then(|| b"beside".to_vec());
        match &value {
            Some(value) => self.store.set(&key, value).unwrap(),
            None => self.store.delete(&key).unwrap(),
        }
        beside.push(Beside::Write(key, value));
    }

    /// Runs a program in transactions until one goes in.
    fn transact(&self, seed: u64) {
        let _gate = self.gate.read().unwrap();
        let program = Program { seed, notes: self.notes };
        loop {
            let tx = self.store.begin_tx().unwrap();
            let digest = program.run(&mut InTransaction(&*tx)).unwrap();
            thread::yield_now();
            match tx.commit() {
                Ok(committed) => {
                    let (sequence, writes) = (committed.sequence.unwrap(), committed.writes);
                    return self.went.lock().unwrap().push(Went { sequence, writes, seed: Some(seed), digest });
                }
                Err(Error::Conflict { .. }) => self.conflicts.fetch_add(1, Ordering::Relaxed),
                Err(other) => panic!("{other}"),
            };
        }
    }

    fn write(&self, thread: u64, count: u64) {
        let mut random = Numbers(self.seed ^ (thread << 32));
        for _ in 0..count {
            match random.below(16) {
                0 => self.write_beside(&mut random),
                _ => self.transact(random.next()),
            }
        }
    }

    fn save_now_and_then(&self) {
        let mut random = Numbers(!self.seed);
        while !self.is_over.load(Ordering::Acquire) {
            // Nodes are unloaded when no branch is beside the working state.
            let gate = (random.below(2) == 0).then(|| self.gate.write().unwrap());
            self.save();
            drop(gate);
            if random.below(4) == 0 {
                self.store.prune(&Keep::Last(1 + random.below(2))).unwrap();
            }
            thread::sleep(std::time::Duration::from_millis(random.below(20)));
        }
    }

    fn audit_all_the_time(&self) {
        while !self.is_over.load(Ordering::Acquire) {
            let _gate = self.gate.read().unwrap();
            let tx = self.store.begin_tx_with(TransactionMode::ReadOnly).unwrap();
            let digest = audit(&mut InTransaction(&*tx)).unwrap();
            thread::yield_now();
            assert_eq!(audit(&mut InTransaction(&*tx)).unwrap(), digest, "the state is frozen");
            let committed = tx.commit().unwrap();
            self.went.lock().unwrap().push(Went { sequence: committed.sequence.unwrap(), writes: committed.writes, seed: None, digest });
        }
    }

    fn run(&self, count: u64) {
        thread::scope(|scope| {
            scope.spawn(|| self.save_now_and_then());
            scope.spawn(|| self.audit_all_the_time());
            let writers: Vec<_> = (0..THREADS).map(|thread| scope.spawn(move || self.write(thread, count))).collect();
            let ends: Vec<_> = writers.into_iter().map(thread::ScopedJoinHandle::join).collect();
            // The others end also when one of these failed.
            self.is_over.store(true, Ordering::Release);
            assert!(ends.iter().all(Result::is_ok), "a thread failed; TREERING_SEED={}", self.seed);
        });
        self.save();
    }

    /// Runs everything again, one after another.
    fn verify(self) {
        let Self { store, seed, notes, went, beside, conflicts, .. } = self;
        let went = went.into_inner().unwrap();
        let count = went.len();
        let mut writers = BTreeMap::new();
        let mut readers: BTreeMap<u64, Vec<Went>> = BTreeMap::new();
        for went in went {
            if went.writes == 0 {
                readers.entry(went.sequence).or_default().push(went);
            } else {
                assert!(writers.insert(went.sequence, went).is_none(), "two have one place");
            }
        }
        let mut beside = beside.into_inner().unwrap().into_iter();
        let mut serial = Serial { map: Model::new(), tree: Tree::new(), notes };
        let mut versions = 0;
        for sequence in 1.. {
            match writers.remove(&sequence) {
                Some(went) => serial.write(&went),
                None => match beside.next() {
                    Some(Beside::Write(key, value)) => serial.put(&key, value.as_deref()),
                    Some(Beside::Save(version, root_hash)) => {
                        let saved = serial.tree.save().unwrap();
                        assert_eq!((version, root_hash), (saved.version, saved.root_hash), "at place {sequence}");
                        versions = version;
                    }
                    None => break,
                },
            }
            for went in readers.remove(&sequence).unwrap_or_default() {
                serial.read(&went);
            }
        }
        assert!(writers.is_empty() && readers.is_empty(), "places beyond the end");
        let mut contents = Model::new();
        store
            .iterate(&mut |key, value| {
                contents.insert(key.to_vec(), value.to_vec());
                ControlFlow::Continue(())
            })
            .unwrap();
        assert_eq!(contents, serial.map);
        let conflicts = conflicts.into_inner();
        println!("TREERING_SEED={seed}: {count} transactions, {conflicts} conflicts, {versions} versions");
        assert!(conflicts > 0 && versions > 2, "no stress");
    }
}

/// The model, after everything up to some place.
struct Serial {
    map: Model,
    tree: Tree,
    notes: u64,
}

impl Serial {
    fn put(&mut self, key: &[u8], value: Option<&[u8]>) {
        if let Some(value) = value {
            self.map.insert(key.to_vec(), value.to_vec());
            self.tree.set(key, value).unwrap();
        } else {
            self.map.remove(key);
            self.tree.remove(key).unwrap();
        }
    }

    fn write(&mut self, went: &Went) {
        let mut access = OnModel { map: &mut self.map, writes: Vec::new() };
        let program = Program { seed: went.seed.unwrap(), notes: self.notes };
        assert_eq!(program.run(&mut access).unwrap(), went.digest, "the transaction at {} read something else", went.sequence);
        let writes = access.writes;
        let keys: std::collections::BTreeSet<&[u8]> = writes.iter().map(|(key, ..)| &**key).collect();
        assert_eq!(keys.len() as u64, went.writes);
        for (key, value, _) in &writes {
            match value {
                Some(value) => drop(self.tree.set(key, value).unwrap()),
                None => drop(self.tree.remove(key).unwrap()),
            }
        }
    }

    fn read(&mut self, went: &Went) {
        let mut access = OnModel { map: &mut self.map, writes: Vec::new() };
        let read = match went.seed {
            Some(seed) => Program { seed, notes: self.notes }.run(&mut access).unwrap(),
            None => audit(&mut access).unwrap(),
        };
        assert_eq!(read, went.digest, "a reader at {} read something else", went.sequence);
        assert!(access.writes.is_empty());
    }
}

fn seed() -> u64 {
    let seed = std::env::var("TREERING_SEED").map_or_else(
        |_| std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_micros().try_into().unwrap(),
        |seed| seed.parse().unwrap(),
    );
    println!("TREERING_SEED={seed}");
    seed
}

#[test]
fn threads_come_to_what_a_serial_order_gives() {
    let backend: Arc<dyn Backend> = FaultyBackend::new();
    let database = Database::open_on(backend, &OpenOptions::default()).unwrap();
    let stress = Stress::new(SharedStore::from(database.store_or_new("s").unwrap()), seed(), 500);
    stress.run(4000);
    stress.verify();
    database.check(&mut |_| {}).unwrap();
}

#[test]
#[cfg(feature = "rocksdb")]
fn threads_come_to_what_a_serial_order_gives_while_nodes_are_loaded_and_unloaded() {
    let folder = tempfile::tempdir().unwrap();
    let options = OpenOptions { cache_size: 1 << 20, sync_writes: false, ..OpenOptions::default() };
    let database = Database::create(folder.path(), &treering::CreateOptions::default(), &options).unwrap();
    let stress = Stress::new(SharedStore::from(database.store_or_new("s").unwrap()), seed(), 40_000);
    stress.run(2000);
    // With no transaction open, saving came to unload nodes.
    let in_memory = stress.store.snapshot(None).unwrap().tree().memory_bytes();
    assert!(in_memory < 2 << 20, "{in_memory} bytes are in memory");
    stress.verify();
    database.check(&mut |_| {}).unwrap();
}
