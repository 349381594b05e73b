//! Operations by rule: the same ones that the makers of the vectors and the benchmarks use.

use sha2::{Digest, Sha256};
use treering_tree::{Operation, Tree};

/// One operation of a scenario.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    Set(Vec<u8>, Vec<u8>),
    Delete(Vec<u8>),
}

impl Op {
    pub(crate) fn key(&self) -> &[u8] {
        match self {
            Self::Set(key, _) | Self::Delete(key) => key,
        }
    }

    /// As [`Tree::apply`] takes it.
    pub(crate) fn operation(&self) -> Operation<'_> {
        match self {
            Self::Set(key, value) => (key, Some(value)),
            Self::Delete(key) => (key, None),
        }
    }

    pub(crate) fn apply(&self, tree: &mut Tree) {
        match self {
            Self::Set(key, value) => {
                tree.set(key, value).unwrap();
            }
            Self::Delete(key) => {
                tree.remove(key).unwrap();
            }
        }
    }
}

pub(crate) fn mix64(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The random numbers of the vectors.
pub(crate) struct SplitMix64(pub(crate) u64);

impl SplitMix64 {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix64(self.0)
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

pub(crate) fn key(i: u64, length: usize) -> Vec<u8> {
    let digest = Sha256::new().chain_update(b"k").chain_update(i.to_be_bytes()).finalize();
    digest[..length].to_vec()
}

pub(crate) fn value(i: u64, version: u64, length: usize) -> Vec<u8> {
    let digest = Sha256::new().chain_update(b"v").chain_update(i.to_be_bytes()).chain_update(version.to_be_bytes()).finalize();
    digest.iter().copied().cycle().take(length).collect()
}

/// Sizes of a workload.
#[derive(Clone, Copy)]
pub(crate) struct Config {
    /// Keys loaded first, in blocks of `load_block`.
    pub(crate) keys: u64,
    pub(crate) load_block: u64,
    /// Operations in each further block.
    pub(crate) batch: u64,
    pub(crate) key_length: usize,
    pub(crate) value_length: usize,
    pub(crate) seed: u64,
}

/// The workload of the benchmarks: a load, then blocks of 80 % updates, 15 % inserts and 5 % deletes.
pub(crate) struct Workload {
    config: Config,
    rng: SplitMix64,
    live: Vec<u64>,
    next: u64,
    version: u64,
}

impl Workload {
    pub(crate) fn new(config: Config) -> Self {
        Self { config, rng: SplitMix64(config.seed), live: Vec::new(), next: 0, version: 0 }
    }

    /// The operations of the next version.
    pub(crate) fn next_block(&mut self) -> Vec<Op> {
        self.version += 1;
        if self.next < self.config.keys {
            let end = self.config.keys.min(self.next + self.config.load_block);
            return (self.next..end).map(|_| self.insert()).collect();
        }
        (0..self.config.batch).map(|_| self.mixed()).collect()
    }

    fn set(&self, i: u64) -> Op {
        Op::Set(key(i, self.config.key_length), value(i, self.version, self.config.value_length))
    }

    fn insert(&mut self) -> Op {
        let i = self.next;
        self.next += 1;
        self.live.push(i);
        self.set(i)
    }

    fn mixed(&mut self) -> Op {
        match self.rng.below(100) {
            0..80 => {
                let place = self.rng.below(self.live.len() as u64);
                self.set(self.live[usize::try_from(place).unwrap()])
            }
            80..95 => self.insert(),
            _ => {
                let place = self.rng.below(self.live.len() as u64);
                let i = self.live.swap_remove(usize::try_from(place).unwrap());
                Op::Delete(key(i, self.config.key_length))
            }
        }
    }
}
