//! What many stores are, told naively: maps, and a tree in memory for each version of each store.

use std::collections::{BTreeMap, BTreeSet};

use treering::{Error, Hash, Keep, Tree, proofs};

use crate::common::Model;

/// Errors, by their kinds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Kind {
    BehindNewest,
    MultiVersionExists,
    NoMultiVersion,
    NoVersion,
    Pinned,
    StoreDeleted,
    StoreExists,
    VersionExists,
}

impl Kind {
    pub(super) fn of(error: &Error) -> Option<Self> {
        Some(match error {
            Error::BehindNewest { .. } => Self::BehindNewest,
            Error::MultiVersionExists { .. } => Self::MultiVersionExists,
            Error::NoMultiVersion { .. } => Self::NoMultiVersion,
            Error::NoVersion { .. } => Self::NoVersion,
            Error::Pinned { .. } => Self::Pinned,
            Error::StoreDeleted { .. } => Self::StoreDeleted,
            Error::StoreExists { .. } => Self::StoreExists,
            Error::VersionExists { .. } => Self::VersionExists,
            _ => return None,
        })
    }
}

/// What a call gives.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Given {
    Nothing,
    /// The number, and the root or app hash.
    Version(u64, Hash),
    /// How many versions went, and which were deferred.
    Pruned(u64, Vec<u64>),
}

/// Where several errors could be told, any of them may be.
pub(super) type Outcome = Result<Given, BTreeSet<Kind>>;

/// What is done, with names and versions.
#[derive(Clone, Debug)]
pub(super) enum Act {
    Create { name: String, engine: &'static str },
    Delete(String),
    Rename(String, String),
    Set(String, Vec<u8>, Vec<u8>),
    Remove(String, Vec<u8>),
    Transaction { store: String, operations: Vec<(Vec<u8>, Option<Vec<u8>>)>, commit: bool },
    Discard(String),
    Save,
    Prepare { commit: bool },
    SaveOne(String),
    Load(u64),
    LoadOne(String, u64),
    Rollback(u64),
    RollbackOne(String, u64),
    Prune(Keep),
    PruneOne(String, Keep),
    Hold(u64),
    HoldOne(String, u64),
}

#[derive(Clone)]
pub(super) struct Saved {
    pub(super) model: Model,
    pub(super) root: Hash,
    tree: Tree,
}

#[derive(Clone)]
pub(super) struct NaiveStore {
    id: u64,
    pub(super) engine: &'static str,
    pub(super) model: Model,
    tree: Tree,
    is_changed: bool,
    base: Option<u64>,
    pub(super) versions: BTreeMap<u64, Saved>,
}

impl NaiveStore {
    fn new(id: u64, engine: &'static str) -> Self {
        Self { id, engine, model: Model::new(), tree: Tree::new(), is_changed: false, base: None, versions: BTreeMap::new() }
    }

    pub(super) fn newest(&self) -> Option<u64> {
        self.versions.keys().next_back().copied()
    }

    pub(super) fn current(&self) -> u64 {
        self.base.unwrap_or(0)
    }

    pub(super) fn working_hash(&self) -> Hash {
        self.tree.clone().working_hash().unwrap()
    }

    fn set(&mut self, key: &[u8], value: &[u8]) {
        self.tree.set(key, value).unwrap();
        self.model.insert(key.to_vec(), value.to_vec());
        self.is_changed = true;
    }

    fn remove(&mut self, key: &[u8]) {
        let was_there = self.model.remove(key).is_some();
        assert_eq!(self.tree.remove(key).unwrap(), was_there);
        self.is_changed |= was_there;
    }

    fn load(&mut self, version: Option<u64>) {
        self.base = version;
        self.is_changed = false;
        (self.model, self.tree) = match version {
            Some(version) => (self.versions[&version].model.clone(), self.versions[&version].tree.clone()),
            None => (Model::new(), Tree::new()),
        };
    }

    fn is_untouched(&self) -> bool {
        self.base.is_none() && self.model.is_empty() && !self.is_changed
    }

    /// As it would be saved as part of a version of the whole.
    fn begun(&self, next: u64) -> Self {
        let mut begun = self.clone();
        if begun.base.is_none() {
            begun.tree.set_initial_version(next).unwrap();
        }
        begun
    }

