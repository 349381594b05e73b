//! The thread that owns the database: the crate's is not made for several.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::rc::Rc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError};

use rusty_leveldb::compressor::{CompressorId, NoneCompressor, SnappyCompressor};
use rusty_leveldb::{DB, DBIterator, FilterPolicy, LdbIterator, Options, PosixDiskEnv, Status, StatusCode, WriteBatch};
use treering_tree::Order;

use super::files::{Fuse, SafeFiles};
use super::views::{View, Views};
use super::{LevelOptions, layout};
use crate::engine::{Access, Batch, Change, Durability, Keyspace, Pair};

/// Bytes of a data block.
const BLOCK: usize = 4 << 10;
/// Blocks that the cache holds at least.
const LEAST_BLOCKS: usize = 16;
/// Bytes of a table: no bound, so that a compaction has one output. See the module's third point.
const TABLE: usize = 1 << 50;
/// Pairs of a scan that are read at first: many scans look for one.
const FIRST_PAIRS: usize = 16;
/// How many times more pairs the next window has.
const GROWTH: usize = 8;
/// Pairs of a scan that are read at a time at most.
const MOST_PAIRS: usize = 1000;
/// Bytes of keys and values of a scan that are read at a time, up to one pair more.
const WINDOW_BYTES: usize = 1 << 20;
/// Snapshot numbers spent at a time while there is nothing else to do.
const IDLE_STEPS: u64 = 10_000;
/// Snapshot numbers spent with a write beyond those that keep up with it.
const BUSY_STEPS: u64 = 1_000;

/// The number of the state that a scan sees.
pub(super) type ViewId = u64;

/// Some pairs of a scan.
pub(super) struct Window {
    pub(super) pairs: Vec<Pair>,
    /// Under what to ask for the next ones, if there may be more.
    pub(super) view: Option<ViewId>,
}

/// What a scan asks for: keys as the database has them.
#[derive(Clone)]
pub(super) struct Range {
    pub(super) from: Vec<u8>,
    pub(super) to: Vec<u8>,
    pub(super) order: Order,
    /// Pairs of a window at most.
    limit: usize,
}

impl Range {
    pub(super) const fn new(from: Vec<u8>, to: Vec<u8>, order: Order) -> Self {
        Self { from, to, order, limit: FIRST_PAIRS }
    }

    /// What is left behind the pair with the key `last`, to be read in larger windows.
    pub(super) fn go_on_after(&mut self, mut last: Vec<u8>) {
        match self.order {
            Order::Ascending => {
                last.push(0);
                self.from = last;
            }
            Order::Descending => self.to = last,
        }
        self.limit = (self.limit * GROWTH).min(MOST_PAIRS);
    }
}

/// An answer, or what the crate says.
pub(super) type Answer<T> = Result<T, String>;

/// What the thread is asked for.
pub(super) enum Request {
    Get(Vec<u8>, Sender<Answer<Option<Vec<u8>>>>),
    /// The pairs of a range, in the state of this moment or in one that a window named.
    Scan(Range, Option<ViewId>, Sender<Answer<Window>>),
    /// A scan is over before its end.
    Release(ViewId),
    Write(Batch, Durability, Sender<Answer<()>>),
    Flush(Sender<Answer<()>>),
}

/// The database and who looks at it.
pub(super) struct Worker {
    database: DB,
    fuse: Rc<Fuse>,
    views: Views,
    open: HashMap<ViewId, View>,
    next_view: ViewId,
    /// An iterator over the newest state, until the next write.
    reader: Option<DBIterator>,
}

/// No filters: they only help the crate's `get`, which is not used.
struct NoFilters;

impl FilterPolicy for NoFilters {
    fn name(&self) -> &'static str {
        "treering.none"
    }

    fn create_filter(&self, _: &[u8], _: &[usize]) -> Vec<u8> {
        Vec::new()
    }

    fn key_may_match(&self, _: &[u8], _: &[u8]) -> bool {
        true
    }
}

