//! `events`: what was saved, from the disk, and what another process saves from now on.

use std::collections::BTreeSet;
use std::fmt;
use std::thread;
use std::time::Duration;

use serde::Serialize;
use treering::event::{Event, MultistoreVersionSaved, Pattern, VersionSaved};
use treering::{Error, HistoryEntry, HistoryMark, MultiStore, Versioned};

use super::error::CliError;
use super::notation::{NotationArg, Utc, counted};
use super::output::{Form, Output};
use super::place::{DirArg, Place};

/// Prints what was saved, in the order in which it was saved.
///
/// There is an event for every kept version of every store, and one for every version of all stores together, behind those of its
/// stores. With --json they have the form that subscribers in the process get, and the number of their commit.
#[derive(clap::Args)]
#[command(after_help = "\
Topics are store.version.saved and multistore.version.saved. In a pattern * stands for one word, ** at the end for any.
With --operations each version of a store comes behind its operations, in lines as `treering apply` takes them.
To go on later, give the commit of the last event you have: its events come again, earlier ones do not. With several engines, commits are \
those of the home engine.
--follow needs engines that can be read beside a writer; `treering engines` tells which. It does not see what is pruned or rolled back \
before it looks.

Example:
  treering events chain
  treering events chain --follow --json --topics 'multistore.**'
  treering events chain --operations --store bank --from 17")]
pub(crate) struct Args {
    #[command(flatten)]
    dir: DirArg,
    /// Goes on with what another process saves, until it is stopped or nobody reads its output any more.
    #[arg(long)]
    follow: bool,
    /// How often --follow looks, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..))]
    interval: u64,
    /// Only versions of this store.
    #[arg(long, value_name = "NAME")]
    store: Option<String>,
    /// Only topics that this pattern matches.
    #[arg(long, value_name = "PATTERN")]
    topics: Option<Pattern>,
    /// Only from this commit on.
    #[arg(long, value_name = "COMMIT", default_value_t = 0)]
    from: u64,
    /// Also the operations that made each version of a store.
    #[arg(long)]
    operations: bool,
    #[command(flatten)]
    notation: NotationArg,
}

/// How often in a row --follow may fail to open the database, which happens when the writer is just changing files.
const MAX_FAILURES: u32 = 20;

#[derive(Serialize)]
struct Line<'a> {
    commit: u64,
    #[serde(flatten)]
    event: &'a Event,
}

/// As `apply` takes it.
#[derive(Serialize)]
struct OperationLine<'a> {
    op: &'static str,
    store: &'a str,
    key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
}

pub(crate) fn run(args: &Args, output: &mut Output) -> Result<(), CliError> {
    let place = args.dir.place()?;
    let stores = place.open_to_read()?;
    if let Some(name) = &args.store {
        stores.get_store(name)?;
    }
    if args.follow {
        check_can_follow(&stores)?;
    }
    let mark = args.print_new(&stores, &HistoryMark::default(), output)?;
    drop(stores);
    if args.follow { args.follow(&place, mark, output) } else { Ok(()) }
}

fn check_can_follow(stores: &MultiStore) -> Result<(), CliError> {
    let mut engines: BTreeSet<String> = stores.list_stores().into_iter().map(|store| store.engine).collect();
    engines.insert(stores.home_engine()?);
    for name in engines {
        let engine = stores.engine(&name)?;
        if engine.capabilities().persistence && !engine.can_be_read_beside_writer() {
            return Err(CliError::CannotFollow { engine: name });
        }
    }
    Ok(())
}

impl Args {
    /// Prints what is new, until nobody reads it any more.
    fn follow(&self, place: &Place, mut mark: HistoryMark, output: &mut Output) -> Result<(), CliError> {
        loop {
            output.flush()?;
            if output.is_unread() {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(self.interval));
            mark = self.print_new(&self.reopen(place)?, &mark, output)?;
        }
    }

    /// Opens the database as it is by now.
    fn reopen(&self, place: &Place) -> Result<MultiStore, CliError> {
        let mut failures = 0;
        loop {
            match place.open_to_read() {
                // The writer was between two steps.
                Err(CliError::Database(Error::Engine(_) | Error::NeedsCleaning { .. })) if failures < MAX_FAILURES => {
                    failures += 1;
                    thread::sleep(Duration::from_millis(self.interval));
                }
                opened => return opened,
            }
        }
    }

    /// Prints what was saved since the mark.
    fn print_new(&self, stores: &MultiStore, mark: &HistoryMark, output: &mut Output) -> Result<HistoryMark, CliError> {
        let (entries, mark) = stores.history(mark)?;
        for entry in entries.iter().filter(|entry| self.is_wanted(entry)) {
            if let (Event::VersionSaved(saved), true) = (&entry.event, self.operations) {
                self.print_operations(stores, saved, output)?;
            }
            output.print(&Line { commit: entry.commit, event: &entry.event })?;
        }
        Ok(mark)
    }

    fn is_wanted(&self, HistoryEntry { commit, event }: &HistoryEntry) -> bool {
        let is_of_store = |name: &String| matches!(event, Event::VersionSaved(saved) if saved.store == *name);
        *commit >= self.from
            && self.store.as_ref().is_none_or(is_of_store)
            && self.topics.as_ref().is_none_or(|pattern| pattern.matches(event.topic().as_str()))
    }

    fn print_operations(&self, stores: &MultiStore, saved: &VersionSaved, output: &mut Output) -> Result<(), CliError> {
        let snapshot = stores.get_store(&saved.store)?.snapshot(Some(saved.version))?;
        let mut printed = Ok(());
        snapshot.changes(&mut |key, value| {
            if printed.is_ok() {
                printed = self.print_operation(&saved.store, key, value, output);
            }
        })?;
        printed
    }

    fn print_operation(&self, store: &str, key: &[u8], value: Option<&[u8]>, output: &mut Output) -> Result<(), CliError> {
        let key = self.notation.keys().write("the key", key)?;
        let value = value.map(|value| self.notation.values().write("the value", value)).transpose()?;
        let op = if value.is_some() { "set" } else { "delete" };
        match output.form() {
            Form::Json => output.json(&OperationLine { op, store, key, value }),
            Form::Text => {
                let value = value.map(|value| format!("\t{value}")).unwrap_or_default();
                output.text(&format!("  {op}\t{key}{value}\n"))
            }
        }
    }
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "commit {}  ", self.commit)?;
        match self.event {
            Event::VersionSaved(VersionSaved { store, version, root_hash, size, height, time }) => {
                let size = counted(*size, "key");
                write!(f, "store {store}  version {version}  root {root_hash}  {size}, height {height}, {}", Utc(*time))
            }
            Event::MultistoreVersionSaved(MultistoreVersionSaved { version, app_hash, time, .. }) => {
                write!(f, "all stores  version {version}  app hash {app_hash}, {}", Utc(*time))
            }
            other => write!(f, "{}", other.topic()),
        }
    }
}
