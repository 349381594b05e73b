//! The database's folder as an operator meets it: open twice, read-only, foreign, cut off, with flipped bits.
#![cfg(feature = "rocksdb")]
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::Numbers;
use treering::{CreateOptions, Database, Error, HashFunction, Keep, OpenOptions};

fn open(path: &Path) -> Result<Database, Error> {
    Database::open(path, &OpenOptions::default())
}

fn open_read_only(path: &Path) -> Result<Database, Error> {
    Database::open(path, &OpenOptions { read_only: true, ..OpenOptions::default() })
}

fn create(path: &Path) -> Database {
    Database::create(path, &CreateOptions::default(), &OpenOptions::default()).unwrap()
}

/// A database with a few versions; what they hold is by rule.
fn sample(path: &Path) -> Database {
    fill(create(path))
}

fn fill(database: Database) -> Database {
    database.create_store("s").unwrap();
    let mut store = database.store("s").unwrap();
    for version in 1..=5u64 {
        for i in 0..200u64 {
            store.set(&i.to_be_bytes(), &(i * version).to_be_bytes().repeat(8)).unwrap();
        }
        store.save_version().unwrap();
    }
    drop(store);
    database.wait_until_flushed().unwrap();
    database
}

/// Checks and reads all; errors are fine, wrong answers are not. Gives the newest version.
fn read_all(path: &Path) -> Result<u64, Error> {
    let database = open(path)?;
    let versions = database.versions("s")?;
    for info in &versions {
        let snapshot = database.snapshot("s", Some(info.version))?;
        for i in 0..200u64 {
            let found = snapshot.get(&i.to_be_bytes())?;
            assert_eq!(found, Some((i * info.version).to_be_bytes().repeat(8)), "a wrong answer");
        }
    }
    database.check(&mut |_| {})?;
    Ok(versions.last().map_or(0, |info| info.version))
}

#[test]
fn a_database_is_there_again_after_closing() {
    let folder = tempfile::tempdir().unwrap();
    drop(sample(folder.path()));
    assert_eq!(read_all(folder.path()).unwrap(), 5);
}

#[test]
fn a_second_writer_is_refused_and_readers_are_not() {
    let folder = tempfile::tempdir().unwrap();
    drop(sample(folder.path()));
    let first = open(folder.path()).unwrap();
    let error = open(folder.path()).err().unwrap();
    assert!(matches!(error, Error::Locked { .. }), "{error}");
    assert!(error.to_string().contains("open elsewhere"), "{error}");

    let reader = open_read_only(folder.path()).unwrap();
    assert_eq!(reader.snapshot("s", None).unwrap().get(&7u64.to_be_bytes()).unwrap(), Some(35u64.to_be_bytes().repeat(8)));
    assert!(matches!(reader.store("s").err().unwrap(), Error::ReadOnly));
    assert!(matches!(reader.create_store("t").unwrap_err(), Error::ReadOnly));
    let _writer = first.store("s").unwrap();
    assert!(matches!(first.store("s").err().unwrap(), Error::StoreInUse { .. }));
}

#[test]
fn folders_that_are_no_database_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let absent = folder.path().join("absent");
    assert!(matches!(open(&absent).err().unwrap(), Error::NoDatabase { .. }));
    assert!(!absent.exists(), "opening makes nothing");
    let foreign = folder.path().join("foreign");
    fs::create_dir(&foreign).unwrap();
    fs::write(foreign.join("notes.txt"), "mine").unwrap();
    assert!(matches!(open(&foreign).err().unwrap(), Error::NoDatabase { .. }));
    let created = Database::create(&foreign, &CreateOptions::default(), &OpenOptions::default());
    assert!(matches!(created.err().unwrap(), Error::FolderInUse { .. }));

    let twice = folder.path().join("twice");
    drop(create(&twice));
    let created = Database::create(&twice, &CreateOptions::default(), &OpenOptions::default());
    assert!(matches!(created.err().unwrap(), Error::DatabaseExists { .. }));
}

