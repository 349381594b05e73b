//! `audit list` and `audit verify`: who did what, and whether that is still what was entered.

use std::fmt;

use clap::Subcommand;
use serde::Serialize;
use treering::proofs::Hash;
use treering::system::audit::{AuditEntry, AuditReport, AuditTrail, Finding, PageRequest, verify};
use treering::{MultiStore, Order};

use super::error::CliError;
use super::notation::{Utc, counted, grouped};
use super::output::{Form, Output};
use super::place::DirArg;
use super::progress::Progress;

/// Entries that are read at a time.
const PAGE: usize = 1000;

/// Lists the audit log of a system, or verifies it.
///
/// Every operation that writes or administers has an entry in it, and every one that was denied. `apply` and the other commands that work
/// on the folder itself have none.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  treering audit list trees --newest --limit 20
  treering audit verify trees")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    List(ListArgs),
    Verify(VerifyArgs),
}

/// Lists the entries, the oldest first.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  treering audit list trees
  treering audit list trees --after 1000 --limit 100 --json")]
struct ListArgs {
    #[command(flatten)]
    dir: DirArg,
    /// The newest first.
    #[arg(long)]
    newest: bool,
    /// Only what follows on the entry of this number, in the order of the list.
    #[arg(long, value_name = "NUMBER")]
    after: Option<u64>,
    /// This many at most.
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

/// Holds the log against itself, and against the records beside the versions of all stores.
///
/// Entries are numbered without a gap, the roots of all versions of the log are those that its entries give, and every record beside a version
/// of all stores names the log as it was. What is wrong is listed with where it is, and the exit code is 1.
#[derive(clap::Args)]
#[command(after_help = "\
The root that it prints says all that the log is. Kept elsewhere, it shows with --root later that nothing was cut off either.

Example:
  treering audit verify trees
  treering audit verify trees \\
    --root b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9")]
struct VerifyArgs {
    #[command(flatten)]
    dir: DirArg,
    /// A root that the log had once, 64 hex digits: it must have it among its versions.
    #[arg(long, value_name = "HEX")]
    root: Option<String>,
}

pub(crate) fn run(args: &Args, output: &mut Output) -> Result<(), CliError> {
    match &args.command {
        Command::List(args) => list(args, output),
        Command::Verify(args) => check(args, output),
    }
}

/// An entry on a line.
#[derive(Serialize)]
struct Line(AuditEntry);

fn list(args: &ListArgs, output: &mut Output) -> Result<(), CliError> {
    let stores = args.dir.place()?.open_to_read()?;
    let Some(trail) = AuditTrail::open(&stores)? else { return Err(CliError::NoAudit { dir: stores.path().to_owned() }) };
    let order = if args.newest { Order::Descending } else { Order::Ascending };
    let mut left = args.limit.unwrap_or(usize::MAX);
    let mut after = args.after;
    while left > 0 {
        let page = trail.page(&PageRequest { order, after, limit: PAGE.min(left) })?;
        left -= page.entries.len();
        page.entries.into_iter().try_for_each(|entry| output.print(&Line(entry)))?;
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    Ok(())
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AuditEntry { number, time, trace_id, principal, operation, stores, result, duration_us, .. } = &self.0;
        let stores = stores.as_ref().map(|stores| format!(" [{}]", stores.join(", "))).unwrap_or_default();
        write!(f, "{number}: {}, {principal}: {operation}{stores} {result}, {duration_us} us, trace {trace_id}", Utc(*time))
    }
}

/// What the whole came to.
#[derive(Serialize)]
struct Summary {
    ok: bool,
    entries: u64,
    versions: u64,
    records: u64,
    root: Option<Hash>,
    wrong: u64,
}

fn check(args: &VerifyArgs, output: &mut Output) -> Result<(), CliError> {
    let expected = args.root.as_deref().map(read_root).transpose()?;
    let stores = args.dir.place()?.open_to_read()?;
    let progress = Progress::of("entries", Some(0));
    let report = verify(&stores, &mut |done, total| {
        progress.set_total(total);
        progress.set(done);
    })?;
    drop(progress);
    let Some(report) = report else { return Err(CliError::NoAudit { dir: stores.path().to_owned() }) };
    let lost = expected.map(|root| without_root(&stores, root)).transpose()?.flatten();
    let wrong = report.wrong() + u64::from(lost.is_some());
    for finding in report.findings.iter().chain(&lost) {
        output.print(&Wrong(finding))?;
    }
    if report.unlisted > 0 && output.form() == Form::Text {
        output.text(&format!("and {} more\n", counted(report.unlisted, "thing")))?;
    }
    let AuditReport { entries, versions, companions, root_hash, .. } = report;
    output.print(&Summary { ok: wrong == 0, entries, versions, records: companions, root: root_hash, wrong })?;
    if wrong > 0 { Err(CliError::Tampered { things: format!("{} found", counted(wrong, "thing")) }) } else { Ok(()) }
}

fn read_root(word: &str) -> Result<Hash, CliError> {
    let wrong = |_| CliError::Root { option: "--root", what: "a root of the audit log", command: "audit verify", word: word.to_owned() };
    word.parse().map_err(wrong)
}

/// What to say when no version of the log has this root.
fn without_root(stores: &MultiStore, root: Hash) -> Result<Option<Finding>, CliError> {
    let versions = AuditTrail::open(stores)?.map(|trail| trail.versions()).transpose()?.unwrap_or_default();
    let is_there = versions.iter().any(|info| info.root_hash == root);
    let finding = || Finding { place: "the audit log".to_owned(), what: format!("no version of it has the root {root}") };
    Ok((!is_there).then(finding))
}

/// Something that is wrong, on a line.
#[derive(Serialize)]
struct Wrong<'a>(&'a Finding);

impl fmt::Display for Wrong<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WRONG: {}", self.0)
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = if self.entries == 1 { "1 entry".to_owned() } else { format!("{} entries", grouped(self.entries)) };
        let versions = counted(self.versions, "version");
        let found = if self.ok { "all is well" } else { "all is not well" };
        let records = counted(self.records, "record");
        write!(f, "{found}: {entries} in {versions} of the log, {records} beside versions of all stores")?;
        self.root.map_or(Ok(()), |root| write!(f, "; root {root}"))
    }
}
