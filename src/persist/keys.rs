//! The keys of all records.
//!
//! | keyspace | key |
//! |---|---|
//! | meta | `database`; `store/` name; `next store`; `placed/` name; `next placed`; `intent`; `unfinished` |
//! | commits | `c` commit number; `m` version of the whole; `n` version of the whole (what stands beside it); `p` store, version of a checkpoint; `v` store, version |
//! | log | commit number, store |
//! | nodes | store, version, number of a page; the same, place of a value apart (see [`page`](super::page)) |
//! | latest | store, user key; `ff ff ff ff` store (no store has that number) |
//! | orphans | store, version |
//!
//! Commit numbers and versions take 8 bytes, stores and nonces 4, all big endian, so that the order of keys is that of the numbers.
//! A store is named by the number that it got when it was made.

use crate::engine::Keyspace;

/// The number of a store within its database.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct StoreId(pub(crate) u32);

impl StoreId {
    fn bytes(self) -> [u8; 4] {
        self.0.to_be_bytes()
    }

    /// First key behind all of this store.
    fn end(self) -> Vec<u8> {
        match self.0.checked_add(1) {
            Some(next) => next.to_be_bytes().to_vec(),
            None => vec![0xff; 32],
        }
    }
}

/// How messages name a record.
pub(crate) fn name(keyspace: Keyspace, key: &[u8]) -> String {
    format!("record {} of {keyspace}", hex::encode(key))
}

pub(crate) const DATABASE: &[u8] = b"database";
pub(crate) const NEXT_STORE: &[u8] = b"next store";
const STORE: &[u8] = b"store/";
const PLACED: &[u8] = b"placed/";

pub(crate) fn store(name: &str) -> Vec<u8> {
    [STORE, name.as_bytes()].concat()
}

/// The name in a store's registry key.
pub(crate) fn store_name(key: &[u8]) -> Option<&str> {
    key.strip_prefix(STORE).and_then(|name| std::str::from_utf8(name).ok())
}

/// All registry keys.
pub(crate) fn stores() -> (Vec<u8>, Vec<u8>) {
    (STORE.to_vec(), b"store0".to_vec())
}

pub(crate) fn placed(name: &str) -> Vec<u8> {
    [PLACED, name.as_bytes()].concat()
}

/// The name in the key of a store that lies elsewhere.
pub(crate) fn placed_name(key: &[u8]) -> Option<&str> {
    key.strip_prefix(PLACED).and_then(|name| std::str::from_utf8(name).ok())
}

/// All stores that lie elsewhere.
pub(crate) fn all_placed() -> (Vec<u8>, Vec<u8>) {
    (PLACED.to_vec(), b"placed0".to_vec())
}

pub(crate) fn multi_version(version: u64) -> Vec<u8> {
    [&b"m"[..], &version.to_be_bytes()].concat()
}

/// All versions of the whole.
pub(crate) fn multi_versions() -> (Vec<u8>, Vec<u8>) {
    (b"m".to_vec(), b"n".to_vec())
}

/// The key of what stands beside a version of the whole.
pub(crate) fn companion(version: u64) -> Vec<u8> {
    [&b"n"[..], &version.to_be_bytes()].concat()
}

/// All that stand beside versions of the whole.
pub(crate) fn companions() -> (Vec<u8>, Vec<u8>) {
    (b"n".to_vec(), b"o".to_vec())
}

pub(crate) fn commit(number: u64) -> Vec<u8> {
    [&b"c"[..], &number.to_be_bytes()].concat()
}

/// All commits.
pub(crate) fn commits() -> (Vec<u8>, Vec<u8>) {
    (b"c".to_vec(), b"d".to_vec())
}

/// The number in the key of a commit, a version of the whole or what stands beside one.
pub(crate) fn commit_number(key: &[u8]) -> Option<u64> {
    number_behind(key, 1)
}

pub(crate) fn version(store: StoreId, version: u64) -> Vec<u8> {
    [&b"v"[..], &store.bytes(), &version.to_be_bytes()].concat()
}

/// The versions of a store from `first` to `last`.
pub(crate) fn versions_between(store: StoreId, first: u64, last: u64) -> (Vec<u8>, Vec<u8>) {
    let end = last.checked_add(1).map_or_else(|| versions(store).1, |end| version(store, end));
    (version(store, first), end)
}

/// All versions of a store.
pub(crate) fn versions(store: StoreId) -> (Vec<u8>, Vec<u8>) {
    let prefix = |bytes: &[u8]| [&b"v"[..], bytes].concat();
    (prefix(&store.bytes()), prefix(&store.end()))
}

pub(crate) fn checkpoint(store: StoreId, version: u64) -> Vec<u8> {
    [&b"p"[..], &store.bytes(), &version.to_be_bytes()].concat()
}

/// The checkpoints of a store from `first` on.
pub(crate) fn checkpoints_from(store: StoreId, first: u64) -> (Vec<u8>, Vec<u8>) {
    (checkpoint(store, first), [&b"p"[..], &store.end()].concat())
}

