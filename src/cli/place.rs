//! Where the database is, and how it is opened.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Args;
use treering::MultiStore;
use treering::config::MultiStoreConfig;

use super::error::CliError;

/// Names the folder of the database where the command line does not.
const DIR_VARIABLE: &str = "TREERING_DIR";

/// The folder of the database, as the only word.
#[derive(Args)]
pub(crate) struct DirArg {
    /// Folder of the database; may be left out when `TREERING_DIR` names it.
    dir: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigArg,
}

/// The folder of the database and a word behind it, such as a key. With one word only, it is that one, and the folder comes from
/// `TREERING_DIR`.
///
/// Two optional words that are told apart here and not by clap, whose rule for a missing first word depends on where the options stand.
#[derive(Args)]
pub(crate) struct DirAndKey {
    /// Folder of the database; may be left out when `TREERING_DIR` names it.
    #[arg(value_name = "DIR")]
    first: Option<OsString>,
    /// The key, as hex or with --utf8 as text.
    #[arg(value_name = "KEY")]
    second: Option<OsString>,
    #[command(flatten)]
    config: ConfigArg,
}

/// The folder of the database and a file, as [`DirAndKey`].
#[derive(Args)]
pub(crate) struct DirAndFile {
    /// Folder of the database; may be left out when `TREERING_DIR` names it.
    #[arg(value_name = "DIR")]
    first: Option<OsString>,
    /// The file to read, `-` for standard input.
    #[arg(value_name = "FILE")]
    second: Option<OsString>,
    #[command(flatten)]
    config: ConfigArg,
}

/// The folder of the database and the name of a store, as [`DirAndKey`].
#[derive(Args)]
pub(crate) struct DirAndName {
    /// Folder of the database; may be left out when `TREERING_DIR` names it.
    #[arg(value_name = "DIR")]
    first: Option<OsString>,
    /// The store.
    #[arg(value_name = "NAME")]
    second: Option<OsString>,
    #[command(flatten)]
    config: ConfigArg,
}

/// The folder of the database and two names of a store, as [`DirAndKey`].
#[derive(Args)]
pub(crate) struct DirAndNames {
    /// Folder of the database; may be left out when `TREERING_DIR` names it.
    #[arg(value_name = "DIR")]
    first: Option<OsString>,
    /// The store.
    #[arg(value_name = "FROM")]
    second: Option<OsString>,
    /// Its new name.
    #[arg(value_name = "TO")]
    third: Option<OsString>,
    #[command(flatten)]
    config: ConfigArg,
}

/// The file that says how to open the database.
#[derive(Args)]
pub(crate) struct ConfigArg {
    /// File with settings of engines, .toml or .json; its `rootPath` is DIR, which may then be left out.
    #[arg(long, value_name = "FILE", display_order = 800)]
    config: Option<PathBuf>,
}

/// A database that is named, with the settings to open it with.
pub(crate) struct Place {
    config: MultiStoreConfig,
    has_file: bool,
}

impl DirArg {
    pub(crate) fn place(&self) -> Result<Place, CliError> {
        self.config.place(self.dir.as_deref())
    }
}

impl DirAndKey {
    pub(crate) fn split(&self) -> Result<(Place, String), CliError> {
        let (dir, word) = split([&self.first, &self.second], "KEY")?;
        let key = word.into_string().map_err(|word| CliError::NotText { what: "the key", word, hint: ": give it as hex" })?;
        Ok((self.config.place(dir.as_deref())?, key))
    }
}

impl DirAndFile {
    pub(crate) fn split(&self) -> Result<(Place, PathBuf), CliError> {
        let (dir, word) = split([&self.first, &self.second], "FILE")?;
        Ok((self.config.place(dir.as_deref())?, PathBuf::from(word)))
    }
}

impl DirAndName {
    pub(crate) fn split(&self) -> Result<(Place, String), CliError> {
        let (dir, word) = split([&self.first, &self.second], "NAME")?;
        Ok((self.config.place(dir.as_deref())?, name(word)?))
    }
}

impl DirAndNames {
    pub(crate) fn split(&self) -> Result<(Place, String, String), CliError> {
        let (dir, from, to) = match (&self.first, &self.second, &self.third) {
            (Some(dir), Some(from), Some(to)) => (Some(PathBuf::from(dir)), from, to),
            (Some(from), Some(to), None) => (None, from, to),
            (None, ..) => return Err(CliError::MissingWord { what: "FROM" }),
            _ => return Err(CliError::MissingWord { what: "TO" }),
        };
        Ok((self.config.place(dir.as_deref())?, name(from.clone())?, name(to.clone())?))
    }
}

fn name(word: OsString) -> Result<String, CliError> {
    word.into_string().map_err(|word| CliError::NotText { what: "the name", word, hint: "" })
}

fn split([first, second]: [&Option<OsString>; 2], what: &'static str) -> Result<(Option<PathBuf>, OsString), CliError> {
    match (first, second) {
        (Some(dir), Some(word)) => Ok((Some(PathBuf::from(dir)), word.clone())),
        (Some(word), None) => Ok((None, word.clone())),
        (None, _) => Err(CliError::MissingWord { what }),
    }
}

impl ConfigArg {
    fn place(&self, dir: Option<&Path>) -> Result<Place, CliError> {
        let Some(file) = &self.config else {
            let dir = dir.map_or_else(dir_of_environment, |dir| Ok(dir.to_owned()))?;
            check_folder(&dir)?;
            return Ok(Place { config: MultiStoreConfig::new(dir), has_file: false });
        };
        let config = MultiStoreConfig::from_file(file).map_err(treering::Error::from)?;
        match dir {
            Some(dir) if !is_same(dir, &config.root_path) => {
                Err(CliError::OtherRoot { file: file.clone(), root: config.root_path, dir: dir.to_owned() })
            }
            _ => Ok(Place { config, has_file: true }),
        }
    }
}

/// Whether two paths name one folder, which need not be there yet.
pub(crate) fn is_same(a: &Path, b: &Path) -> bool {
    let whole = |path: &Path| path.canonicalize().or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.to_owned());
    whole(a) == whole(b)
}

/// A database is a folder: refuses a file in its place. A folder need not be there yet.
pub(crate) fn check_folder(dir: &Path) -> Result<(), CliError> {
    if dir.is_file() { Err(CliError::NotAFolder { path: dir.to_owned() }) } else { Ok(()) }
}

/// The folder that the environment names.
pub(crate) fn dir_of_environment() -> Result<PathBuf, CliError> {
    match std::env::var_os(DIR_VARIABLE) {
        Some(dir) if !dir.is_empty() => Ok(PathBuf::from(dir)),
        _ => Err(CliError::NoDir),
    }
}

impl Place {
    pub(crate) fn dir(&self) -> &Path {
        &self.config.root_path
    }

    /// The settings, and whether a file gave them.
    pub(crate) fn config(&self) -> (&MultiStoreConfig, bool) {
        (&self.config, self.has_file)
    }

    /// Opens it for a command that changes nothing, so that it also works beside a process that writes, where the engine can do that.
    pub(crate) fn open_to_read(&self) -> Result<MultiStore, CliError> {
        Ok(MultiStore::builder(self.config.clone()).read_only().open()?)
    }

    /// Opens it for a command that writes: no other process may have it open for that.
    pub(crate) fn open_to_write(&self) -> Result<MultiStore, CliError> {
        let stores = MultiStore::builder(self.config.clone()).open()?;
        if !self.has_file {
            // Where nobody says otherwise, new stores go to the engine that the database was made with.
            stores.set_default_engine(&stores.home_engine()?)?;
        }
        Ok(stores)
    }
}