fn crate_options(options: LevelOptions, write_buffer: usize, access: Access, fuse: &Rc<Fuse>) -> Options {
    let files = SafeFiles { disk: PosixDiskEnv::new(), fuse: Rc::clone(fuse) };
    Options {
        env: Rc::new(Box::new(files)),
        log: Some(Rc::new(std::cell::RefCell::new(rusty_leveldb::infolog::Logger(Box::new(std::io::sink()))))),
        create_if_missing: access == Access::Create,
        write_buffer_size: write_buffer,
        max_file_size: TABLE,
        block_cache_capacity_bytes: options.cache_size.max(LEAST_BLOCKS * BLOCK),
        block_size: BLOCK,
        compressor: if options.compression { SnappyCompressor::ID } else { NoneCompressor::ID },
        // A torn end in an old file would hide what is appended to it.
        reuse_logs: false,
        reuse_manifest: false,
        filter_policy: Rc::new(Box::new(NoFilters)),
        ..Options::default()
    }
}

impl Worker {
    pub(super) fn open(path: &Path, access: Access, options: LevelOptions, write_buffer: usize) -> Answer<Self> {
        let fuse = Rc::new(Fuse::default());
        fuse.sync_log.set(true);
        let mut database = DB::open(path, crate_options(options, write_buffer, access, &fuse)).map_err(explained)?;
        fuse.check()?;
        let views = Views::new(&mut database);
        let mut worker = Self { database, fuse, views, open: HashMap::new(), next_view: 0, reader: None };
        worker.check_format(access)?;
        Ok(worker)
    }

    /// Looks at the record that is written with every batch; the first one makes an empty database ours.
    fn check_format(&mut self, access: Access) -> Answer<()> {
        let found = self.get(layout::FIRST)?;
        match found.as_deref() {
            Some([layout::FORMAT]) => Ok(()),
            Some([newer, ..]) if *newer > layout::FORMAT => {
                Err(format!("it has format {newer}, this program knows formats up to {}; use a newer treering", layout::FORMAT))
            }
            Some(_) => Err("its format record is damaged; restore it from a copy".to_owned()),
            None if access == Access::ReadOnly => Ok(()),
            None if self.is_empty()? => self.write_entries(WriteBatch::default(), Durability::Synced),
            None => Err("it is a LevelDB of another program; choose another folder".to_owned()),
        }
    }

    fn is_empty(&mut self) -> Answer<bool> {
        let reader = self.reader()?;
        reader.seek_to_first();
        let is_empty = !reader.valid();
        self.fuse.check().map(|()| is_empty)
    }

    /// Answers until nobody is left to ask.
    pub(super) fn run(mut self, requests: &Receiver<Request>) {
        loop {
            let request = match requests.try_recv() {
                Ok(request) => request,
                Err(TryRecvError::Empty) if self.views.catch_up(&mut self.database, IDLE_STEPS) => {
                    self.reader = None;
                    continue;
                }
                Err(TryRecvError::Empty) => match requests.recv() {
                    Ok(request) => request,
                    Err(_) => break,
                },
                Err(TryRecvError::Disconnected) => break,
            };
            self.answer(request);
        }
        // Closing gets everything onto the disk; the fuse is blown when it cannot, which the next opening finds out.
        self.fuse.sync_log.set(true);
    }

    /// Who asked may be gone, which is no failure.
    fn answer(&mut self, request: Request) {
        match request {
            Request::Get(key, reply) => drop(reply.send(self.get(&key))),
            Request::Scan(range, view, reply) => {
                let window = self.scan(&range, view);
                if let Err(unsent) = reply.send(window)
                    && let Ok(Window { view: Some(view), .. }) = unsent.0
                {
                    self.open.remove(&view);
                }
            }
            Request::Release(view) => drop(self.open.remove(&view)),
            Request::Write(batch, durability, reply) => drop(reply.send(self.write(&batch, durability))),
            Request::Flush(reply) => drop(reply.send(self.flush())),
        }
    }

