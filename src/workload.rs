//! The workload of the benchmarks: the same keys, values and operations in the same order as the programs that measure other stores.
//!
//! Key `i` and its value in version `v` are hashes of their numbers, cut or repeated to their length; what happens to which key is drawn
//! from a generator with a seed. So two programs that follow the rule end with the same root hash, and each can be checked by the other.
//!
//! ```text
//! load:    every version sets the next `load_block` keys, until there are `keys`
//! blocks:  every version makes `batch` operations, one after another:
//!          80 of 100 set a live key anew, 15 set a new key, 5 remove a live key
//! picks:   live keys to read, then live keys to prove
//! ```

use std::iter;

use treering::proofs::HashFunction;

/// The size and shape of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Config {
    /// Keys set while loading.
    pub(crate) keys: u64,
    /// Keys in each version while loading.
    pub(crate) load_block: u64,
    /// Operations in each block after that.
    pub(crate) batch: u64,
    /// What the generator starts from.
    pub(crate) seed: u64,
    /// Bytes of a key, 32 at most.
    pub(crate) key_len: usize,
    /// Bytes of a value.
    pub(crate) value_len: usize,
}

impl Default for Config {
    /// The run that is compared: a million keys of 32 bytes, values of 100 bytes, 10,000 operations a version.
    fn default() -> Self {
        Self { keys: 1_000_000, load_block: 10_000, batch: 10_000, seed: 1, key_len: 32, value_len: 100 }
    }
}

/// One operation. Removes the key when there is no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Operation {
    pub(crate) key: Vec<u8>,
    pub(crate) value: Option<Vec<u8>>,
}

impl Operation {
    /// Bytes of memory that it takes, without what the allocator adds.
    pub(crate) fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.key.capacity() + self.value.as_ref().map_or(0, Vec::capacity)
    }
}

/// A run: which keys are live, and in which version each was last set.
pub(crate) struct Workload {
    config: Config,
    random: SplitMix64,
    /// The numbers of the live keys, in the order that the rule gives them.
    live: Vec<u32>,
    /// For each key number the version that set it last.
    set_in: Vec<u32>,
    version: u32,
}

/// For one in so many of the loaded keys there is room to be inserted later, before the lists of keys move.
const ROOM: usize = 8;
/// The most keys of a run, those inserted later included: lists of keys are part of the memory that is measured, and hold 32 bits a key.
pub(crate) const MOST_KEYS: u64 = u32::MAX as u64;

impl Workload {
    pub(crate) fn new(config: Config) -> Self {
        let keys = usize::try_from(config.keys).unwrap_or_default();
        let list = || Vec::with_capacity(keys.saturating_add(keys / ROOM));
        Self { config, random: SplitMix64(config.seed), live: list(), set_in: list(), version: 0 }
    }

    /// Bytes of memory that the lists of keys take.
    pub(crate) fn memory_bytes(&self) -> usize {
        (self.live.capacity() + self.set_in.capacity()) * size_of::<u32>()
    }

    /// The operations of the next version of loading; none when all keys are loaded.
    pub(crate) fn next_load_block(&mut self) -> Option<Vec<Operation>> {
        let left = self.config.keys.saturating_sub(self.next_key());
        if left == 0 {
            return None;
        }
        self.version += 1;
        Some((0..left.min(self.config.load_block)).map(|_| self.insert()).collect())
    }

    /// The operations of the next block, to be applied one after another: several may be on one key.
    pub(crate) fn next_block(&mut self) -> Vec<Operation> {
        self.version += 1;
        (0..self.config.batch).map(|_| self.next_operation()).collect()
    }

    /// Draws live keys, for reading or proving.
    pub(crate) fn pick(&mut self, count: u64) -> Vec<u64> {
        (0..count).filter_map(|_| self.random_live().map(|(_, key)| key)).collect()
    }

    /// How many keys are live.
    pub(crate) fn live_keys(&self) -> usize {
        self.live.len()
    }

    /// The bytes of a key.
    pub(crate) fn key(&self, number: u64) -> Vec<u8> {
        let mut key = digest(b'k', &[number]).to_vec();
        key.truncate(self.config.key_len);
        key
    }

    /// The value that a live key has now.
    pub(crate) fn value(&self, number: u64) -> Vec<u8> {
        let version = usize::try_from(number).ok().and_then(|index| self.set_in.get(index));
        let digest = digest(b'v', &[number, u64::from(version.copied().unwrap_or_default())]);
        digest.into_iter().cycle().take(self.config.value_len).collect()
    }

