//! `bench`: the workload of [`crate::workload`] on a new database, timed, and every answer checked.

mod beside;
mod measure;
mod results;

use std::ops::Bound;
use std::path::{Path, PathBuf};

use treering::proofs::{ExistenceProof, Hash, HashFunction, Proof};
use treering::{CreateOptions, Database, OpenOptions, Order, Snapshot, TreeStore};

use super::args::temporary_folder;
use super::error::CliError;
use super::output::{Form, Output, note};
use super::progress::Progress;
use crate::workload::{Config, MOST_KEYS, Operation, Workload};
use measure::{Phase, disk_bytes, load_average, peak_memory_mib};
use results::{Blocks, MemoryOfBlocks, Reads, RecordsRead, Results};

/// Measures this machine with the workload that other stores were measured with, and checks every answer.
///
/// Loads keys of 32 bytes with values of 100 bytes, then runs blocks of operations (80 % update, 15 % insert, 5 % delete), each a
/// durable version; then gets, proofs and their verification, one ordered scan, close and open. Making keys and values is not timed.
/// A wrong answer is an error.
#[derive(clap::Args)]
#[command(after_help = "\
The results are one line of JSON on standard output; its fields mean what they mean in the programs that measure the peers.
Without --json they are also shown as text, on standard error.

Example:
  treering bench --keys 1000000 --batch 10000 --blocks 20 \\
    --dir bench-trees --json
  treering bench --keys 20000 --blocks 5")]
pub(crate) struct Args {
    /// Keys to load. These and those inserted later are 4,294,967,295 at most.
    #[arg(long, alias = "n", value_name = "N", default_value_t = 1_000_000, value_parser = at_least_one())]
    keys: u64,
    /// Operations in a block.
    #[arg(long, value_name = "B", default_value_t = 10_000, value_parser = at_least_one())]
    batch: u64,
    /// Blocks after loading.
    #[arg(long, value_name = "K", default_value_t = 20)]
    blocks: u64,
    /// Keys in a version while loading.
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = at_least_one())]
    load_batch: u64,
    /// Keys to get.
    #[arg(long, value_name = "N", default_value_t = 200_000)]
    gets: u64,
    /// Keys to prove.
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    proofs: u64,
    /// A new folder for the database, on the disk to be measured; it stays. Without it, one in the folder for temporary files.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Does not wait for the disk at each save.
    #[arg(long)]
    no_sync: bool,
    /// Of how many versions one has its nodes stored; those in between are computed from the log when they are read.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = at_least_one())]
    checkpoint_interval: u64,
    /// Threads that hash.
    #[arg(long, value_name = "N", default_value_t = OpenOptions::default().hash_threads as u64, value_parser = at_least_one())]
    hash_threads: u64,
    /// Measures also what goes on at once: several readers, readers beside commits, pruning beside commits.
    #[arg(long)]
    beside: bool,
    /// Memory for nodes and for the storage engine's cache, in MiB.
    #[arg(long, value_name = "MIB", default_value_t = OpenOptions::default().cache_size >> 20)]
    cache_size: u64,
}

fn at_least_one() -> clap::builder::RangedU64ValueParser {
    clap::value_parser!(u64).range(1..)
}

/// Blocks that are made before they are applied.
const BLOCKS_AHEAD: u64 = 20;
const STORE: &str = "bench";
const FUNCTION: HashFunction = HashFunction::Sha256;

pub(crate) fn run(args: &Args, output: &mut Output) -> Result<(), CliError> {
    let temporary;
    let dir = if let Some(dir) = &args.dir {
        dir.clone()
    } else {
        temporary = temporary_folder("treering-bench-")?;
        temporary.path().join("database")
    };
    let results = Bench::start(args, &dir)?.run()?;
    if output.form() == Form::Text {
        note(&results.to_string());
    }
    output.json(&results)
}

/// A run in progress.
struct Bench<'a> {
    args: &'a Args,
    dir: &'a Path,
    options: OpenOptions,
    database: Database,
    store: TreeStore,
    workload: Workload,
    /// Bytes that operations made ahead took at most.
    ahead_bytes: usize,
    root: Hash,
}

impl<'a> Bench<'a> {
    fn start(args: &'a Args, dir: &'a Path) -> Result<Self, CliError> {
        if args.keys.saturating_add(args.blocks.saturating_mul(args.batch)) > MOST_KEYS {
            return Err(CliError::Options(format!(
                "--keys and --blocks times --batch are more than {MOST_KEYS} together: no run has more keys"
            )));
        }
        let cache_size = args.cache_size.saturating_mul(1 << 20);
        let hash_threads = usize::try_from(args.hash_threads).unwrap_or(usize::MAX);
        let checkpoint_interval = args.checkpoint_interval;
        let options = OpenOptions { sync_writes: !args.no_sync, cache_size, checkpoint_interval, hash_threads, ..OpenOptions::default() };
        let create = CreateOptions { hash_function: FUNCTION, ..CreateOptions::default() };
        let database = Database::create(dir, &create, &options)?;
        database.create_store(STORE)?;
        let store = database.store(STORE)?;
        let config = Config { keys: args.keys, load_block: args.load_batch, batch: args.batch, ..Config::default() };
        Ok(Self { args, dir, options, database, store, workload: Workload::new(config), ahead_bytes: 0, root: FUNCTION.empty_root() })
    }

