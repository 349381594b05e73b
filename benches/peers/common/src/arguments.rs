//! The command line.

use std::path::PathBuf;
use std::str::FromStr;

const USAGE: &str = "usage: --dir DIR [--n N] [--batch B] [--blocks K] [--load-batch N] [--gets N] [--proofs N] [--cache-mib MIB]";

/// How large the run is, and where.
#[derive(Debug, PartialEq, Eq)]
pub struct Arguments {
    /// Keys to load.
    pub n: u64,
    /// Operations in a block.
    pub batch: u64,
    /// Blocks after loading.
    pub blocks: u64,
    /// Keys in a version while loading.
    pub load_batch: u64,
    /// Keys to get.
    pub gets: u64,
    /// Keys to prove.
    pub proofs: u64,
    /// Memory for the store's caches, in MiB; as the store has it when not given.
    pub cache_mib: Option<usize>,
    /// A new folder for the store; it stays.
    pub dir: PathBuf,
}

impl Arguments {
    /// Reads the words behind the program's name. Whatever is not understood is an error.
    pub fn parse(mut words: impl Iterator<Item = String>, has_cache: bool) -> Result<Self, String> {
        let dir = PathBuf::new();
        let mut parsed =
            Self { n: 1_000_000, batch: 10_000, blocks: 20, load_batch: 10_000, gets: 200_000, proofs: 20_000, cache_mib: None, dir };
        while let Some(name) = words.next() {
            let Some(text) = words.next() else { return Err(format!("{name} has no value; {USAGE}")) };
            match name.as_str() {
                "--n" => parsed.n = number(&name, &text)?,
                "--batch" => parsed.batch = number(&name, &text)?,
                "--blocks" => parsed.blocks = number(&name, &text)?,
                "--load-batch" => parsed.load_batch = number(&name, &text)?,
                "--gets" => parsed.gets = number(&name, &text)?,
                "--proofs" => parsed.proofs = number(&name, &text)?,
                "--cache-mib" if has_cache => parsed.cache_mib = Some(number(&name, &text)?),
                "--cache-mib" => return Err("this store has no cache that --cache-mib could bound".to_owned()),
                "--dir" => parsed.dir = text.into(),
                _ => return Err(format!("{name} is not known; {USAGE}")),
            }
        }
        let sizes = [parsed.n, parsed.batch, parsed.blocks, parsed.load_batch, parsed.gets, parsed.proofs];
        if sizes.contains(&0) || parsed.dir.as_os_str().is_empty() {
            return Err(format!("a folder is needed, and every number must be at least 1; {USAGE}"));
        }
        Ok(parsed)
    }
}

fn number<T: FromStr>(name: &str, text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{name} takes a number, not {text:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str, has_cache: bool) -> Result<Arguments, String> {
        Arguments::parse(line.split_whitespace().map(str::to_owned), has_cache)
    }

    #[test]
    fn what_is_not_given_has_the_size_of_the_compared_run() {
        let parsed = parse("--dir there --batch 5", false).unwrap();
        assert_eq!((parsed.n, parsed.batch, parsed.blocks, parsed.cache_mib), (1_000_000, 5, 20, None));
        assert_eq!(parse("--dir there --cache-mib 256", true).unwrap().cache_mib, Some(256));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for line in ["", "--dir", "--dir x --n", "--dir x --n many", "--dir x --n 0", "--dir x --cache-mib 1", "--dir x --keys 5"] {
            assert!(parse(line, false).is_err(), "{line:?}");
        }
    }
}