    fn next_operation(&mut self) -> Operation {
        let percent = self.random.below(100);
        let drawn = if (80..95).contains(&percent) { None } else { self.random_live() };
        match drawn {
            // Also when no key is left that could be set anew or removed.
            None => self.insert(),
            Some((_, key)) if percent < 80 => self.set(key),
            Some((place, key)) => {
                self.live.swap_remove(place);
                Operation { key: self.key(key), value: None }
            }
        }
    }

    fn insert(&mut self) -> Operation {
        let key = self.next_key();
        // The number of keys is bounded by `MOST_KEYS`.
        self.live.push(u32::try_from(key).unwrap_or(u32::MAX));
        self.set_in.push(self.version);
        self.set(key)
    }

    fn set(&mut self, key: u64) -> Operation {
        if let Some(version) = usize::try_from(key).ok().and_then(|index| self.set_in.get_mut(index)) {
            *version = self.version;
        }
        Operation { key: self.key(key), value: Some(self.value(key)) }
    }

    /// The number of the next new key.
    fn next_key(&self) -> u64 {
        self.set_in.len() as u64
    }

    /// The place of a live key among the live ones, and its number.
    fn random_live(&mut self) -> Option<(usize, u64)> {
        let live = self.live.len() as u64;
        let place = usize::try_from(if live == 0 { return None } else { self.random.below(live) }).ok()?;
        Some((place, u64::from(*self.live.get(place)?)))
    }
}

fn digest(kind: u8, numbers: &[u64]) -> [u8; 32] {
    let bytes: Vec<u8> = iter::once(kind).chain(numbers.iter().flat_map(|number| number.to_be_bytes())).collect();
    *HashFunction::Sha256.hash(&bytes).as_bytes()
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
    use serde::Deserialize;
    use treering::Tree;

    use super::*;

    #[derive(Deserialize)]
    struct Vectors {
        runs: Vec<Run>,
    }

    #[derive(Deserialize)]
    struct Run {
        config: RunConfig,
        live_keys_at_end: usize,
        roots: Vec<String>,
    }

    #[derive(Deserialize)]
    struct RunConfig {
        n: u64,
        load_block: u64,
        batch: u64,
        seed: u64,
        key_len: usize,
        value_len: usize,
        /// Each block sorted and with one operation a key, as the Cosmos SDK hands it on: not how this workload applies it.
        sdk_order: bool,
    }

    fn save(tree: &mut Tree, operations: Vec<Operation>) -> String {
        for Operation { key, value } in operations {
            match value {
                Some(value) => tree.set(&key, &value).map(drop).unwrap(),
                None => assert!(tree.remove(&key).unwrap(), "a live key is there"),
            }
        }
        tree.save().unwrap().root_hash.to_string()
    }

    #[test]
    fn generator_and_rule_give_the_published_first_values() {
        let mut random = SplitMix64(1);
        assert_eq!([random.next(), random.next(), random.next()], [0x910a_2dec_8902_5cc1, 0xbeeb_8da1_658e_ec67, 0xf893_a2ee_fb32_555e]);
        let mut workload = Workload::new(Config { value_len: 40, ..Config::default() });
        let block = workload.next_load_block().unwrap();
        assert_eq!(hex::encode(&block[0].key), "d1c5b497e10d67e49af4421b9c62d2c51278b15f0a5c9f0e6c4d2469f1c80af4");
        let value = block[0].value.as_ref().unwrap();
        assert_eq!(hex::encode(value), "cd24602689a0f4f3d8e878da521c628d3512a9400422a31c80d3908232059c30cd24602689a0f4f3");
    }

    #[test]
    fn every_version_of_the_published_runs_has_the_root_of_cosmos_iavl() {
        let vectors: Vectors = serde_json::from_str(include_str!("../tests/vectors/bench-roots.json")).unwrap();
        let mut compared = 0;
        for run in vectors.runs.iter().filter(|run| !run.config.sdk_order) {
            let RunConfig { n: keys, load_block, batch, seed, key_len, value_len, .. } = run.config;
            let mut workload = Workload::new(Config { keys, load_block, batch, seed, key_len, value_len });
            let mut tree = Tree::new();
            for (version, expected) in run.roots.iter().enumerate() {
                let operations = workload.next_load_block().unwrap_or_else(|| workload.next_block());
                assert_eq!(save(&mut tree, operations), *expected, "version {}", version + 1);
            }
            assert_eq!(workload.live_keys(), run.live_keys_at_end);
            for key in workload.pick(100) {
                assert_eq!(tree.get(&workload.key(key)).unwrap(), Some(workload.value(key).as_slice()));
            }
            compared += 1;
        }
        assert_eq!(compared, 3);
    }
}
