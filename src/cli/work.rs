//! Writing to a store from a file: what has been saved, and what has not yet.

use std::path::Path;

use treering::{Database, TreeStore};

use super::args::{StoreArg, open_to_write};
use super::error::CliError;
use super::output::Output;
use super::progress::Progress;
use super::saved::Saved;

/// A store, and how far the work on it has come.
pub(crate) struct Work {
    /// Opened when it is first needed; a new one is made by its first version. Dropped before the database.
    store: Option<TreeStore>,
    name: String,
    database: Database,
    /// The last version saved here.
    saved: Option<u64>,
    /// Operations since then.
    unsaved: u64,
}

impl Work {
    pub(crate) fn begin(dir: &Path, store: &StoreArg) -> Result<Self, CliError> {
        let database = open_to_write(dir)?;
        let name = store.name(&database)?;
        Ok(Self { store: None, name, database, saved: None, unsaved: 0 })
    }

    /// The store.
    fn store(&mut self) -> Result<&mut TreeStore, CliError> {
        match &mut self.store {
            Some(store) => Ok(store),
            none => Ok(none.insert(self.database.store_or_new(&self.name)?)),
        }
    }

    /// Makes one change; when the store refuses it, gives the reason inside.
    pub(crate) fn change(&mut self, change: impl FnOnce(&mut TreeStore) -> treering::Result<()>) -> Result<Result<(), String>, CliError> {
        let changed = change(self.store()?);
        self.unsaved += u64::from(changed.is_ok());
        Ok(changed.map_err(|error| error.to_string()))
    }

    /// Saves a version and prints it at once, so that whoever reads the output knows what is durable.
    pub(crate) fn save(&mut self, progress: &Progress, output: &mut Output) -> Result<(), CliError> {
        let info = self.store()?.save_version()?;
        self.saved = Some(info.version);
        self.unsaved = 0;
        progress.pause(|| output.print(&Saved::from(&info)).and_then(|()| output.flush()))
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

    /// Closes the database. Operations that were not saved are gone.
    pub(crate) fn end(self) -> Result<(), CliError> {
        drop(self.store);
        Ok(self.database.close()?)
    }
}