    /// The version that saving gives if it is there already.
    fn saved_already(&self) -> Result<Option<u64>, Kind> {
        let next = self.tree.next_version().unwrap();
        match self.newest() {
            None => return Ok(None),
            Some(newest) if newest < next => return if self.base.is_some() { Ok(None) } else { Err(Kind::BehindNewest) },
            Some(_) => {}
        }
        match self.versions.get(&next) {
            None => Err(Kind::NoVersion),
            Some(saved) if saved.root != self.working_hash() => Err(Kind::VersionExists),
            Some(_) => Ok(Some(next)),
        }
    }

    fn save(&mut self) -> (u64, Hash) {
        let saved = self.tree.save().unwrap();
        let (version, root) = (saved.version, saved.root_hash);
        self.versions.insert(version, Saved { model: self.model.clone(), root, tree: self.tree.clone() });
        self.load(Some(version));
        (version, root)
    }
}

/// A store in a version of the whole.
#[derive(Clone)]
pub(super) struct Part {
    pub(super) name: String,
    pub(super) id: u64,
    pub(super) version: u64,
    pub(super) root: Hash,
}

#[derive(Clone)]
pub(super) struct Whole {
    pub(super) app_hash: Hash,
    pub(super) parts: Vec<Part>,
}

impl Whole {
    fn of(parts: Vec<Part>) -> Self {
        let app_hash = proofs::app_hash(parts.iter().map(|part| (part.name.as_str(), part.root)));
        Self { app_hash, parts }
    }

    fn version_of(&self, id: u64) -> Option<u64> {
        self.parts.iter().find(|part| part.id == id).map(|part| part.version)
    }
}

/// All stores.
#[derive(Clone, Default)]
pub(super) struct Oracle {
    pub(super) stores: BTreeMap<String, NaiveStore>,
    pub(super) wholes: BTreeMap<u64, Whole>,
    pub(super) current: u64,
    made: u64,
    /// What each snapshot holds: stores and their versions.
    pub(super) held: Vec<Vec<(u64, u64)>>,
}

fn refuse<T>(kind: Kind) -> Result<T, BTreeSet<Kind>> {
    Err([kind].into())
}

/// Numbers that are kept, the newest in any case.
fn kept(versions: &[u64], keep: &Keep) -> BTreeSet<u64> {
    let all = versions.iter().copied();
    let mut kept: BTreeSet<u64> = match keep {
        Keep::Last(count) => all.rev().take(usize::try_from(*count).unwrap()).collect(),
        Keep::Only(set) => all.filter(|version| set.contains(version)).collect(),
        Keep::Without(set) => all.filter(|version| !set.contains(version)).collect(),
        other => panic!("{other:?} is not tried"),
    };
    kept.extend(versions.last());
    kept
}

impl Oracle {
    pub(super) fn newest(&self) -> u64 {
        self.wholes.keys().next_back().copied().unwrap_or(0)
    }

    pub(super) fn find(&self, id: u64) -> Option<(&String, &NaiveStore)> {
        self.stores.iter().find(|(_, store)| store.id == id)
    }

    fn store(&mut self, name: &str) -> &mut NaiveStore {
        self.stores.get_mut(name).unwrap()
    }

    fn is_held(&self, id: u64, goes: impl Fn(u64) -> bool) -> bool {
        self.held.iter().flatten().any(|&(store, version)| store == id && goes(version))
    }

    /// The version that the newest version of the whole has of a store.
    fn listed(&self, id: u64) -> Option<u64> {
        self.wholes.values().next_back()?.version_of(id)
    }

    /// Opens all again.
    pub(super) fn reopen(&mut self) {
        self.held.clear();
        self.current = self.newest();
        for store in self.stores.values_mut() {
            store.load(store.newest());
        }
    }

