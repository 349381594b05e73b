//! The workload: which keys and values, in which order. The rule is in `src/workload.rs` of treering.
//!
//! One thing is otherwise. Several stores take a key once a block, so of several operations on one key only the last is kept, and a key
//! that is set and removed again in one block is left out: with a million keys about 0.5 % of the operations. They count all the same.

use std::collections::HashMap;

use sha2::{Digest as _, Sha256};

use crate::Arguments;

/// A key.
pub type Key = [u8; 32];

const VALUE_LENGTH: usize = 100;

/// One operation. Removes the key when there is no value.
pub struct Operation {
    /// The key, once a block.
    pub key: Key,
    /// The new value.
    pub value: Option<Vec<u8>>,
}

/// A run: which keys are live, and in which version each was last set.
pub(crate) struct Workload {
    n: u64,
    load_batch: u64,
    batch: u64,
    random: SplitMix64,
    /// The numbers of the live keys, in the order that the rule gives them.
    live: Vec<u64>,
    /// For each key number the version that set it last.
    set_in: Vec<u64>,
    version: u64,
}

impl Workload {
    pub(crate) fn new(arguments: &Arguments) -> Self {
        let Arguments { n, load_batch, batch, .. } = *arguments;
        Self { n, load_batch, batch, random: SplitMix64(1), live: Vec::new(), set_in: Vec::new(), version: 0 }
    }

    /// The operations of the next version of loading; none when all keys are loaded.
    pub(crate) fn next_load_block(&mut self) -> Option<Vec<Operation>> {
        let left = self.n.saturating_sub(self.next_key());
        if left == 0 {
            return None;
        }
        self.version += 1;
        let numbers: Vec<u64> = (0..left.min(self.load_batch)).map(|_| self.insert()).collect();
        Some(numbers.into_iter().map(|number| self.set(number)).collect())
    }

    /// The operations of the next block, each key once.
    pub(crate) fn next_block(&mut self) -> Vec<Operation> {
        self.version += 1;
        let first_new = self.next_key();
        let mut place_of: HashMap<u64, usize> = HashMap::new();
        let mut operations: Vec<Option<Operation>> = Vec::new();
        for _ in 0..self.batch {
            let (number, operation) = self.next_operation();
            if let Some(earlier) = place_of.remove(&number) {
                operations[earlier] = None;
            }
            // A key that the store has not seen need not be removed from it.
            if operation.value.is_some() || number < first_new {
                place_of.insert(number, operations.len());
                operations.push(Some(operation));
            }
        }
        operations.into_iter().flatten().collect()
    }

    /// Draws live keys, with the values that they must have.
    pub(crate) fn pick(&mut self, count: u64) -> Vec<(Key, Vec<u8>)> {
        let places: Vec<usize> = (0..count).map(|_| self.place()).collect();
        places.into_iter().map(|place| self.live[place]).map(|number| (key(number), self.value(number))).collect()
    }

    /// How many keys are live.
    pub(crate) fn live_keys(&self) -> u64 {
        self.live.len() as u64
    }

    fn next_operation(&mut self) -> (u64, Operation) {
        let percent = self.random.below(100);
        if (80..95).contains(&percent) || self.live.is_empty() {
            let number = self.insert();
            return (number, self.set(number));
        }
        let place = self.place();
        if percent < 80 {
            let number = self.live[place];
            return (number, self.set(number));
        }
        let number = self.live.swap_remove(place);
        (number, Operation { key: key(number), value: None })
    }

    fn insert(&mut self) -> u64 {
        let number = self.next_key();
        self.live.push(number);
        self.set_in.push(self.version);
        number
    }

    fn set(&mut self, number: u64) -> Operation {
        self.set_in[number as usize] = self.version;
        Operation { key: key(number), value: Some(self.value(number)) }
    }

    fn value(&self, number: u64) -> Vec<u8> {
        let digest = digest(b'v', &[number, self.set_in[number as usize]]);
        digest.into_iter().cycle().take(VALUE_LENGTH).collect()
    }

    fn next_key(&self) -> u64 {
        self.set_in.len() as u64
    }

    fn place(&mut self) -> usize {
        self.random.below(self.live.len() as u64) as usize
    }
}

/// The bytes of a key.
pub(crate) fn key(number: u64) -> Key {
    digest(b'k', &[number])
}

fn digest(kind: u8, numbers: &[u64]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update([kind]);
    numbers.iter().for_each(|number| hasher.update(number.to_be_bytes()));
    hasher.finalize().into()
}

/// The generator `splitmix64`.
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn workload(n: u64, batch: u64) -> Workload {
        let line = format!("--dir x --n {n} --load-batch 30 --batch {batch}");
        Workload::new(&Arguments::parse(line.split_whitespace().map(str::to_owned), false).unwrap())
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn first_key_and_value_are_those_of_treering() {
        let block = workload(100, 10).next_load_block().unwrap();
        assert_eq!(hex(&block[0].key), "d1c5b497e10d67e49af4421b9c62d2c51278b15f0a5c9f0e6c4d2469f1c80af4");
        let value = block[0].value.as_ref().unwrap();
        assert!(hex(value).starts_with("cd24602689a0f4f3d8e878da521c628d3512a9400422a31c80d3908232059c30cd24602689a0f4f3"));
    }

    #[test]
    fn a_key_comes_once_a_block_and_what_is_picked_is_what_a_map_has() {
        let mut workload = workload(100, 80);
        let mut map = BTreeMap::new();
        let mut blocks = 0;
        while let Some(block) = workload.next_load_block() {
            map.extend(block.into_iter().map(|operation| (operation.key, operation.value.unwrap())));
        }
        while blocks < 50 {
            let block = workload.next_block();
            let (length, keys) = (block.len(), block.iter().map(|operation| operation.key).collect::<std::collections::BTreeSet<_>>());
            assert_eq!(keys.len(), length, "a key came twice");
            for Operation { key, value } in block {
                match value {
                    Some(value) => drop(map.insert(key, value)),
                    None => assert!(map.remove(&key).is_some(), "a key that is not there was removed"),
                }
            }
            assert_eq!(map.len() as u64, workload.live_keys());
            assert!(workload.pick(50).into_iter().all(|(key, value)| map.get(&key) == Some(&value)));
            blocks += 1;
        }
    }
}
