//! Why nothing may be written any more.

use std::sync::OnceLock;

use crate::error::{Error, Result};

/// Set by the first failure, whoever meets it: a commit, or the flusher in the background.
#[derive(Default)]
pub(crate) struct Poison(OnceLock<String>);

impl Poison {
    /// Lets nothing be written any more: it is not known how things stand.
    pub(crate) fn set(&self, cause: &str) {
        let _ = self.0.set(cause.to_owned()); // The first cause stays.
    }

    /// Whether something failed.
    pub(crate) fn is_set(&self) -> bool {
        self.0.get().is_some()
    }

    /// Fails when something failed before.
    pub(crate) fn check(&self) -> Result<()> {
        match self.0.get() {
            Some(cause) => Err(Error::Poisoned { cause: cause.clone() }),
            None => Ok(()),
        }
    }
}