    /// Does it, or tells why not and stays as it is.
    pub(super) fn act(&mut self, act: &Act) -> Outcome {
        match act {
            Act::Create { name, engine } => {
                if self.stores.contains_key(name) {
                    return refuse(Kind::StoreExists);
                }
                self.made += 1;
                self.stores.insert(name.clone(), NaiveStore::new(self.made, engine));
            }
            Act::Delete(name) => {
                if self.is_held(self.stores[name].id, |_| true) {
                    return refuse(Kind::Pinned);
                }
                self.stores.remove(name);
            }
            Act::Rename(from, to) => {
                if self.stores.contains_key(to) {
                    return refuse(Kind::StoreExists);
                }
                let store = self.stores.remove(from).unwrap();
                self.stores.insert(to.clone(), store);
            }
            Act::Set(name, key, value) => self.store(name).set(key, value),
            Act::Remove(name, key) => self.store(name).remove(key),
            Act::Transaction { store, operations, commit } => {
                for (key, value) in operations.iter().filter(|_| *commit) {
                    match value {
                        Some(value) => self.store(store).set(key, value),
                        None => self.store(store).remove(key),
                    }
                }
            }
            Act::Discard(name) => {
                let base = self.store(name).base;
                self.store(name).load(base);
            }
            Act::Save | Act::Prepare { commit: true } => return self.save(),
            Act::Prepare { commit: false } => return self.clone().save(),
            Act::SaveOne(name) => return self.save_one(name),
            Act::Load(version) => self.load(*version)?,
            Act::LoadOne(name, version) => self.store(name).load(Some(*version)),
            Act::Rollback(version) => self.rollback(*version)?,
            Act::RollbackOne(name, version) => self.rollback_one(name, *version)?,
            Act::Prune(keep) => return Ok(self.prune(keep)),
            Act::PruneOne(name, keep) => {
                let store = &self.stores[name];
                let all: Vec<u64> = store.versions.keys().copied().collect();
                let kept = kept(&all, keep);
                let going = all.into_iter().filter(|version| !kept.contains(version)).collect();
                let name = name.clone();
                let (removed, deferred) = self.remove(&name, going);
                return Ok(Given::Pruned(removed, deferred));
            }
            Act::Hold(version) => {
                let whole = self.whole(*version)?;
                let held = whole.parts.iter().map(|part| (part.id, part.version)).collect();
                self.held.push(held);
            }
            Act::HoldOne(name, version) => {
                let id = self.stores[name].id;
                self.held.push(vec![(id, *version)]);
            }
        }
        Ok(Given::Nothing)
    }

    /// A version of the whole that can be read.
    pub(super) fn whole(&self, version: u64) -> Result<Whole, BTreeSet<Kind>> {
        let Some(whole) = self.wholes.get(&version) else { return refuse(Kind::NoMultiVersion) };
        let errors: BTreeSet<Kind> = whole
            .parts
            .iter()
            .filter_map(|part| match self.find(part.id) {
                None => Some(Kind::StoreDeleted),
                Some((_, store)) if !store.versions.contains_key(&part.version) => Some(Kind::NoVersion),
                Some(_) => None,
            })
            .collect();
        if errors.is_empty() { Ok(whole.clone()) } else { Err(errors) }
    }