/// The checkpoints of a store up to `last`.
pub(crate) fn checkpoints_until(store: StoreId, last: u64) -> (Vec<u8>, Vec<u8>) {
    let end = last.checked_add(1).map_or_else(|| [&b"p"[..], &store.end()].concat(), |end| checkpoint(store, end));
    (checkpoint(store, 0), end)
}

/// The number in the key of a version or a checkpoint.
pub(crate) fn version_number(key: &[u8]) -> Option<u64> {
    number_behind(key, 5)
}

pub(crate) fn log(commit: u64, store: StoreId) -> Vec<u8> {
    [&commit.to_be_bytes()[..], &store.bytes()].concat()
}

/// Bytes of the key of a page of nodes.
pub(crate) const PAGE: usize = 16;

/// The key of a page of nodes.
pub(crate) fn page(store: StoreId, version: u64, number: u32) -> [u8; PAGE] {
    let mut key = [0; PAGE];
    let (first, rest) = key.split_at_mut(4);
    let (middle, last) = rest.split_at_mut(8);
    first.copy_from_slice(&store.bytes());
    middle.copy_from_slice(&version.to_be_bytes());
    last.copy_from_slice(&number.to_be_bytes());
    key
}

/// Version and number in the key of a page.
pub(crate) fn page_name(key: &[u8]) -> Option<(u64, u32)> {
    let (rest, number) = key.split_last_chunk::<4>()?;
    let (store, version) = rest.split_last_chunk::<8>()?;
    (store.len() == 4).then_some((u64::from_be_bytes(*version), u32::from_be_bytes(*number)))
}

/// The nodes of a store that were made after `version`.
pub(crate) fn nodes_after(store: StoreId, version: u64) -> (Vec<u8>, Vec<u8>) {
    let first = version.checked_add(1).map_or_else(|| store.end(), |first| page(store, first, 0).to_vec());
    (first, store.end())
}

/// The logs of a commit and of those after it.
pub(crate) fn logs_from(commit: u64) -> Vec<u8> {
    commit.to_be_bytes().to_vec()
}

/// All nodes of a store.
pub(crate) fn nodes(store: StoreId) -> (Vec<u8>, Vec<u8>) {
    (store.bytes().to_vec(), store.end())
}

/// Bytes before the user's key in an index key.
pub(crate) const LATEST_PREFIX: usize = 4;

pub(crate) fn latest(store: StoreId, key: &[u8]) -> Vec<u8> {
    [&store.bytes()[..], key].concat()
}

/// All index records of a store.
pub(crate) fn all_latest(store: StoreId) -> (Vec<u8>, Vec<u8>) {
    (store.bytes().to_vec(), store.end())
}

const INDEXED: [u8; LATEST_PREFIX] = [0xff; LATEST_PREFIX];

/// The key of the record that says how far a store's index goes. It stands in the index's keyspace, so that it comes to the disk after all
/// that it speaks of. Four billion stores would have to be made before one had the number that it begins with.
pub(crate) fn indexed(store: StoreId) -> Vec<u8> {
    [INDEXED, store.bytes()].concat()
}

/// Whether a key of the index's keyspace is that of such a record.
pub(crate) fn is_indexed(key: &[u8]) -> bool {
    key.starts_with(&INDEXED)
}

/// The user key in an index key.
pub(crate) fn user_key(key: &[u8]) -> Option<&[u8]> {
    key.get(LATEST_PREFIX..)
}

pub(crate) fn orphans(store: StoreId, version: u64) -> Vec<u8> {
    [&store.bytes()[..], &version.to_be_bytes()].concat()
}

/// The orphan records of a store's versions `from..=to`.
pub(crate) fn orphans_between(store: StoreId, from: u64, to: u64) -> (Vec<u8>, Vec<u8>) {
    let end = to.checked_add(1).map_or_else(|| store.end(), |end| orphans(store, end));
    (orphans(store, from), end)
}

/// The version in an orphan record's key.
pub(crate) fn orphans_version(key: &[u8]) -> Option<u64> {
    number_behind(key, 4)
}

fn number_behind(key: &[u8], prefix: usize) -> Option<u64> {
    Some(u64::from_be_bytes(key.get(prefix..)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stores_keys_lie_in_its_ranges_and_name_what_they_hold() {
        for store in [StoreId(0), StoreId(7), StoreId(u32::MAX)] {
            let (from, to) = versions(store);
            for number in [0, 1, u64::MAX] {
                let key = version(store, number);
                assert!(from <= key && key < to);
                assert_eq!(version_number(&key), Some(number));
            }
            let (from, to) = nodes(store);
            for (version, number) in [(0, 0), (u64::MAX, u32::MAX)] {
                let key = page(store, version, number).to_vec();
                assert!(from <= key && key < to);
                assert_eq!(page_name(&key), Some((version, number)));
            }
        }
        let (from, to) = stores();
        assert!(from <= store("") && store("zz") < to);
        assert_eq!(store_name(&store("bank")), Some("bank"));
    }
}
