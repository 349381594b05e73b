//! Where a target puts its files.

use std::path::PathBuf;

/// The folder of a target; `fuzz/run` says where temporary files lie, and removes them.
pub(crate) fn scratch(target: &str) -> PathBuf {
    std::env::temp_dir().join("treering-fuzz").join(target)
}
