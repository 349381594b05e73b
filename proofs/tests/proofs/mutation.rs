//! Changes to a proof's fields, one at a time, as an attacker might try them.

use treering_proofs::{AbsenceProof, ExistenceProof, Hash, Neighbours, PathStep, Proof, Sibling};

use crate::naive_tree::Tree;

/// Changes one thing. `next` decides what and how; `tree` lends true parts to put in wrong places.
pub(crate) fn mutate(proof: &mut Proof, tree: &Tree, next: &mut dyn FnMut() -> u64) {
    match proof {
        Proof::Existence(existence) => match next() % 8 {
            0 => {
                let key = existence.key.clone();
                let neighbours = Neighbours::AfterLast(existence.clone());
                *proof = Proof::Absence(AbsenceProof { key, neighbours });
            }
            1 => {
                *proof = Proof::Absence(AbsenceProof { key: existence.key.clone(), neighbours: Neighbours::EmptyTree });
            }
            _ => mutate_existence(existence, tree, next),
        },
        Proof::Absence(absence) => match next() % 8 {
            0 => mutate_bytes(&mut absence.key, next),
            1 => mutate_kind(absence, next),
            2 => {
                if let Neighbours::BeforeFirst(neighbour) | Neighbours::AfterLast(neighbour) = &absence.neighbours {
                    *proof = Proof::Existence(neighbour.clone());
                }
            }
            _ => match &mut absence.neighbours {
                Neighbours::EmptyTree => mutate_kind(absence, next),
                Neighbours::BeforeFirst(neighbour) | Neighbours::AfterLast(neighbour) => {
                    mutate_existence(neighbour, tree, next);
                }
                Neighbours::Between { left, right } => {
                    let neighbour = if next().is_multiple_of(2) { left } else { right };
                    mutate_existence(neighbour, tree, next);
                }
            },
        },
    }
}

fn mutate_kind(absence: &mut AbsenceProof, next: &mut dyn FnMut() -> u64) {
    use Neighbours::{AfterLast, BeforeFirst, Between, EmptyTree};
    absence.neighbours = match (absence.neighbours.clone(), next() % 4) {
        (BeforeFirst(leaf), 0) => AfterLast(leaf),
        (AfterLast(leaf), 0) => BeforeFirst(leaf),
        (BeforeFirst(leaf) | AfterLast(leaf), 1) => Between { left: leaf.clone(), right: leaf },
        (Between { left, .. }, 0) => AfterLast(left),
        (Between { right, .. }, 1) => BeforeFirst(right),
        (Between { left, right }, 2) => Between { left: right, right: left },
        _ => EmptyTree,
    };
}

fn mutate_existence(proof: &mut ExistenceProof, tree: &Tree, next: &mut dyn FnMut() -> u64) {
    let level = (next() % (proof.path.len() as u64 + 1)) as usize;
    match next() % 12 {
        0 => mutate_bytes(&mut proof.key, next),
        1 => mutate_bytes(&mut proof.value, next),
        2 => proof.version = mutate_number(proof.version, next),
        3 if !tree.leaves.is_empty() => {
            *proof = tree.existence((next() % tree.leaves.len() as u64) as usize);
        }
        4 => proof.path.truncate(level),
        5 if level < proof.path.len() => drop(proof.path.remove(level)),
        6 if level < proof.path.len() => proof.path.insert(level, proof.path[level]),
        7 if level + 1 < proof.path.len() => proof.path.swap(level, level + 1),
        8 if !tree.leaves.is_empty() => {
            let other = tree.existence((next() % tree.leaves.len() as u64) as usize);
            proof.path.truncate(level);
            proof.path.extend(other.path.iter().skip(level));
        }
        _ => {
            if let Some(step) = proof.path.get_mut(level) {
                mutate_step(step, next);
            }
        }
    }
}

fn mutate_step(step: &mut PathStep, next: &mut dyn FnMut() -> u64) {
    match next() % 5 {
        0 => step.height = mutate_number(step.height.into(), next) as u8,
        1 => step.size = mutate_number(step.size, next),
        2 => step.version = mutate_number(step.version, next),
        3 => {
            step.sibling = match step.sibling {
                Sibling::Left(hash) => Sibling::Right(hash),
                Sibling::Right(hash) => Sibling::Left(hash),
            }
        }
        _ => {
            let (Sibling::Left(hash) | Sibling::Right(hash)) = &mut step.sibling;
            let mut bytes = *hash.as_bytes();
            bytes[(next() % 32) as usize] ^= 1 << (next() % 8);
            *hash = Hash::new(bytes);
        }
    }
}

fn mutate_bytes(bytes: &mut Vec<u8>, next: &mut dyn FnMut() -> u64) {
    let at = (next() % (bytes.len() as u64 + 1)) as usize;
    match next() % 3 {
        0 if at < bytes.len() => bytes[at] ^= 1 << (next() % 8),
        1 if at < bytes.len() => drop(bytes.remove(at)),
        _ => bytes.insert(at, next() as u8),
    }
}

fn mutate_number(number: u64, next: &mut dyn FnMut() -> u64) -> u64 {
    match next() % 4 {
        0 => number.wrapping_add(1),
        1 => number.wrapping_sub(1),
        2 => number ^ 1 << (next() % 64),
        _ => next(),
    }
}
