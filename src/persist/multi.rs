//! Records of a `MultiStore`, whose stores may lie in databases of several engines.
//!
//! One of the databases, the home, keeps the records of the whole: its `multi version` record makes a version of the `MultiStore` be there.
//! It is written last, so a crash may leave versions in other databases that belong to no version of the whole. Each commit there says
//! what it was part of (`unfinished`), and opening takes back what has no record at home. A rollback of the whole goes the other way: home
//! first, with the `intent` to roll back elsewhere, which opening finishes.
//!
//! ```text
//! meta:    placed/NAME  = engine || number || configuration  a store that lies in another database, under the name NUMBER
//!          next placed  = number                            the number of the next such store
//!          intent       = (engine || number || version + 1, or 0 to remove the store)*
//!          unfinished   = multi version || (store || version before, or 0)*       in other databases than the home
//! commits: m VERSION    = time || app hash || (name || engine || number || version || root hash || height || size)*
//! ```
//!
//! A store of the home itself has the engine "" and its own number. Texts have their length before them; numbers are LEB128.

use treering_proofs::Hash;
use treering_tree::Order;

use super::Disk;
use super::frame::{Reader, Writer};
use super::keys::{self, StoreId};
use super::records::StoreSettings;
use crate::engine::{Batch, Keyspace};
use crate::error::{Error, Result};

const NEXT_PLACED: &[u8] = b"next placed";
const INTENT: &[u8] = b"intent";
const UNFINISHED: &[u8] = b"unfinished";

/// Where a store is: in the database of an engine ("" for the home) under a number that no other store there ever has.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Place {
    pub(crate) engine: String,
    pub(crate) number: u64,
}

impl Place {
    /// Whether the store lies in the home database.
    pub(crate) fn is_home(&self) -> bool {
        self.engine.is_empty()
    }
}

/// A store as a version of the whole lists it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct MultiPart {
    pub(crate) name: String,
    pub(crate) place: Place,
    pub(crate) version: u64,
    pub(crate) root_hash: Hash,
    pub(crate) size: u64,
    pub(crate) height: u8,
}

/// A version of the whole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct MultiRecord {
    pub(crate) version: u64,
    pub(crate) time: u64,
    pub(crate) app_hash: Hash,
    /// In the order of names.
    pub(crate) stores: Vec<MultiPart>,
}

impl MultiRecord {
    fn encode(&self) -> (Vec<u8>, Vec<u8>) {
        let at = keys::multi_version(self.version);
        let mut writer = Writer::new();
        writer.number(self.time).hash(&self.app_hash);
        for store in &self.stores {
            writer.bytes(store.name.as_bytes());
            put_place(&mut writer, &store.place);
            writer.number(store.version).hash(&store.root_hash).byte(store.height).number(store.size);
        }
        let record = writer.seal(Keyspace::Commits, &at);
        (at, record)
    }

    pub(super) fn decode(at: &[u8], record: &[u8]) -> Result<Self> {
        let mut reader = Reader::open(Keyspace::Commits, at, record)?;
        let Some(version) = keys::commit_number(at) else { return Err(reader.damaged("its key is malformed")) };
        let (time, app_hash) = (reader.number()?, reader.hash()?);
        let mut stores = Vec::new();
        while !reader.is_done() {
            let (name, place) = (take_text(&mut reader)?, take_place(&mut reader)?);
            let (version, root_hash, height, size) = (reader.number()?, reader.hash()?, reader.byte()?, reader.number()?);
            stores.push(MultiPart { name, place, version, root_hash, size, height });
        }
        Ok(Self { version, time, app_hash, stores })
    }

    pub(super) fn put(&self, batch: &mut Batch) {
        let (at, record) = self.encode();
        batch.put(Keyspace::Commits, at, record);
    }
}

/// What a commit in another database than the home was part of, and how things stood there before.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct UnfinishedCommit {
    /// The version of the whole.
    pub(crate) version: u64,
    /// Each store that got a version, and its newest one before; 0 for none.
    pub(crate) before: Vec<(StoreId, u64)>,
}

impl UnfinishedCommit {
    fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.number(self.version);
        for &(store, version) in &self.before {
            writer.number(u64::from(store.0)).number(version);
        }
        writer.seal(Keyspace::Meta, UNFINISHED)
    }

    fn decode(record: &[u8]) -> Result<Self> {
        let mut reader = Reader::open(Keyspace::Meta, UNFINISHED, record)?;
        let version = reader.number()?;
        let mut before = Vec::new();
        while !reader.is_done() {
            before.push((StoreId(reader.small_number()?), reader.number()?));
        }
        Ok(Self { version, before })
    }

    pub(super) fn put(&self, batch: &mut Batch) {
        batch.put(Keyspace::Meta, UNFINISHED, self.encode());
    }
}

