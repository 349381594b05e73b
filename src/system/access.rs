//! What an operation needs to be allowed.

use super::failure::OperationError;
use super::principal::{Principal, Role};

/// The stores that a call concerns.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Stores {
    /// All of them, or what they have in common.
    All,
    /// These, each of which the role is needed for. If none is named, it is needed for some store: nothing is free for all.
    Named(Vec<String>),
    /// Those of them that the principal has the role for, of which there must be one: the operation leaves out the others.
    Granted,
}

/// What a call needs: a role, for some stores.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Access {
    /// The role.
    pub role: Role,
    /// For which stores.
    pub stores: Stores,
}

impl Access {
    /// A role for everything.
    #[must_use]
    pub fn all(role: Role) -> Self {
        Self { role, stores: Stores::All }
    }

    /// A role for one store.
    #[must_use]
    pub fn store(role: Role, store: impl Into<String>) -> Self {
        Self { role, stores: Stores::Named(vec![store.into()]) }
    }

    /// A role for some stores; which may be named more than once.
    pub fn stores<S: Into<String>>(role: Role, stores: impl IntoIterator<Item = S>) -> Self {
        let mut stores: Vec<String> = stores.into_iter().map(Into::into).collect();
        stores.sort_unstable();
        stores.dedup();
        Self { role, stores: Stores::Named(stores) }
    }

    /// A role for at least one store.
    #[must_use]
    pub fn granted(role: Role) -> Self {
        Self { role, stores: Stores::Granted }
    }

    /// Whether a principal has it. O(stores named).
    #[must_use]
    pub fn is_granted_to(&self, principal: &Principal) -> bool {
        self.missing_of(principal).is_none()
    }

    /// Lets pass who has it.
    ///
    /// # Errors
    /// `denied`, which names the principal and what is missing.
    pub fn check(&self, principal: &Principal) -> Result<(), OperationError> {
        self.missing_of(principal).map_or(Ok(()), |place| Err(OperationError::denied(&principal.name, self.role, &place)))
    }

    /// Where the role is missing, in words.
    fn missing_of(&self, principal: &Principal) -> Option<String> {
        let grants = &principal.grants;
        match &self.stores {
            Stores::All => (!grants.allows(self.role, None)).then(|| "all stores".to_owned()),
            Stores::Named(names) if names.is_empty() => Self::granted(self.role).missing_of(principal),
            Stores::Granted => (!grants.allows_somewhere(self.role)).then(|| "any store".to_owned()),
            Stores::Named(names) => {
                names.iter().find(|name| !grants.allows(self.role, Some(name))).map(|missing| format!("store {missing:?}"))
            }
        }
    }
}
