//! `scan`: keys and values of a range, in order.

use std::fmt;
use std::ops::Bound;

use serde::Serialize;
use treering::Order;

use super::args::VersionArg;
use super::error::CliError;
use super::notation::NotationArg;
use super::output::Output;
use super::place::DirArg;

/// Prints keys and values in key order.
///
/// Without --json each line is key, tab, value.
#[derive(clap::Args)]
#[command(after_help = "\
--prefix together with --from or --to gives what lies in both; so a script can go through a prefix page by page.

Example:
  treering scan trees --utf8 --prefix oak/ --limit 10
  treering scan trees --from 6f --to 70 --reverse --version 3")]
pub(crate) struct Args {
    #[command(flatten)]
    dir: DirArg,
    #[command(flatten)]
    at: VersionArg,
    /// The first key that may be printed.
    #[arg(long, value_name = "KEY")]
    from: Option<String>,
    /// The key before which the scan ends.
    #[arg(long, value_name = "KEY")]
    to: Option<String>,
    /// Only keys that start with these bytes.
    #[arg(long, value_name = "BYTES")]
    prefix: Option<String>,
    /// From the largest key down.
    #[arg(long)]
    reverse: bool,
    /// How many keys at most.
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    #[command(flatten)]
    notation: NotationArg,
}

#[derive(Serialize)]
struct Entry {
    key: String,
    value: String,
}

pub(crate) fn run(args: &Args, output: &mut Output) -> Result<(), CliError> {
    let (keys, values) = (args.notation.keys(), args.notation.values());
    let read = |what, word: &Option<String>| word.as_deref().map(|word| keys.read_word(what, word)).transpose();
    let (start, end) = bounds(read("--from", &args.from)?, read("--to", &args.to)?, read("--prefix", &args.prefix)?);
    let order = if args.reverse { Order::Descending } else { Order::Ascending };

    let stores = args.dir.place()?.open_to_read()?;
    let snapshot = args.at.snapshot(&stores)?;
    for entry in snapshot.scan(start, end, order).take(args.limit.unwrap_or(usize::MAX)) {
        let (key, value) = entry?;
        output.print(&Entry { key: keys.write("the key", &key)?, value: values.write("the value", &value)? })?;
    }
    Ok(())
}

type Bounds = (Bound<Vec<u8>>, Bound<Vec<u8>>);

/// The range of the keys from `from` to before `to` that start with `prefix`.
fn bounds(from: Option<Vec<u8>>, to: Option<Vec<u8>>, prefix: Option<Vec<u8>>) -> Bounds {
    let behind = prefix.as_deref().and_then(first_behind);
    let start = from.into_iter().chain(prefix).max();
    let end = to.into_iter().chain(behind).min();
    (start.map_or(Bound::Unbounded, Bound::Included), end.map_or(Bound::Unbounded, Bound::Excluded))
}

/// The first key behind all that start with `prefix`; none when no key can be behind them.
fn first_behind(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut key = prefix.to_vec();
    while let Some(last) = key.pop() {
        if let Some(next) = last.checked_add(1) {
            key.push(next);
            return Some(key);
        }
    }
    None
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\t{}", self.key, self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(from: Option<&str>, to: Option<&str>, prefix: Option<&[u8]>) -> Bounds {
        let bytes = |text: Option<&str>| text.map(|text| text.as_bytes().to_vec());
        bounds(bytes(from), bytes(to), prefix.map(<[u8]>::to_vec))
    }

    #[test]
    fn a_prefix_ends_before_its_successor() {
        assert_eq!(of(None, None, Some(b"oak")), (Bound::Included(b"oak".to_vec()), Bound::Excluded(b"oal".to_vec())));
        assert_eq!(of(None, None, Some(b"o\xff\xff")), (Bound::Included(b"o\xff\xff".to_vec()), Bound::Excluded(b"p".to_vec())));
        assert_eq!(of(None, None, Some(b"\xff")), (Bound::Included(b"\xff".to_vec()), Bound::Unbounded));
        assert_eq!(of(None, None, Some(b"")), (Bound::Included(vec![]), Bound::Unbounded));
    }

    #[test]
    fn a_prefix_and_ends_give_what_lies_in_both() {
        assert_eq!(of(Some("oak/5"), None, Some(b"oak/")), (Bound::Included(b"oak/5".to_vec()), Bound::Excluded(b"oak0".to_vec())));
        assert_eq!(of(Some("a"), Some("oak/2"), Some(b"oak/")), (Bound::Included(b"oak/".to_vec()), Bound::Excluded(b"oak/2".to_vec())));
        assert_eq!(of(None, None, None), (Bound::Unbounded, Bound::Unbounded));
    }
}
