//! The few operations on files that writing needs, and a place where a crash can be simulated between any two of them.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// Does what it is told, for so many steps.
pub(super) struct Disk {
    /// Steps that are still done; all later ones fail, as if the machine had stopped there.
    steps_left: AtomicU64,
}

impl Default for Disk {
    fn default() -> Self {
        Self { steps_left: AtomicU64::new(u64::MAX) }
    }
}

impl Disk {
    /// One that stops after `steps`.
    #[cfg(test)]
    pub(super) fn stop_after(&self, steps: u64) {
        self.steps_left.store(steps, Ordering::SeqCst);
    }

    fn step(&self) -> io::Result<()> {
        let left = self.steps_left.load(Ordering::SeqCst);
        if left == 0 {
            return Err(io::Error::other("the disk has stopped"));
        }
        self.steps_left.store(left - 1, Ordering::SeqCst);
        Ok(())
    }

    /// Makes an empty folder, in place of one with this name.
    pub(super) fn make_folder(&self, path: &Path) -> io::Result<()> {
        if path.exists() {
            self.remove_folder(path)?;
        }
        self.step()?;
        fs::create_dir(path)
    }

    /// Makes a file with these contents; when it stops here, with half of them.
    pub(super) fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = File::create(path)?;
        let (first, second) = bytes.split_at(bytes.len() / 2);
        file.write_all(first)?;
        self.step()?;
        file.write_all(second)
    }

    /// Gets a file or the names in a folder onto the disk (fsync).
    pub(super) fn sync(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        File::open(path)?.sync_all()
    }

    /// Gives a file or folder another name.
    pub(super) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step()?;
        fs::rename(from, to)
    }

    /// Removes a folder and the files in it.
    pub(super) fn remove_folder(&self, path: &Path) -> io::Result<()> {
        for entry in fs::read_dir(path)? {
            self.step()?;
            fs::remove_file(entry?.path())?;
        }
        self.step()?;
        fs::remove_dir(path)
    }
}
