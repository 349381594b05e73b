//! A tree so simple that it is unlikely to be wrong, and proofs out of it: recursion over sorted leaves.
//! It lays out preimages on its own, so that a mistake in the crate does not agree with itself.

use treering_proofs::{AbsenceProof, Evidence, Existence, ExistenceProof, Hash, HashFunction, Neighbours, PathStep, Proof, Sibling};

#[derive(Clone, Debug)]
pub(crate) struct Leaf {
    pub key: Vec<u8>,
    pub value: Vec<u8>,
    pub version: u64,
}

#[derive(Debug)]
pub(crate) struct Tree {
    pub function: HashFunction,
    pub leaves: Vec<Leaf>,
    root: Option<Node>,
}

#[derive(Debug)]
struct Node {
    hash: Hash,
    height: u8,
    size: u64,
    version: u64,
    children: Option<Box<(Node, Node)>>,
}

impl Tree {
    /// A balanced tree. `lean` picks among the shapes that are possible.
    pub(crate) fn new(function: HashFunction, mut leaves: Vec<Leaf>, lean: usize) -> Self {
        leaves.sort_by(|a, b| a.key.cmp(&b.key));
        leaves.dedup_by(|a, b| a.key == b.key);
        let root = (!leaves.is_empty()).then(|| build(function, &leaves, lean));
        Self { function, leaves, root }
    }

    /// `count` leaves with the keys `k000`, `k001`, ... and versions 1 to 7.
    #[allow(clippy::allow_attributes, dead_code, reason = "the fuzz targets take this file, not all of it")]
    pub(crate) fn numbered(function: HashFunction, count: u64) -> Self {
        let leaf = |number| Leaf {
            key: format!("k{number:03}").into_bytes(),
            value: format!("value {number}").into_bytes(),
            version: 1 + number * number % 7,
        };
        Self::new(function, (0..count).map(leaf).collect(), 0)
    }

    pub(crate) fn root(&self) -> Hash {
        self.root.as_ref().map_or(self.function.hash(b""), |root| root.hash)
    }

    pub(crate) fn prove(&self, key: &[u8]) -> Proof {
        match self.leaves.binary_search_by(|leaf| leaf.key.as_slice().cmp(key)) {
            Ok(index) => Proof::Existence(self.existence(index)),
            Err(index) => {
                let neighbours = if self.leaves.is_empty() {
                    Neighbours::EmptyTree
                } else if index == 0 {
                    Neighbours::BeforeFirst(self.existence(0))
                } else if index == self.leaves.len() {
                    Neighbours::AfterLast(self.existence(index - 1))
                } else {
                    Neighbours::Between { left: self.existence(index - 1), right: self.existence(index) }
                };
                Proof::Absence(AbsenceProof { key: key.to_vec(), neighbours })
            }
        }
    }

    pub(crate) fn existence(&self, index: usize) -> ExistenceProof {
        let Leaf { key, value, version } = self.leaves[index].clone();
        let mut path = Vec::new();
        self.root.as_ref().unwrap().path(index as u64, &mut path);
        ExistenceProof { key, value, version, path }
    }

    /// Whether what was proven is true of this tree.
    pub(crate) fn agrees(&self, evidence: &Evidence) -> bool {
        match evidence {
            Evidence::Present(existence) => self.holds(existence),
            Evidence::Absent(absence) => {
                let before = self.leaves.iter().filter(|leaf| leaf.key.as_slice() < absence.key()).count();
                self.leaves.iter().all(|leaf| leaf.key != absence.key())
                    && absence.index() == before as u64
                    && absence.tree_size() == self.leaves.len() as u64
                    && absence.left().is_none_or(|leaf| self.holds(leaf))
                    && absence.right().is_none_or(|leaf| self.holds(leaf))
            }
        }
    }

    fn holds(&self, existence: &Existence) -> bool {
        let found = usize::try_from(existence.index()).ok().and_then(|index| self.leaves.get(index));
        existence.tree_size() == self.leaves.len() as u64
            && found
                .is_some_and(|leaf| leaf.key == existence.key() && leaf.value == existence.value() && leaf.version == existence.version())
    }
}

impl Node {
    fn path(&self, index: u64, path: &mut Vec<PathStep>) {
        let Some(children) = &self.children else {
            return;
        };
        let (left, right) = &**children;
        let sibling = if index < left.size {
            left.path(index, path);
            Sibling::Right(right.hash)
        } else {
            right.path(index - left.size, path);
            Sibling::Left(left.hash)
        };
        path.push(PathStep { height: self.height, size: self.size, version: self.version, sibling });
    }
}

fn build(function: HashFunction, leaves: &[Leaf], lean: usize) -> Node {
    if let [leaf] = leaves {
        let mut bytes = vec![0, 2];
        leb128(&mut bytes, u128::from(leaf.version) * 2);
        leb128(&mut bytes, leaf.key.len() as u128);
        bytes.extend(&leaf.key);
        bytes.push(32);
        bytes.extend(function.hash(&leaf.value).as_bytes());
        return Node { hash: function.hash(&bytes), height: 0, size: 1, version: leaf.version, children: None };
    }
    let middle = leaves.len() / 2;
    let leaning = (1 + lean % leaves.len()).min(leaves.len() - 1);
    let halves = |at: usize| (build(function, &leaves[..at], lean / 3), build(function, &leaves[at..], lean / 3 + 1));
    let mut children = halves(middle);
    // Building both takes time that is quadratic in the leaves, so only low subtrees vary.
    if leaves.len() <= 12 {
        let others = halves(leaning);
        if others.0.height.abs_diff(others.1.height) <= 1 {
            children = others;
        }
    }
    join(function, children)
}

fn join(function: HashFunction, (left, right): (Node, Node)) -> Node {
    let height = 1 + left.height.max(right.height);
    let size = left.size + right.size;
    let version = left.version.max(right.version);
    let mut bytes = Vec::new();
    for number in [u64::from(height), size, version] {
        leb128(&mut bytes, u128::from(number) * 2);
    }
    for child in [&left, &right] {
        bytes.push(32);
        bytes.extend(child.hash.as_bytes());
    }
    Node { hash: function.hash(&bytes), height, size, version, children: Some(Box::new((left, right))) }
}

fn leb128(out: &mut Vec<u8>, mut number: u128) {
    while number > 127 {
        out.push((number % 128) as u8 | 128);
        number /= 128;
    }
    out.push(number as u8);
}