#[test]
fn a_rocksdb_database_of_another_program_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rocksdb");
    drop(rocksdb::DB::open_default(&path).unwrap());
    let error = open(folder.path()).err().unwrap();
    assert!(matches!(error, Error::Engine(_) | Error::NoDatabase { .. }), "{error}");
}

#[test]
fn options_at_creation_last() {
    let folder = tempfile::tempdir().unwrap();
    let options = CreateOptions { hash_function: HashFunction::Blake3, initial_version: 100 };
    drop(Database::create(folder.path(), &options, &OpenOptions::default()).unwrap());
    let database = open(folder.path()).unwrap();
    assert_eq!((database.hash_function(), database.initial_version()), (HashFunction::Blake3, 100));
    database.create_store("s").unwrap();
    let mut store = database.store("s").unwrap();
    store.set(b"key", b"value").unwrap();
    assert_eq!(store.save_version().unwrap().version, 100);
    drop(store);
    drop(database);
    let sha256 = OpenOptions { hash_function: Some(HashFunction::Sha256), ..OpenOptions::default() };
    let error = Database::open(folder.path(), &sha256).err().unwrap();
    assert!(matches!(error, Error::OtherHashFunction { .. }), "{error}");
    for impossible in [0, 1 << 63] {
        let options = CreateOptions { initial_version: impossible, ..CreateOptions::default() };
        let created = Database::create(folder.path().join("x"), &options, &OpenOptions::default());
        assert!(matches!(created.err().unwrap(), Error::Tree(_)));
    }
}

#[test]
fn names_of_stores_are_checked() {
    let folder = tempfile::tempdir().unwrap();
    let database = create(folder.path());
    for name in ["", ".", "..", "a/b", "a\\b", "a\nb", &"x".repeat(129)] {
        assert!(matches!(database.create_store(name).unwrap_err(), Error::StoreName { .. }), "{name:?}");
    }
    database.create_store(&"x".repeat(128)).unwrap();
    database.create_store("bank").unwrap();
    assert!(matches!(database.create_store("bank").unwrap_err(), Error::StoreExists { .. }));
    let error = database.store("bnak").err().unwrap().to_string();
    assert!(error.contains("bank"), "the names that there are help: {error}");
}

#[test]
fn a_new_store_comes_with_its_first_version_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let database = create(folder.path());
    let mut store = database.store_or_new("late").unwrap();
    store.set(b"key", b"value").unwrap();
    drop(store);
    assert_eq!(database.store_names(), Vec::<String>::new());
    assert!(matches!(database.snapshot("late", None).err().unwrap(), Error::NoStore { .. }));
    let mut store = database.store_or_new("late").unwrap();
    assert_eq!(store.get(b"key").unwrap(), None, "what was not saved is not kept");
    store.save_version().unwrap();
    drop(store);
    assert_eq!(database.store_names(), ["late"]);
    drop(database);
    let database = open(folder.path()).unwrap();
    assert_eq!(database.store_names(), ["late"]);
    assert_eq!(database.store_or_new("late").unwrap().current_version(), 1);
    database.check(&mut |_| {}).unwrap();
}

#[test]
fn operations_applied_together_are_applied_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let database = create(folder.path());
    let (mut one, mut all) = (database.store_or_new("one by one").unwrap(), database.store_or_new("all at once").unwrap());
    let mut numbers = Numbers(3);
    for _ in 0..5 {
        let block: Vec<_> =
            (0..500).map(|_| (numbers.below(300).to_be_bytes(), (numbers.below(3) > 0).then(|| numbers.next().to_be_bytes()))).collect();
        for (key, value) in &block {
            match value {
                Some(value) => one.set(key, value).unwrap(),
                None => drop(one.delete(key).unwrap()),
            }
        }
        let operations: Vec<_> = block.iter().map(|(key, value)| (key.as_slice(), value.as_ref().map(<[u8; 8]>::as_slice))).collect();
        all.apply(&operations).unwrap();
        assert_eq!(one.save_version().unwrap().root_hash, all.save_version().unwrap().root_hash);
    }
    let long = vec![7; (64 << 10) + 1];
    assert!(all.apply(&[(b"before", Some(b"1")), (&long, Some(b"2")), (b"behind", Some(b"3"))]).is_err());
    assert_eq!((all.get(b"before").unwrap(), all.get(b"behind").unwrap()), (None, None));
    assert!(!all.is_changed());
}

