//! Records as large, as sorted and as compressible as treering's own.

/// Keys of the index.
pub(crate) const KEYS: u64 = 1_000_000;
/// Entries of the index that a version changes.
pub(crate) const OPERATIONS: u32 = 10_000;
/// Nodes of a version.
pub(crate) const NODES: u32 = 90_000;
/// One node in so many is a leaf.
pub(crate) const LEAF_EVERY: u32 = 9;
/// A version's operations.
pub(crate) const LOG_BYTES: usize = 1_400_000;
/// A commit record.
pub(crate) const COMMIT_BYTES: usize = 200;
/// A version's orphans.
pub(crate) const ORPHANS_BYTES: usize = 4 * NODES as usize;
/// An inner node.
const INNER_BYTES: usize = 125;

/// Pseudo-random numbers (`SplitMix64`).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }

    pub(crate) fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(self.next().to_le_bytes().get(..chunk.len()).unwrap());
        }
    }
}

/// Random bytes to cut records from, so that making them costs next to nothing beside writing them.
pub(crate) struct Source {
    pool: Vec<u8>,
    pub(crate) random: Random,
}

impl Source {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let mut pool = vec![0; 64 << 20];
        random.fill(&mut pool);
        Self { pool, random }
    }

    pub(crate) fn cut(&mut self, length: usize) -> &[u8] {
        let start = self.random.below(self.pool.len() - length);
        self.pool.get(start..start + length).unwrap()
    }

    /// A key of 32 bytes and a value of 100 that compresses: a digest repeated, as in treering's own benchmarks.
    pub(crate) fn leaf(&mut self, record: &mut Vec<u8>, length: usize, key: &[u8]) {
        let digest: [u8; 32] = self.cut(32).try_into().unwrap();
        record.clear();
        record.extend_from_slice(key);
        record.extend(digest.iter().cycle().take(length - key.len()));
    }

    /// An inner node: two hashes, a routing key, and numbers that repeat from node to node.
    pub(crate) fn inner(&mut self, record: &mut Vec<u8>, version: u64) {
        record.clear();
        record.extend_from_slice(&[1, 32]);
        record.extend_from_slice(self.cut(32));
        for _ in 0..2 {
            record.push(version.to_le_bytes()[0]);
            record.extend_from_slice(self.cut(35));
            record.extend_from_slice(&[7, 3, 0]);
        }
        record.resize(INNER_BYTES - 4, 0);
        record.extend_from_slice(self.cut(4));
    }
}

pub(crate) fn node_key(version: u64, nonce: u32) -> [u8; 16] {
    let mut at = [0; 16];
    at[3] = 1;
    at[4..12].copy_from_slice(&version.to_be_bytes());
    at[12..].copy_from_slice(&nonce.to_be_bytes());
    at
}

/// The index's key of a number: as good as random, and the same each time.
pub(crate) fn index_key(number: u64) -> [u8; 36] {
    let mut key = [0; 36];
    key[3] = 1;
    Random(number.wrapping_mul(0xD6E8_FEB8_6659_FD93)).fill(key.get_mut(4..).unwrap());
    key
}