    fn save(&mut self) -> Outcome {
        let next = match self.current {
            0 => self.stores.values().map(|store| store.current() + 1).max().unwrap_or(1),
            current => current + 1,
        };
        let begun: BTreeMap<String, NaiveStore> = self.stores.iter().map(|(name, store)| (name.clone(), store.begun(next))).collect();
        if next <= self.newest() {
            return self.save_again(next, &begun);
        }
        let mut errors = BTreeSet::new();
        for store in begun.values() {
            match store.saved_already() {
                Err(kind) => drop(errors.insert(kind)),
                Ok(Some(version)) if store.newest() > Some(version) => drop(errors.insert(Kind::BehindNewest)),
                Ok(_) => {}
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        self.stores = begun;
        let mut parts = Vec::new();
        for (name, store) in &mut self.stores {
            let already = store.saved_already().unwrap();
            let (version, root) = match already {
                Some(version) => {
                    store.load(Some(version));
                    (version, store.versions[&version].root)
                }
                None => store.save(),
            };
            parts.push(Part { name: name.clone(), id: store.id, version, root });
        }
        let whole = Whole::of(parts);
        let app_hash = whole.app_hash;
        self.wholes.insert(next, whole);
        self.current = next;
        Ok(Given::Version(next, app_hash))
    }

    /// The version is there already: it must be the same.
    fn save_again(&mut self, next: u64, begun: &BTreeMap<String, NaiveStore>) -> Outcome {
        let Some(whole) = self.wholes.get(&next).cloned() else { return refuse(Kind::NoMultiVersion) };
        let taking_part = begun.iter().filter(|(_, store)| whole.version_of(store.id).is_some() || !store.is_untouched());
        let part = |(name, store): (&String, &NaiveStore)| Part {
            name: name.clone(),
            id: store.id,
            version: store.tree.next_version().unwrap(),
            root: store.working_hash(),
        };
        let parts: Vec<Part> = taking_part.map(part).collect();
        let is_same =
            Whole::of(parts.clone()).app_hash == whole.app_hash && parts.iter().all(|part| whole.version_of(part.id) == Some(part.version));
        if !is_same {
            return refuse(Kind::MultiVersionExists);
        }
        self.load(next)?;
        Ok(Given::Version(next, whole.app_hash))
    }

    fn save_one(&mut self, name: &str) -> Outcome {
        let store = self.store(name);
        let (version, root) = match store.saved_already() {
            Err(kind) => return refuse(kind),
            Ok(Some(version)) => {
                store.load(Some(version));
                (version, store.versions[&version].root)
            }
            Ok(None) => store.save(),
        };
        Ok(Given::Version(version, root))
    }

    fn load(&mut self, version: u64) -> Result<(), BTreeSet<Kind>> {
        let whole = self.whole(version)?;
        for store in self.stores.values_mut() {
            store.load(whole.version_of(store.id));
        }
        self.current = version;
        Ok(())
    }

    fn rollback(&mut self, version: u64) -> Result<(), BTreeSet<Kind>> {
        let whole = self.whole(version);
        let is_pinned = self.wholes.get(&version).is_some_and(|whole| {
            self.stores.values().any(|store| {
                let to = whole.version_of(store.id);
                self.is_held(store.id, |held| to.is_none_or(|to| held > to))
            })
        });
        let mut errors = whole.as_ref().err().cloned().unwrap_or_default();
        errors.extend(is_pinned.then_some(Kind::Pinned));
        let (Ok(whole), true) = (whole, errors.is_empty()) else { return Err(errors) };
        let stores = std::mem::take(&mut self.stores);
        for mut store in stores.into_values() {
            let Some(part) = whole.parts.iter().find(|part| part.id == store.id) else { continue };
            store.versions.retain(|&version, _| version <= part.version);
            store.load(Some(part.version));
            self.stores.insert(part.name.clone(), store);
        }
        self.wholes.retain(|&other, _| other <= version);
        self.current = version;
        Ok(())
    }

    fn rollback_one(&mut self, name: &str, version: u64) -> Result<(), BTreeSet<Kind>> {
        let id = self.stores[name].id;
        if self.is_held(id, |held| held > version) || self.listed(id).is_some_and(|listed| listed > version) {
            return refuse(Kind::Pinned);
        }
        let store = self.store(name);
        store.versions.retain(|&other, _| other <= version);
        store.load(Some(version));
        Ok(())
    }

    fn prune(&mut self, keep: &Keep) -> Given {
        let all: Vec<u64> = self.wholes.keys().copied().collect();
        let kept = kept(&all, keep);
        self.wholes.retain(|version, _| kept.contains(version));
        let mut deferred = BTreeSet::new();
        for name in self.stores.keys().cloned().collect::<Vec<_>>() {
            let store = &self.stores[&name];
            let Some(newest) = self.listed(store.id) else { continue };
            let listed: BTreeSet<u64> = self.wholes.values().filter_map(|whole| whole.version_of(store.id)).collect();
            let going = store.versions.keys().copied().filter(|version| *version < newest && !listed.contains(version)).collect();
            deferred.extend(self.remove(&name, going).1);
        }
        Given::Pruned((all.len() - kept.len()) as u64, deferred.into_iter().collect())
    }

    /// Removes versions of a store that nothing holds. Gives how many, and which are held.
    fn remove(&mut self, name: &str, going: BTreeSet<u64>) -> (u64, Vec<u64>) {
        let (id, base) = (self.stores[name].id, self.stores[name].base);
        let listed = self.listed(id);
        let is_held = |version: u64| self.is_held(id, |held| held == version) || base == Some(version) || listed == Some(version);
        let (deferred, going): (Vec<u64>, Vec<u64>) = going.into_iter().partition(|&version| is_held(version));
        for version in &going {
            self.store(name).versions.remove(version);
        }
        (going.len() as u64, deferred)
    }
}
