//! The command line.

use std::path::PathBuf;
use std::str::FromStr;

use crate::stores::STORES;

/// Blocks of the run to which a sustained one is compared.
pub(crate) const SHORT_BLOCKS: u64 = 20;

/// What is asked of the stores; each has its own section in the results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// A million keys, 20 blocks.
    Standard,
    /// Ten million keys in 256 MiB.
    Budget,
    /// Many blocks, beside few.
    Sustained,
    /// So small that a gate can run it; its figures say nothing.
    Quick,
}

impl Mode {
    /// Its name in the results.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Budget => "budget",
            Self::Sustained => "sustained",
            Self::Quick => "quick",
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Arguments {
    pub(crate) mode: Mode,
    pub(crate) rounds: u64,
    pub(crate) n: u64,
    pub(crate) batch: u64,
    pub(crate) blocks: u64,
    pub(crate) gets: u64,
    pub(crate) proofs: u64,
    pub(crate) cache_mib: Option<u64>,
    /// Empty for all.
    pub(crate) only: Vec<String>,
    pub(crate) dir: Option<PathBuf>,
    pub(crate) record: bool,
}

pub(crate) fn help() -> String {
    let stores: Vec<_> = STORES.iter().map(|store| store.id).collect();
    format!(
        "\
benches/peers/run [ROUNDS] [OPTIONS]   (one round unless said)

  --quick           20,000 keys, a few small blocks: does everything work?
  --budget          10 million keys in 256 MiB; treering and nomt unless --only says otherwise
  --sustained       500 blocks, and a run of {SHORT_BLOCKS} beside it
  --n N --batch B --blocks K --gets N --proofs N
                    other sizes (1000000, 10000, 20, 200000, 20000)
  --cache-mib MIB   memory for caches; stores without a bound are skipped
  --only A,B        of {}
  --dir DIR         where databases are made, on the disk to be measured (the folder for temporary files)
  --record          writes the table into benches/RESULTS.md",
        stores.join(", ")
    )
}

impl Arguments {
    /// Nothing when help is asked for. Whatever is not understood is an error.
    pub(crate) fn parse(words: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let words: Vec<String> = words.collect();
        let mut parsed = Self::of_mode(mode(&words)?);
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--help" | "-h" => return Ok(None),
                "--quick" | "--budget" | "--sustained" => {}
                "--record" => parsed.record = true,
                name if name.starts_with("--") => parsed.take(name, &words.next().ok_or_else(|| format!("{name} has no value"))?)?,
                rounds => parsed.rounds = number("ROUNDS", rounds)?,
            }
        }
        parsed.checked().map(Some)
    }

    fn of_mode(mode: Mode) -> Self {
        let (n, batch, blocks, gets, proofs) = match mode {
            Mode::Standard => (1_000_000, 10_000, 20, 200_000, 20_000),
            Mode::Budget => (10_000_000, 10_000, 20, 200_000, 20_000),
            Mode::Sustained => (1_000_000, 10_000, 500, 200_000, 20_000),
            Mode::Quick => (20_000, 1_000, 5, 2_000, 200),
        };
        let cache_mib = (mode == Mode::Budget).then_some(256);
        let only =
            if mode == Mode::Budget { vec!["treering".to_owned(), "treering-100".to_owned(), "nomt".to_owned()] } else { Vec::new() };
        Self { mode, rounds: 1, n, batch, blocks, gets, proofs, cache_mib, only, dir: None, record: false }
    }

    fn take(&mut self, name: &str, text: &str) -> Result<(), String> {
        match name {
            "--n" => self.n = number(name, text)?,
            "--batch" => self.batch = number(name, text)?,
            "--blocks" => self.blocks = number(name, text)?,
            "--gets" => self.gets = number(name, text)?,
            "--proofs" => self.proofs = number(name, text)?,
            "--cache-mib" => self.cache_mib = Some(number(name, text)?),
            "--dir" => self.dir = Some(text.into()),
            "--only" => self.only = text.split(',').map(str::to_owned).collect(),
            _ => return Err(format!("{name} is not known\n\n{}", help())),
        }
        Ok(())
    }

    fn checked(self) -> Result<Self, String> {
        if let Some(unknown) = self.only.iter().find(|id| STORES.iter().all(|store| store.id != **id)) {
            return Err(format!("there is no store {unknown:?}\n\n{}", help()));
        }
        if [self.rounds, self.n, self.batch, self.blocks, self.gets, self.proofs].contains(&0) {
            return Err("every number must be at least 1".to_owned());
        }
        if self.mode == Mode::Quick && self.record {
            return Err("figures of a quick run say nothing, and are not recorded".to_owned());
        }
        Ok(self)
    }

    pub(crate) fn chosen(&self, id: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|chosen| chosen == id)
    }
}

fn mode(words: &[String]) -> Result<Mode, String> {
    let modes: Vec<Mode> = words.iter().filter_map(|word| mode_of(word)).collect();
    match modes.as_slice() {
        [] => Ok(Mode::Standard),
        [mode] => Ok(*mode),
        _ => Err("--quick, --budget and --sustained exclude each other".to_owned()),
    }
}

fn mode_of(word: &str) -> Option<Mode> {
    match word {
        "--quick" => Some(Mode::Quick),
        "--budget" => Some(Mode::Budget),
        "--sustained" => Some(Mode::Sustained),
        _ => None,
    }
}

fn number<T: FromStr>(name: &str, text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{name} takes a number, not {text:?}\n\n{}", help()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Option<Arguments>, String> {
        Arguments::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn a_mode_sets_sizes_and_options_change_them_wherever_they_stand() {
        let parsed = parse("3 --n 50000 --sustained --only nomt,iavl").unwrap().unwrap();
        assert_eq!((parsed.mode, parsed.rounds, parsed.n, parsed.blocks), (Mode::Sustained, 3, 50_000, 500));
        assert!(parsed.chosen("nomt") && !parsed.chosen("treering"));
        assert_eq!(parse("--budget").unwrap().unwrap().cache_mib, Some(256));
        assert_eq!(parse("--quick --help"), Ok(None));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for line in ["--m 5", "--n", "--n x", "x", "0", "--only nonsense", "--quick --record", "--quick --budget"] {
            assert!(parse(line).is_err(), "{line:?}");
        }
    }
}