/// What a rollback of the whole still has to do to a store elsewhere: make this version its newest, or (`None`) remove it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Intent {
    pub(crate) place: Place,
    pub(crate) version: Option<u64>,
}

/// A store that lies in another database.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct PlacedStore {
    pub(crate) place: Place,
    pub(crate) settings: StoreSettings,
}

fn put_place(writer: &mut Writer, place: &Place) {
    writer.bytes(place.engine.as_bytes()).number(place.number);
}

fn take_place(reader: &mut Reader<'_>) -> Result<Place> {
    Ok(Place { engine: take_text(reader)?, number: reader.number()? })
}

fn take_text(reader: &mut Reader<'_>) -> Result<String> {
    let bytes = reader.bytes()?;
    String::from_utf8(bytes.to_vec()).map_err(|_| reader.damaged("a text in it is not UTF-8"))
}

fn encode_placed(name: &str, store: &PlacedStore) -> (Vec<u8>, Vec<u8>) {
    let at = keys::placed(name);
    let mut writer = Writer::new();
    put_place(&mut writer, &store.place);
    store.settings.put(&mut writer);
    let record = writer.seal(Keyspace::Meta, &at);
    (at, record)
}

fn decode_placed(at: &[u8], record: &[u8]) -> Result<(String, PlacedStore)> {
    let mut reader = Reader::open(Keyspace::Meta, at, record)?;
    let Some(name) = keys::placed_name(at) else { return Err(reader.damaged("the store's name is not text")) };
    let place = take_place(&mut reader)?;
    let settings = StoreSettings::take(&mut reader)?;
    reader.finish()?;
    Ok((name.to_owned(), PlacedStore { place, settings }))
}

/// The number of the next store elsewhere, and the one after it.
fn decode_next_placed(record: &[u8]) -> Result<(u64, u64)> {
    let mut reader = Reader::open(Keyspace::Meta, NEXT_PLACED, record)?;
    let number = reader.number()?;
    reader.finish()?;
    let next = number.checked_add(1).ok_or_else(|| damaged_next_placed("its number is too large"))?;
    Ok((number, next))
}

fn damaged_next_placed(what: &str) -> Error {
    Error::Damaged { record: keys::name(Keyspace::Meta, NEXT_PLACED), what: what.to_owned() }
}

fn encode_intents(intents: &[Intent]) -> Vec<u8> {
    let mut writer = Writer::new();
    for intent in intents {
        put_place(&mut writer, &intent.place);
        writer.number(intent.version.map_or(0, |version| version + 1));
    }
    writer.seal(Keyspace::Meta, INTENT)
}

fn decode_intents(record: &[u8]) -> Result<Vec<Intent>> {
    let mut reader = Reader::open(Keyspace::Meta, INTENT, record)?;
    let mut intents = Vec::new();
    while !reader.is_done() {
        let place = take_place(&mut reader)?;
        intents.push(Intent { place, version: reader.number()?.checked_sub(1) });
    }
    Ok(intents)
}

/// Changes of the home's own records, to go into one batch with others.
#[derive(Clone, Debug, Default)]
pub(crate) struct HomeChanges {
    /// Stores elsewhere that are registered, or no longer (`None`).
    pub(crate) placed: Vec<(String, Option<PlacedStore>)>,
    /// Versions of the whole that go, each with what stands beside it.
    pub(crate) removed: Vec<u64>,
    /// What is to be done elsewhere afterwards.
    pub(crate) intents: Vec<Intent>,
}

impl HomeChanges {
    /// Whether there is nothing to change.
    pub(crate) fn is_empty(&self) -> bool {
        self.placed.is_empty() && self.removed.is_empty() && self.intents.is_empty()
    }

    pub(super) fn put(&self, batch: &mut Batch) {
        for (name, store) in &self.placed {
            match store {
                Some(store) => {
                    let (at, record) = encode_placed(name, store);
                    batch.put(Keyspace::Meta, at, record);
                }
                None => batch.delete(Keyspace::Meta, keys::placed(name)),
            }
        }
        for &version in &self.removed {
            batch.delete(Keyspace::Commits, keys::multi_version(version));
            batch.delete(Keyspace::Commits, keys::companion(version));
        }
        if !self.intents.is_empty() {
            batch.put(Keyspace::Meta, INTENT, encode_intents(&self.intents));
        }
    }
}

impl Disk {
    /// The stores that lie in other databases, by name.
    pub(crate) fn placed_stores(&self) -> Result<Vec<(String, PlacedStore)>> {
        let (from, to) = keys::all_placed();
        let scan = self.backend.scan(Keyspace::Meta, &from, Some(&to), Order::Ascending);
        scan.map(|pair| pair.map_err(Into::into).and_then(|(at, record)| decode_placed(&at, &record))).collect()
    }