    fn reader(&mut self) -> Answer<&mut DBIterator> {
        self.fuse.check()?;
        let reader = match self.reader.take() {
            Some(reader) => reader,
            None => self.views.newest(&mut self.database)(&mut self.database).map_err(explained)?,
        };
        Ok(self.reader.insert(reader))
    }

    fn get(&mut self, key: &[u8]) -> Answer<Option<Vec<u8>>> {
        let reader = self.reader()?;
        reader.seek(key);
        let found = reader.current().filter(|(found, _)| found == key).map(|(_, value)| value.to_vec());
        self.fuse.check().map(|()| found)
    }

    fn scan(&mut self, range: &Range, view: Option<ViewId>) -> Answer<Window> {
        self.fuse.check()?;
        let state = match view {
            None => self.views.newest(&mut self.database),
            Some(view) => self.open.get(&view).cloned().ok_or("the state of a scan is gone")?,
        };
        let (pairs, whole) = match range.order {
            Order::Ascending => ascending(&mut self.iterator(&state)?, &range.from, &range.to, Bounded::by(range.limit, WINDOW_BYTES)),
            Order::Descending => self.descending(&state, range)?,
        };
        self.fuse.check()?;
        let view = match (whole, view) {
            (true, view) => {
                view.and_then(|view| self.open.remove(&view));
                None
            }
            (false, Some(view)) => Some(view),
            (false, None) => {
                self.next_view += 1;
                self.open.insert(self.next_view, state);
                Some(self.next_view)
            }
        };
        Ok(Window { pairs, view })
    }

    fn iterator(&mut self, state: &View) -> Answer<DBIterator> {
        state(&mut self.database).map_err(explained)
    }

    /// The last pairs of a range in descending order, and whether they are all.
    ///
    /// Going back, the crate passes over removals in the memtable and finds the old values behind them. It finds no other value of a key
    /// that is there. So it says where the last pairs begin, and they are read forwards from there.
    fn descending(&mut self, state: &View, range: &Range) -> Answer<(Vec<Pair>, bool)> {
        let mut to = range.to.clone();
        loop {
            let (start, whole) = go_back(&mut self.iterator(state)?, &range.from, &to, range.limit);
            self.fuse.check()?;
            let Some(start) = start else { return Ok((Vec::new(), true)) };
            let (mut pairs, _) = ascending(&mut self.iterator(state)?, &start, &to, Bounded::by(usize::MAX, usize::MAX));
            if whole || !pairs.is_empty() {
                pairs.reverse();
                return Ok((pairs, whole));
            }
            to = start;
        }
    }

    fn write(&mut self, batch: &Batch, durability: Durability) -> Answer<()> {
        self.fuse.check()?;
        if batch.is_empty() {
            return if durability == Durability::Synced { self.flush() } else { Ok(()) };
        }
        let mut entries = WriteBatch::default();
        // What a range finds of the same batch.
        let has_ranges = batch.changes().any(|(_, change)| matches!(change, Change::DeleteRange { .. }));
        let mut pending = has_ranges.then(BTreeSet::new);
        for (keyspace, change) in batch.changes() {
            match change {
                Change::Put { key, value } => {
                    let key = layout::key(keyspace, key);
                    entries.put(&key, value);
                    if let Some(pending) = &mut pending {
                        pending.insert(key);
                    }
                }
                Change::Delete { key } => entries.delete(&layout::key(keyspace, key)),
                Change::DeleteRange { from, to } => self.delete_range(&mut entries, pending.as_mut(), keyspace, from, to)?,
            }
        }
        self.write_entries(entries, durability)
    }