#[test]
fn limits_of_keys_and_values() {
    let folder = tempfile::tempdir().unwrap();
    let database = create(folder.path());
    database.create_store("s").unwrap();
    let mut store = database.store("s").unwrap();
    let (long_key, long_value) = (vec![7; 64 << 10], vec![8; 16 << 20]);
    store.set(b"", b"empty key").unwrap();
    store.set(b"empty value", b"").unwrap();
    store.set(&long_key, &long_value).unwrap();
    let before = store.working_hash().unwrap();
    assert!(store.set(&[long_key.as_slice(), b"7"].concat(), b"").is_err());
    assert!(store.set(b"key", &[long_value.as_slice(), b"8"].concat()).is_err());
    assert_eq!(store.working_hash().unwrap(), before, "a refused change changes nothing");
    store.save_version().unwrap();
    drop(store);
    drop(database);
    let snapshot = open(folder.path()).unwrap().snapshot("s", None).unwrap();
    assert_eq!(snapshot.get(&long_key).unwrap(), Some(long_value));
    assert_eq!(snapshot.get(b"").unwrap(), Some(b"empty key".to_vec()));
    for key in [&b""[..], b"empty value", &long_key] {
        let proof = snapshot.prove(key).unwrap();
        let bytes = proof.to_bytes().unwrap();
        let proof = treering::proofs::Proof::from_bytes(&bytes).unwrap();
        let evidence = proof.verify(HashFunction::Sha256, &snapshot.root_hash(), key).unwrap();
        assert_eq!(evidence.value().map(<[u8]>::to_vec), snapshot.get(key).unwrap());
    }
}

/// All files of the database with something in them.
fn files(path: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(path.join("rocksdb")).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries.filter(|path| fs::metadata(path).unwrap().len() > 0).collect();
    files.sort();
    files
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to.join("rocksdb")).unwrap();
    fs::copy(from.join("treering.json"), to.join("treering.json")).unwrap();
    for file in files(from) {
        fs::copy(&file, to.join("rocksdb").join(file.file_name().unwrap())).unwrap();
    }
}

/// A copy as a killed process leaves it: all in the write-ahead log, which ends with the newest version, as nothing follows it.
fn unflushed_sample(folder: &Path) -> PathBuf {
    let (live, path) = (folder.join("live"), folder.join("killed"));
    let options = OpenOptions { checkpoint_interval: 1000, ..OpenOptions::default() };
    let _open = fill(Database::create(&live, &CreateOptions::default(), &options).unwrap());
    copy(&live, &path);
    path
}

#[test]
fn a_write_ahead_log_with_a_torn_end_opens_at_the_last_whole_version() {
    let folder = tempfile::tempdir().unwrap();
    let original = unflushed_sample(folder.path());
    let log = files(&original).into_iter().find(|file| file.extension().is_some_and(|kind| kind == "log")).unwrap();
    let length = fs::metadata(&log).unwrap().len();
    for (number, cut) in [1, 10, 1000, length / 4, length / 2].into_iter().enumerate() {
        let path = folder.path().join(format!("cut-{number}"));
        copy(&original, &path);
        let log = path.join("rocksdb").join(log.file_name().unwrap());
        fs::OpenOptions::new().write(true).open(log).unwrap().set_len(length - cut).unwrap();
        let newest = read_all(&path).unwrap();
        assert!(newest < 5, "cut by {cut}: {newest}");
    }
}