    /// A number for a new store elsewhere, never given before. Durable when it is given, so that it stays unique whatever happens to the store.
    pub(crate) fn next_placed(&self) -> Result<u64> {
        let record = self.backend.get(Keyspace::Meta, NEXT_PLACED)?;
        let (number, next) = match record {
            Some(record) => decode_next_placed(&record)?,
            None if self.had_placed()? => return Err(damaged_next_placed("it is missing, though stores lie elsewhere, or did")),
            None => (1, 2),
        };
        let mut writer = Writer::new();
        writer.number(next);
        let mut batch = Batch::new();
        batch.put(Keyspace::Meta, NEXT_PLACED, writer.seal(Keyspace::Meta, NEXT_PLACED));
        self.write(&batch)?;
        Ok(number)
    }

    /// Whether a store lies in another database, or did when a kept version of the whole was saved. O(versions).
    fn had_placed(&self) -> Result<bool> {
        if !self.placed_stores()?.is_empty() {
            return Ok(true);
        }
        for record in self.multi_versions(Order::Descending) {
            if record?.stores.iter().any(|part| !part.place.is_home()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Changes the home's records alone.
    pub(crate) fn change_home(&self, changes: &HomeChanges) -> Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        let mut batch = Batch::new();
        changes.put(&mut batch);
        self.write(&batch)
    }

    /// A version of the whole.
    pub(crate) fn multi_version(&self, version: u64) -> Result<Option<MultiRecord>> {
        let at = keys::multi_version(version);
        let record = self.backend.get(Keyspace::Commits, &at)?;
        record.map(|record| MultiRecord::decode(&at, &record)).transpose()
    }

    /// All versions of the whole.
    pub(crate) fn multi_versions(&self, order: Order) -> impl Iterator<Item = Result<MultiRecord>> + '_ {
        let (from, to) = keys::multi_versions();
        let scan = self.backend.scan(Keyspace::Commits, &from, Some(&to), order);
        scan.map(|pair| pair.map_err(Into::into).and_then(|(at, record)| MultiRecord::decode(&at, &record)))
    }

    /// What the last commit for a version of the whole was, if this is not the home.
    pub(crate) fn unfinished_commit(&self) -> Result<Option<UnfinishedCommit>> {
        let record = self.backend.get(Keyspace::Meta, UNFINISHED)?;
        record.map(|record| UnfinishedCommit::decode(&record)).transpose()
    }

    /// What a rollback of the whole left to be done.
    pub(crate) fn intents(&self) -> Result<Vec<Intent>> {
        let record = self.backend.get(Keyspace::Meta, INTENT)?;
        Ok(record.map(|record| decode_intents(&record)).transpose()?.unwrap_or_default())
    }

    /// Notes that all intents are done.
    pub(crate) fn clear_intents(&self) -> Result<()> {
        let mut batch = Batch::new();
        batch.delete(Keyspace::Meta, INTENT);
        self.write(&batch)
    }
}

/// Adds to a batch that no commit of this database is unfinished any more.
pub(super) fn put_finished(batch: &mut Batch) {
    batch.delete(Keyspace::Meta, UNFINISHED);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(engine: &str, number: u64) -> Place {
        Place { engine: engine.to_owned(), number }
    }

    #[test]
    fn records_round_trip() {
        let part = |name: &str, engine| MultiPart {
            name: name.to_owned(),
            place: place(engine, 3),
            version: 9,
            root_hash: Hash::new([7; 32]),
            size: 300,
            height: 9,
        };
        for stores in [vec![], vec![part("bank", ""), part("gov", "fjall")]] {
            let multi = MultiRecord { version: 1 << 40, time: 5, app_hash: Hash::new([1; 32]), stores };
            let (at, record) = multi.encode();
            assert_eq!(MultiRecord::decode(&at, &record).unwrap(), multi);
        }
        let unfinished = UnfinishedCommit { version: 4, before: vec![(StoreId(0), 0), (StoreId(u32::MAX), 700)] };
        assert_eq!(UnfinishedCommit::decode(&unfinished.encode()).unwrap(), unfinished);
        let intents = [None, Some(0), Some(12)].map(|version| Intent { place: place("file", 2), version });
        assert_eq!(decode_intents(&encode_intents(&intents)).unwrap(), intents);
        let placed = PlacedStore { place: place("leveldb", 8), settings: StoreSettings::default() };
        let (at, record) = encode_placed("a name", &placed);
        assert_eq!(decode_placed(&at, &record).unwrap(), ("a name".to_owned(), placed));
    }
}