    /// Removes the keys of a range that are in the database, and those that the batch has put so far.
    fn delete_range(
        &mut self,
        entries: &mut WriteBatch,
        pending: Option<&mut BTreeSet<Vec<u8>>>,
        keyspace: Keyspace,
        from: &[u8],
        to: &[u8],
    ) -> Answer<()> {
        if to <= from {
            return Ok(());
        }
        let (from, to) = (layout::key(keyspace, from), layout::key(keyspace, to));
        if let Some(pending) = pending {
            let gone: Vec<_> = pending.range(from.clone()..to.clone()).cloned().collect();
            for key in gone {
                entries.delete(&key);
                pending.remove(&key);
            }
        }
        let reader = self.reader()?;
        reader.seek(&from);
        while let Some((key, _)) = reader.current().filter(|(key, _)| *key < to) {
            entries.delete(&key);
            reader.advance();
        }
        self.fuse.check()
    }

    fn write_entries(&mut self, mut entries: WriteBatch, durability: Durability) -> Answer<()> {
        entries.put(layout::FIRST, &[layout::FORMAT]);
        entries.put(layout::LAST, &[]);
        let count = u64::from(entries.count());
        self.reader = None;
        self.views.before_write(&mut self.database, 2 * count + BUSY_STEPS);
        self.fuse.sync_log.set(durability == Durability::Synced);
        // Flushed in any case: the crate's own buffer would be lost with the process.
        let written = self.database.write(entries, true).map_err(explained);
        self.fuse.sync_log.set(true);
        if let Err(why) = &written {
            self.fuse.blow(why.clone());
        }
        self.views.written(count);
        self.fuse.check().and(written)
    }

    fn flush(&mut self) -> Answer<()> {
        self.fuse.check()?;
        self.database.flush().map_err(explained)
    }
}

/// The first pairs of `from..to`, and whether they are all.
fn ascending(iterator: &mut DBIterator, from: &[u8], to: &[u8], mut window: Bounded) -> (Vec<Pair>, bool) {
    iterator.seek(from);
    while let Some((key, value)) = iterator.current().filter(|(key, _)| *key < to) {
        if window.is_full() {
            return (window.pairs, false);
        }
        window.push(&key, &value);
        iterator.advance();
    }
    (window.pairs, true)
}

/// Where the last keys of `from..to` begin, removed ones among them, and whether they are all; `None` when there are none. There is a
/// key at or after every end, see [`layout::LAST`], so that going back from it is sound.
fn go_back(iterator: &mut DBIterator, from: &[u8], to: &[u8], limit: usize) -> (Option<Vec<u8>>, bool) {
    iterator.seek(to);
    let (mut start, mut keys, mut bytes) = (None, 0, 0);
    while keys < limit && bytes < WINDOW_BYTES && iterator.valid() {
        iterator.prev();
        let Some((key, value)) = iterator.current().filter(|(key, _)| *key >= from) else { return (start, true) };
        // It sought the first key that is there, so that removed ones at or after the end may come first.
        if *key >= *to {
            continue;
        }
        keys += 1;
        bytes += key.len() + value.len();
        start = Some(key.to_vec());
    }
    (start, !iterator.valid())
}

/// Pairs of a window that is being read.
struct Bounded {
    pairs: Vec<Pair>,
    bytes: usize,
    limit: usize,
    most_bytes: usize,
}

impl Bounded {
    const fn by(limit: usize, most_bytes: usize) -> Self {
        Self { pairs: Vec::new(), bytes: 0, limit, most_bytes }
    }

    fn is_full(&self) -> bool {
        self.pairs.len() >= self.limit || self.bytes >= self.most_bytes
    }

    fn push(&mut self, key: &[u8], value: &[u8]) {
        self.bytes += key.len() + value.len();
        self.pairs.push((layout::inner(key).to_vec(), value.to_vec()));
    }
}

/// What the crate says, with the way out where there is one.
fn explained(status: Status) -> String {
    match status.code {
        StatusCode::LockError => "it is open elsewhere; close it there (a reader needs it closed, too)".to_owned(),
        _ => status.err,
    }
}