#[test]
fn a_record_type_that_makes_rocksdb_loop_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let original = unflushed_sample(folder.path());
    for (number, kind) in ["MANIFEST-", ".log"].into_iter().enumerate() {
        let path = folder.path().join(format!("copy-{number}"));
        copy(&original, &path);
        let file = files(&path).into_iter().find(|file| file.to_string_lossy().contains(kind)).unwrap();
        let mut bytes = fs::read(&file).unwrap();
        // The second record's type, behind the first record's header and payload.
        let second = 7 + usize::from(u16::from_le_bytes([bytes[4], bytes[5]]));
        assert_eq!(bytes[second + 6], 1);
        bytes[second + 6] = 5;
        fs::write(&file, bytes).unwrap();
        let error = open(&path).err().unwrap();
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(format!("{error} {source}").contains("damaged"), "{error}");
    }
}

#[test]
fn flipped_bits_and_cut_files_give_errors_or_right_answers() {
    let folder = tempfile::tempdir().unwrap();
    let flushed = folder.path().join("flushed");
    drop(sample(&flushed));
    let unflushed = unflushed_sample(folder.path());
    let seed = std::env::var("TREERING_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    println!("TREERING_SEED={seed}");
    let mut numbers = Numbers(seed);
    let (mut refused, mut read) = (0, 0);
    for round in 0..120 {
        let original = if round % 2 == 0 { &flushed } else { &unflushed };
        let path = folder.path().join(format!("round-{round}"));
        copy(original, &path);
        // RocksDB's own log of messages and its options file hold no data.
        let data: Vec<PathBuf> = files(&path).into_iter().filter(|file| !file.to_string_lossy().contains("/LOG")).collect();
        let file = &data[usize::try_from(numbers.below(data.len() as u64)).unwrap()];
        let mut bytes = fs::read(file).unwrap();
        let place = usize::try_from(numbers.below(bytes.len() as u64)).unwrap();
        if round % 3 == 0 {
            bytes.truncate(place);
        } else {
            bytes[place] ^= 1 << numbers.below(8);
        }
        fs::write(file, bytes).unwrap();
        match read_all(&path) {
            Ok(newest) => {
                // A log that ends early looks like a crash in the middle of a write; a flipped bit must not.
                assert!(newest == 5 || round % 3 == 0, "round {round}: {file:?} at {place}: opens at version {newest}");
                read += 1;
            }
            Err(error) => {
                assert!(!error.to_string().is_empty());
                refused += 1;
            }
        }
        fs::remove_dir_all(&path).unwrap();
    }
    println!("{refused} refused, {read} read right");
    assert!(refused > 30);
}

/// Bytes of all files of a database.
fn room(path: &Path) -> u64 {
    files(path).iter().map(|file| fs::metadata(file).unwrap().len()).sum()
}

#[test]
fn pruning_gives_room_back() {
    const KEYS: u64 = 5000;
    let value = |numbers: &mut Numbers| -> Vec<u8> { (0..25).flat_map(|_| numbers.next().to_be_bytes()).collect() };
    let folder = tempfile::tempdir().unwrap();
    let (many, once) = (folder.path().join("many"), folder.path().join("once"));
    let fill = |path: &Path, versions: u64| {
        let database = create(path);
        let mut store = database.store_or_new("s").unwrap();
        for version in 1..=versions {
            let mut numbers = Numbers(version);
            let values: Vec<_> = (0..KEYS).map(|number| (number.to_be_bytes(), value(&mut numbers))).collect();
            let operations: Vec<_> = values.iter().map(|(key, value)| (&key[..], Some(&value[..]))).collect();
            store.apply(&operations).unwrap();
            store.save_version().unwrap();
        }
        store.prune(&Keep::Last(1)).unwrap();
        drop(store);
        database.check(&mut |_| {}).unwrap();
        database.close().unwrap();
        room(path)
    };
    let (many, once) = (fill(&many, 12), fill(&once, 1));
    assert!(once > KEYS * 400, "{once} bytes");
    assert!(many * 10 <= once * 13, "{many} bytes after pruning, {once} bytes when made at once");
}
