//! A saved version, as commands print it.

use std::fmt;

use serde::Serialize;
use treering::VersionInfo;
use treering::proofs::Hash;

use super::notation::counted;

/// Number, root hash, number of keys and height of a saved version.
#[derive(Serialize)]
pub(crate) struct Saved {
    version: u64,
    root: Hash,
    size: u64,
    height: u8,
}

impl From<&VersionInfo> for Saved {
    fn from(info: &VersionInfo) -> Self {
        Self { version: info.version, root: info.root_hash, size: info.size, height: info.height }
    }
}

impl fmt::Display for Saved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, root, size, height } = self;
        write!(f, "version {version}  root {root}  {}, height {height}", counted(*size, "key"))
    }
}
