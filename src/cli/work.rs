//! Writing to stores from a file: what has been saved, and what has not yet.

use std::collections::BTreeMap;

use treering::{MultiStore, Versioned};

use super::args::{StoreArg, names, only_store};
use super::error::CliError;
use super::notation::shell_word;
use super::output::Output;
use super::place::Place;
use super::progress::Progress;
use super::queue::{Operation, Queue, check};
use super::saved::{Saved, SavedTogether};

/// Stores, and how far the work on them has come.
pub(crate) struct Work {
    stores: MultiStore,
    scope: Scope,
    /// The stores that are written to, opened when they are first needed; a new one is made by its first version.
    queues: BTreeMap<String, Queue>,
    /// The last version saved here.
    saved: Option<u64>,
    /// Operations since then.
    unsaved: u64,
}

/// Which stores a save is about.
enum Scope {
    /// One that was chosen with `--store`.
    Chosen(String),
    /// The only store there is, since the first line names none.
    Only(String),
    /// All of them, since the lines name theirs.
    All,
    /// Nothing has told yet.
    Open,
}

impl Work {
    /// For lines that may name their stores.
    pub(crate) fn begin(place: &Place, store: &StoreArg) -> Result<Self, CliError> {
        let stores = place.open_to_write()?;
        let scope = match store.given() {
            Some(name) => Scope::Chosen(name.to_owned()),
            None if stores.list_stores().is_empty() => return Err(CliError::NoStore { dir: place.dir().to_owned() }),
            None => Scope::Open,
        };
        Ok(Self { stores, scope, queues: BTreeMap::new(), saved: None, unsaved: 0 })
    }

    /// For one store, named or the only one.
    pub(crate) fn begin_one(place: &Place, store: &StoreArg) -> Result<Self, CliError> {
        let stores = place.open_to_write()?;
        let scope = Scope::Chosen(store.name(&stores)?);
        Ok(Self { stores, scope, queues: BTreeMap::new(), saved: None, unsaved: 0 })
    }

    /// Does an operation on the store that a line names, or that it means without naming one; gives the reason inside when it cannot.
    pub(crate) fn change(&mut self, store: Option<&str>, operation: Operation) -> Result<Result<(), String>, CliError> {
        if let Err(reason) = check(&operation) {
            return Ok(Err(reason.to_string()));
        }
        let name = match self.store_of(store) {
            Ok(name) => name,
            Err(reason) => return Ok(Err(reason)),
        };
        self.queue(&name)?.push(operation)?;
        self.unsaved += 1;
        Ok(Ok(()))
    }

    /// The store of a line.
    fn store_of(&mut self, named: Option<&str>) -> Result<String, String> {
        if let Scope::Open = self.scope {
            self.scope = match (named, only_store(&self.stores)) {
                (Some(_), _) => Scope::All,
                (None, Ok(name)) => Scope::Only(name),
                (None, Err(_)) => {
                    let there_are = names(&self.stores).join(", ");
                    return Err(format!(
                        "it names no store, and the database has several ({there_are}): name one in every line, as in \"store\":\"NAME\", or one for all with --store NAME"
                    ));
                }
            };
        }
        match (&self.scope, named) {
            (Scope::Chosen(name) | Scope::Only(name), None) => Ok(name.clone()),
            (Scope::Chosen(chosen), Some(name)) if chosen == name => Ok(name.to_owned()),
            (Scope::Chosen(chosen), Some(name)) => {
                Err(format!("it names store {name:?}, but --store says {chosen:?}: leave --store out to write several stores"))
            }
            (Scope::Only(_), Some(name)) => {
                Err(format!("it names store {name:?}, and the lines before name none: name the store in every line, or in none"))
            }
            (Scope::All | Scope::Open, Some(name)) if self.stores.store_exists(name) => Ok(name.to_owned()),
            (Scope::All | Scope::Open, Some(name)) => {
                let (dir, there_are) = (self.stores.path().display(), names(&self.stores).join(", "));
                let word = shell_word(name);
                Err(format!("there is no store {name:?}; there are: {there_are}; `treering create {dir} {word}` makes one"))
            }
            (Scope::All | Scope::Open, None) => {
                Err("it names no store, and lines before name theirs: name the store in every line, or in none".to_owned())
            }
        }
    }

    fn queue(&mut self, name: &str) -> Result<&mut Queue, CliError> {
        if !self.queues.contains_key(name) {
            self.queues.insert(name.to_owned(), Queue::new(self.stores.store_or_new(name)?));
        }
        // It was put there just now.
        self.queues.get_mut(name).ok_or_else(|| CliError::Options(format!("store {name:?} cannot be opened")))
    }

    /// Saves a version, of one store or of all, and prints it at once, so that whoever reads the output knows what is durable.
    pub(crate) fn save(&mut self, progress: &Progress, output: &mut Output) -> Result<(), CliError> {
        if let Scope::Open = self.scope {
            self.scope = only_store(&self.stores).map_or(Scope::All, Scope::Only);
        }
        if let Scope::Chosen(name) | Scope::Only(name) = &self.scope {
            let name = name.clone();
            let queue = self.queue(&name)?;
            queue.flush()?;
            let info = queue.store().save_version()?;
            self.is_saved(info.version);
            return progress.pause(|| output.print(&Saved::from(&info)).and_then(|()| output.flush()));
        }
        self.queues.values_mut().try_for_each(Queue::flush)?;
        let saved = self.stores.save_version()?;
        self.is_saved(saved.version);
        progress.pause(|| output.print(&SavedTogether::from(&saved)).and_then(|()| output.flush()))
    }

    fn is_saved(&mut self, version: u64) {
        self.saved = Some(version);
        self.unsaved = 0;
    }

    /// The error for a bad line.
    pub(crate) fn bad_line(&self, file: &str, line: u64, reason: String) -> CliError {
        let kept = match self.saved {
            Some(version) => format!("what was saved up to version {version} stays, what came after was not kept"),
            None => "nothing was saved".to_owned(),
        };
        CliError::Line { file: file.to_owned(), line, reason, kept }
    }

    /// Whether a version was saved.
    pub(crate) fn has_saved(&self) -> bool {
        self.saved.is_some()
    }

    /// Operations since the last save.
    pub(crate) fn unsaved(&self) -> u64 {
        self.unsaved
    }

    /// Removes what the stores' settings do not keep, and closes the database. Operations that were not saved are gone.
    pub(crate) fn end(self) -> Result<(), CliError> {
        if self.has_saved() {
            self.stores.prune_by_retention()?;
        }
        Ok(self.stores.close_all()?)
    }
}
