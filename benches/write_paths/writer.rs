//! What the background writes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Receiver;

use rocksdb::{Cache, ColumnFamily, DB, IngestExternalFileOptions, SstFileWriter, WriteBatch, WriteOptions};

use crate::options::family_options;
use crate::records::{KEYS, LEAF_EVERY, NODES, OPERATIONS, ORPHANS_BYTES, Source, index_key, node_key};
use crate::variants::{Variant, Way};

/// Bytes of index entries that are written at once.
const INDEX_BATCH: usize = 1 << 20;

/// The background's side: everything of a version but its log and commit.
pub(crate) struct Writer<'a> {
    db: &'a DB,
    variant: &'a Variant,
    folder: PathBuf,
    files: u64,
    source: Source,
    cache: Cache,
    /// Entries of the index that wait to be ingested.
    index: BTreeMap<[u8; 36], Vec<u8>>,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(db: &'a DB, variant: &'a Variant, folder: &Path) -> Self {
        let folder = folder.join("ingest");
        fs::create_dir_all(&folder).unwrap();
        Self { db, variant, folder, files: 0, source: Source::new(7), cache: Cache::new_lru_cache(0), index: BTreeMap::new() }
    }

    fn family(&self, name: &str) -> &'a ColumnFamily {
        self.db.cf_handle(if self.variant.is_one_family { "nodes" } else { name }).unwrap()
    }

    /// Writes the index of all keys, before anything is measured.
    pub(crate) fn load(&mut self) {
        let mut source = Source::new(3);
        for number in 0..KEYS {
            let mut record = Vec::new();
            source.leaf(&mut record, 110, &[0; 8]);
            self.index.insert(index_key(number), record);
        }
        self.ingest_index();
    }

    /// Writes versions as they come.
    pub(crate) fn run(&mut self, versions: &Receiver<u64>) {
        for version in versions {
            self.version(version);
        }
    }

    fn version(&mut self, version: u64) {
        let mut batch = WriteBatch::default();
        if self.variant.nodes == Way::Ingested(1) {
            self.ingest_nodes(version);
        } else {
            self.each_node(version, |writer, at, record| {
                batch.put_cf(writer.family("nodes"), at, record);
                writer.write_when_full(&mut batch, writer.variant.nodes);
            });
        }
        self.index(version, &mut batch);
        let orphans = self.source.cut(ORPHANS_BYTES);
        batch.put_cf(self.db.cf_handle("orphans").unwrap(), version.to_be_bytes(), orphans);
        let checkpoint = [&b"p"[..], &version.to_be_bytes()].concat();
        batch.put_cf(self.db.cf_handle("commits").unwrap(), checkpoint, [0; 5]);
        self.write(batch, self.variant.index);
    }

    fn each_node(&mut self, version: u64, mut put: impl FnMut(&Self, &[u8], &[u8])) {
        let mut record = Vec::new();
        for nonce in 1..=NODES {
            if nonce % LEAF_EVERY == 0 {
                let key = index_key(self.source.random.next());
                self.source.leaf(&mut record, 140, key.get(2..).unwrap());
            } else {
                self.source.inner(&mut record, version);
            }
            put(self, &node_key(version, nonce), &record);
        }
    }

    fn ingest_nodes(&mut self, version: u64) {
        let (file, options) = (self.next_file(), family_options("nodes", self.variant, &self.cache));
        let mut table = SstFileWriter::create(&options);
        table.open(&file).unwrap();
        self.each_node(version, |_, at, record| table.put(at, record).unwrap());
        table.finish().unwrap();
        self.add(&file, "nodes");
    }

    fn index(&mut self, version: u64, batch: &mut WriteBatch) {
        let mut record = Vec::new();
        for _ in 0..OPERATIONS {
            let key = index_key(self.source.random.next() % KEYS);
            self.source.leaf(&mut record, 110, &version.to_be_bytes());
            if matches!(self.variant.index, Way::Ingested(_)) {
                self.index.insert(key, record.clone());
            } else {
                batch.put_cf(self.family("latest"), key, &record);
                self.write_when_full(batch, self.variant.index);
            }
        }
        if let Way::Ingested(versions) = self.variant.index
            && version.is_multiple_of(versions)
        {
            self.ingest_index();
        }
    }

    fn ingest_index(&mut self) {
        let (file, options) = (self.next_file(), family_options("latest", self.variant, &self.cache));
        let mut table = SstFileWriter::create(&options);
        table.open(&file).unwrap();
        for (key, record) in std::mem::take(&mut self.index) {
            table.put(key, record).unwrap();
        }
        table.finish().unwrap();
        self.add(&file, "latest");
    }

    fn next_file(&mut self) -> PathBuf {
        self.files += 1;
        self.folder.join(format!("{}.sst", self.files))
    }

    fn add(&self, file: &Path, family: &str) {
        if self.variant.is_read_back {
            std::io::copy(&mut fs::File::open(file).unwrap(), &mut std::io::sink()).unwrap();
        }
        let mut options = IngestExternalFileOptions::default();
        options.set_move_files(true);
        self.db.ingest_external_file_cf_opts(self.family(family), &options, vec![file]).unwrap();
    }

    fn write_when_full(&self, batch: &mut WriteBatch, way: Way) {
        if !self.variant.is_one_batch && batch.size_in_bytes() >= INDEX_BATCH {
            self.write(std::mem::take(batch), way);
        }
    }

    fn write(&self, batch: WriteBatch, way: Way) {
        let mut options = WriteOptions::default();
        options.disable_wal(way == Way::Unlogged);
        self.db.write_opt(batch, &options).unwrap();
    }
}
