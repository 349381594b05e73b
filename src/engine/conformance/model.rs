//! What a backend should contain.

use std::collections::BTreeMap;

use treering_tree::Order;

use super::done;
use crate::engine::{Backend, Batch, Change, Keyspace, Pair};

/// Bytes of a key or value that a message shows.
const SHOWN: usize = 40;

/// The contents of all keyspaces: the laws in their plainest form.
#[derive(Clone, Default)]
pub(super) struct Model {
    maps: BTreeMap<Keyspace, BTreeMap<Vec<u8>, Vec<u8>>>,
}

impl Model {
    pub(super) fn apply(&mut self, batch: &Batch) {
        for (keyspace, change) in batch.changes() {
            let map = self.maps.entry(keyspace).or_default();
            match change {
                Change::Put { key, value } => {
                    map.insert(key.to_vec(), value.to_vec());
                }
                Change::Delete { key } => {
                    map.remove(key);
                }
                Change::DeleteRange { from, to } => map.retain(|key, _| key.as_slice() < from || key.as_slice() >= to),
            }
        }
    }

    pub(super) fn get(&self, keyspace: Keyspace, key: &[u8]) -> Option<&Vec<u8>> {
        self.maps.get(&keyspace)?.get(key)
    }

    /// The pairs of a range in order.
    pub(super) fn scan(&self, keyspace: Keyspace, from: &[u8], to: Option<&[u8]>, order: Order) -> Vec<Pair> {
        let within = |key: &[u8]| key >= from && to.is_none_or(|to| key < to);
        let pairs = self.maps.get(&keyspace).into_iter().flatten().filter(|(key, _)| within(key));
        let mut pairs: Vec<Pair> = pairs.map(|(key, value)| (key.clone(), value.clone())).collect();
        if order == Order::Descending {
            pairs.reverse();
        }
        pairs
    }

    /// Compares all keyspaces, in both orders.
    pub(super) fn compare(&self, backend: &dyn Backend, law: &str) {
        for keyspace in Keyspace::ALL {
            for order in [Order::Ascending, Order::Descending] {
                self.compare_scan(backend, keyspace, (&[], None), order, law);
            }
        }
    }

    /// Compares one scan.
    pub(super) fn compare_scan(
        &self,
        backend: &dyn Backend,
        keyspace: Keyspace,
        (from, to): (&[u8], Option<&[u8]>),
        order: Order,
        law: &str,
    ) {
        let expected = self.scan(keyspace, from, to, order);
        let what = format!("{law}: {order:?} scan of {keyspace} from {from:?} to {to:?}");
        let found = backend.scan(keyspace, from, to, order).map(|pair| done(pair, &what)).take(expected.len() + 1).collect();
        same(&expected, &found, &what);
    }

    /// Compares a single key.
    pub(super) fn compare_get(&self, backend: &dyn Backend, keyspace: Keyspace, key: &[u8], law: &str) {
        let what = format!("{law}: get of {key:?} from {keyspace}");
        let (expected, found) = (self.get(keyspace, key), done(backend.get(keyspace, key), &what));
        assert!(expected == found.as_ref(), "{what}: expected {}, found {}", shown(expected), shown(found.as_ref()));
    }
}

/// Fails with the first difference.
pub(super) fn same(expected: &Vec<Pair>, found: &Vec<Pair>, what: &str) {
    if expected == found {
        return;
    }
    let place = expected.iter().zip(found).take_while(|(expected, found)| expected == found).count();
    let (expected_pair, found_pair) = (expected.get(place), found.get(place));
    panic!(
        "{what}: {} pairs expected, {} found; pair {place} should be {} = {}, is {} = {}",
        expected.len(),
        found.len(),
        shown(expected_pair.map(|pair| &pair.0)),
        shown(expected_pair.map(|pair| &pair.1)),
        shown(found_pair.map(|pair| &pair.0)),
        shown(found_pair.map(|pair| &pair.1)),
    );
}

fn shown(bytes: Option<&Vec<u8>>) -> String {
    let Some(bytes) = bytes else { return "nothing".to_owned() };
    let beginning = bytes.get(..SHOWN).unwrap_or(bytes).escape_ascii();
    if bytes.len() > SHOWN { format!("\"{beginning}\".. ({} bytes)", bytes.len()) } else { format!("\"{beginning}\"") }
}
