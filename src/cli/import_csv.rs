//! `import-csv`: sets one key for every row of a CSV file.

use std::io::BufRead;

use csv::{ByteRecord, Reader};

use super::args::StoreArg;
use super::error::CliError;
use super::input::Input;
use super::notation::Notation;
use super::output::Output;
use super::place::DirAndFile;
use super::progress::Progress;
use super::work::Work;

/// Sets one key for every row of a CSV file with a header, and saves versions.
///
/// Columns are named by their header or by their number from 1. Values, and keys unless --hex-keys is given, are kept as the text
/// that the file has. The store is made when it is new. A bad row stops with its line and the reason; what was saved before stays.
#[derive(clap::Args)]
#[command(
    override_usage = "treering import-csv [OPTIONS] [DIR] <FILE>",
    after_help = "\
Example:
  treering import-csv trees ethereum-genesis.csv \\
    --store accounts --hex-keys --batch 1000
  treering import-csv trees people.csv \\
    --store people --key-column id --value-column name"
)]
pub(crate) struct Args {
    #[command(flatten)]
    place: DirAndFile,
    #[command(flatten)]
    store: StoreArg,
    /// The column with the keys.
    #[arg(long, value_name = "COLUMN", default_value = "1")]
    key_column: String,
    /// The column with the values.
    #[arg(long, value_name = "COLUMN", default_value = "2")]
    value_column: String,
    /// The keys in the file are hex, with or without 0x.
    #[arg(long)]
    hex_keys: bool,
    /// Rows that make one version.
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    batch: u64,
}

/// Which fields of a row are key and value.
struct Columns {
    key: usize,
    value: usize,
}

pub(crate) fn run(args: &Args, output: &mut Output) -> Result<(), CliError> {
    let (place, file) = args.place.split()?;
    let input = Input::open(&file)?;
    let mut work = Work::begin_one(&place, &args.store)?;
    import(args, input, &mut work, output)?;
    work.end()
}

fn import(args: &Args, input: Input, work: &mut Work, output: &mut Output) -> Result<(), CliError> {
    let notation = if args.hex_keys { Notation::Hex } else { Notation::Text };
    let (name, len) = (input.name().to_owned(), input.len());
    let progress = Progress::of_bytes(len);
    let mut rows = csv::ReaderBuilder::new().from_reader(input.into_reader());
    let columns = Columns::find(args, &name, &mut rows)?;
    let mut row = ByteRecord::new();
    while rows.read_byte_record(&mut row).map_err(|error| bad_row(error, &name, work))? {
        let line = row.position().map_or(0, csv::Position::line);
        progress.set(rows.position().byte());
        let done = match columns.entry(&row, notation) {
            Ok((key, value)) => work.change(None, (key, Some(value.to_vec())))?,
            Err(reason) => Err(reason),
        };
        done.map_err(|reason| work.bad_line(&name, line, reason))?;
        if work.unsaved() == args.batch {
            work.save(&progress, output)?;
        }
    }
    // A file without rows makes a version too: the empty store that it describes.
    if work.unsaved() > 0 || !work.has_saved() {
        work.save(&progress, output)?;
    }
    Ok(())
}

fn bad_row(error: csv::Error, name: &str, work: &Work) -> CliError {
    let line = error.position().map_or(0, csv::Position::line);
    match error.into_kind() {
        csv::ErrorKind::Io(source) => CliError::Read { path: name.to_owned(), source },
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            work.bad_line(name, line, format!("the row has {len} fields, the header has {expected_len}"))
        }
        other => work.bad_line(name, line, format!("{other:?}")),
    }
}

impl Columns {
    fn find(args: &Args, name: &str, rows: &mut Reader<Box<dyn BufRead>>) -> Result<Self, CliError> {
        let header = match rows.byte_headers() {
            Ok(header) => header,
            Err(error) => return Err(CliError::Header { file: name.to_owned(), reason: error.to_string() }),
        };
        if header.is_empty() {
            return Err(CliError::Header { file: name.to_owned(), reason: "it is empty".to_owned() });
        }
        let titles: Vec<_> = header.iter().map(String::from_utf8_lossy).collect();
        let find = |column: &str| {
            let numbered = || column.parse::<usize>().ok()?.checked_sub(1).filter(|index| *index < titles.len());
            titles.iter().position(|title| title == column).or_else(numbered).ok_or_else(|| CliError::Column {
                file: name.to_owned(),
                column: column.to_owned(),
                columns: titles.join(", "),
            })
        };
        Ok(Self { key: find(&args.key_column)?, value: find(&args.value_column)? })
    }

    /// Key and value of a row, or why it has none.
    fn entry<'r>(&self, row: &'r ByteRecord, notation: Notation) -> Result<(Vec<u8>, &'r [u8]), String> {
        let field = |index: usize| row.get(index).ok_or_else(|| format!("there is no column {}", index + 1));
        let key = match notation {
            Notation::Text => field(self.key)?.to_vec(),
            Notation::Hex => {
                let digits = String::from_utf8_lossy(field(self.key)?);
                notation.read(digits.trim()).map_err(|error| format!("the key is wrong: {error}"))?
            }
        };
        Ok((key, field(self.value)?))
    }
}