    fn run(mut self) -> Result<Results, CliError> {
        let loadavg_start = load_average();
        let mut load = self.load()?;
        let load_drain_ms = self.drain(&mut load)?;
        let root_loaded = self.root;
        let at_blocks = self.records_read();
        let mut blocks = self.blocks()?;
        let drain_ms = self.drain(&mut blocks)?;
        let memory =
            MemoryOfBlocks { peak_mib: peak_memory_mib(), workload_mib: (self.workload.memory_bytes() + self.ahead_bytes) as u64 >> 20 };
        let at_gets = self.records_read();
        let gets = self.get()?;
        let snapshot = self.database.snapshot(STORE, None)?;
        let at_proofs = self.records_read();
        let (proofs, verifies, proof_bytes) = self.prove(&snapshot)?;
        let read = RecordsRead { blocks: at_gets - at_blocks, gets: at_proofs - at_gets, proofs: self.records_read() - at_proofs };
        let scan = self.scan(&snapshot)?;
        let scan_items = self.workload.live_keys() as u64;
        let vmhwm_mib = peak_memory_mib();
        drop(snapshot);
        let beside = self.args.beside.then(|| self.beside()).transpose()?;
        let Self { args, dir, options, database, store, root, .. } = self;
        let (close, closed) = Phase::of(|| {
            drop(store);
            database.close()
        });
        closed?;
        let disk_bytes = disk_bytes(dir).map_err(|source| CliError::Read { path: dir.display().to_string(), source })?;
        let reopen = reopen(dir, &options, root)?;
        let reads = Reads { gets, proofs, verifies, proof_bytes, scan, scan_items };
        let durability = if args.no_sync { "no sync" } else { "fsync each version" };
        Ok(Results::new(args, FUNCTION, durability, loadavg_start)
            .with_load(&Blocks { phase: load, operations: args.keys, root: root_loaded, drain_ms: load_drain_ms })
            .with_memory_of_blocks(memory)
            .with_blocks(&Blocks { phase: blocks, operations: args.blocks.saturating_mul(args.batch), root, drain_ms })
            .with_reads(args, &reads)
            .with_records_read(args, read)
            .with_beside(beside)
            .with_end(close.milliseconds(), disk_bytes, reopen.milliseconds(), vmhwm_mib))
    }

    /// Records read from the storage engine up to now.
    fn records_read(&self) -> u64 {
        let usage = self.database.usage();
        usage.nodes_read + usage.index_reads
    }

    fn load(&mut self) -> Result<Phase, CliError> {
        let progress = Progress::of("keys loaded", Some(self.args.keys));
        let mut phase = Phase::default();
        while let Some(operations) = self.workload.next_load_block() {
            self.root = phase.step(|| save_block(&mut self.store, &operations))?;
            progress.advance(operations.len() as u64);
        }
        Ok(phase)
    }

    fn blocks(&mut self) -> Result<Phase, CliError> {
        let progress = Progress::of("blocks", Some(self.args.blocks));
        let mut phase = Phase::default();
        let mut left = self.args.blocks;
        while left > 0 {
            // Several at a time, so that what works in the background gets no time of its own between two of them.
            let ahead: Vec<_> = (0..left.min(BLOCKS_AHEAD)).map(|_| self.workload.next_block()).collect();
            left -= ahead.len() as u64;
            self.ahead_bytes = self.ahead_bytes.max(ahead.iter().flatten().map(Operation::memory_bytes).sum());
            for operations in ahead {
                self.root = phase.step(|| save_block(&mut self.store, &operations))?;
                progress.advance(1);
            }
        }
        Ok(phase)
    }

    /// Waits for what goes on in the background, and counts it for the phase. Gives milliseconds.
    fn drain(&self, phase: &mut Phase) -> Result<f64, CliError> {
        let (milliseconds, done) = phase.finish(|| self.database.wait_until_flushed());
        done?;
        Ok(milliseconds)
    }

    fn get(&mut self) -> Result<Phase, CliError> {
        let picked = self.pick(self.args.gets);
        let mut wrong = 0_u64;
        let (phase, done) = Phase::of(|| {
            for (key, expected) in &picked {
                wrong += u64::from(self.store.get(key)?.as_ref() != Some(expected));
            }
            Ok::<_, CliError>(())
        });
        done?;
        none_wrong(wrong, "gets")?;
        Ok(phase)
    }

