//! Where a target puts its files: in memory if the system has such a folder, since no disk is needed.

use std::path::{Path, PathBuf};

/// The folder of a target, the same in every run.
pub(crate) fn scratch(target: &str) -> PathBuf {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { memory } else { Path::new("target") };
    folder.join("treering-fuzz").join(target)
}