    /// Proofs, their verification, and the average length of a proof.
    fn prove(&mut self, snapshot: &Snapshot) -> Result<(Phase, Phase, u64), CliError> {
        let picked = self.pick(self.args.proofs);
        let (proving, proofs) = Phase::of(|| picked.iter().map(|(key, _)| snapshot.tree().prove(key)).collect::<Result<Vec<_>, _>>());
        let proofs = proofs?;
        let mut wrong = 0_u64;
        let (verifying, ()) = Phase::of(|| {
            for (proof, (key, expected)) in proofs.iter().zip(&picked) {
                wrong += u64::from(!self.holds(proof, key, Some(expected)));
            }
        });
        none_wrong(wrong, "proofs")?;
        self.refuses_what_is_false(snapshot, proofs.first())?;
        let mut bytes = 0;
        for proof in &proofs {
            bytes += proof.to_bytes().map_err(CliError::ProofForm)?.len() as u64;
        }
        Ok((proving, verifying, bytes.checked_div(proofs.len() as u64).unwrap_or_default()))
    }

    /// Whether the proof shows, under the newest root, that the key has this value or none.
    fn holds(&self, proof: &Proof, key: &[u8], value: Option<&Vec<u8>>) -> bool {
        proof.verify(FUNCTION, &self.root, key).is_ok_and(|evidence| evidence.value() == value.map(Vec::as_slice))
    }

    /// A proof with another value must fail, and a key that no run sets must be provably absent.
    fn refuses_what_is_false(&self, snapshot: &Snapshot, proof: Option<&Proof>) -> Result<(), CliError> {
        if let Some(Proof::Existence(honest)) = proof {
            let value: Vec<u8> = honest.value.iter().map(|byte| byte ^ 1).collect();
            let forged = Proof::Existence(ExistenceProof { value: value.clone(), ..honest.clone() });
            if self.holds(&forged, &honest.key, Some(&value)) {
                return Err(CliError::WrongAnswer("a proof with another value was accepted".to_owned()));
            }
        }
        let absent = self.workload.key(u64::MAX);
        if !self.holds(&snapshot.tree().prove(&absent)?, &absent, None) {
            return Err(CliError::WrongAnswer("the absence of a key that was never set was not proven".to_owned()));
        }
        Ok(())
    }

    fn scan(&self, snapshot: &Snapshot) -> Result<Phase, CliError> {
        let mut items = 0_usize;
        let (phase, done) = Phase::of(|| {
            if snapshot.tree().is_resident() {
                for entry in snapshot.tree() {
                    std::hint::black_box(entry?);
                    items += 1;
                }
                return Ok(());
            }
            // This one keeps no more than there is room for.
            for entry in snapshot.scan(Bound::Unbounded, Bound::Unbounded, Order::Ascending) {
                std::hint::black_box(entry?);
                items += 1;
            }
            Ok::<_, CliError>(())
        });
        done?;
        if items != self.workload.live_keys() {
            let expected = self.workload.live_keys();
            return Err(CliError::WrongAnswer(format!("the scan gave {items} keys, there are {expected}")));
        }
        Ok(phase)
    }

    /// Draws live keys, with the values that they must have.
    fn pick(&mut self, count: u64) -> Vec<(Vec<u8>, Vec<u8>)> {
        let numbers = self.workload.pick(count);
        numbers.into_iter().map(|number| (self.workload.key(number), self.workload.value(number))).collect()
    }
}

fn save_block(store: &mut TreeStore, operations: &[Operation]) -> Result<Hash, CliError> {
    let operations: Vec<_> = operations.iter().map(|Operation { key, value }| (key.as_slice(), value.as_deref())).collect();
    store.apply(&operations)?;
    Ok(store.save_version()?.root_hash)
}

/// Opens the database again and looks at its root.
fn reopen(dir: &Path, options: &OpenOptions, expected: Hash) -> Result<Phase, CliError> {
    let (phase, opened) = Phase::of(|| {
        let database = Database::open(dir, options)?;
        let mut store = database.store(STORE)?;
        let root = store.working_hash()?;
        Ok::<_, CliError>((database, store, root))
    });
    let (database, store, found) = opened?;
    drop(store);
    database.close()?;
    if found == expected { Ok(phase) } else { Err(CliError::RootChanged { expected, found }) }
}

fn none_wrong(wrong: u64, what: &str) -> Result<(), CliError> {
    if wrong == 0 { Ok(()) } else { Err(CliError::WrongAnswer(format!("{wrong} of the {what} were wrong"))) }
}
