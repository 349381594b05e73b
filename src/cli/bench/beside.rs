//! What goes on beside what: several readers, readers beside commits, pruning beside commits.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;
use treering::{Keep, Snapshot};

use super::measure::Phase;
use super::{Bench, STORE, save_block};
use crate::cli::error::CliError;

/// Figures of things that go on at once. `_s`: in a second. `_ms`: milliseconds.
#[derive(Serialize, Default)]
pub(crate) struct Beside {
    /// Gets of one thread, then of two together, from a snapshot.
    gets_1_thread_s: u64,
    gets_2_threads_s: u64,
    /// Gets at the oldest version kept, by one thread.
    gets_oldest_s: u64,
    /// Blocks alone; with one thread that reads meanwhile, and its gets; while all versions but the newest are pruned. Alone and while
    /// pruning, in turn, several times.
    blk_alone_ms_p50: f64,
    blk_alone_ms_p99: f64,
    blk_read_ms_p50: f64,
    blk_read_ms_p99: f64,
    gets_while_saving_s: u64,
    /// Gets of one thread, then of two together, while a block is saved every half second.
    gets_beside_blocks_1_thread_s: u64,
    gets_beside_blocks_2_threads_s: u64,
    blk_prune_ms_p50: f64,
    blk_prune_ms_p99: f64,
    pruned_versions: u64,
    prune_ms: u64,
}

/// Times that blocks are saved alone, and then while versions are pruned.
const PRUNING_ROUNDS: u32 = 3;
/// Blocks that are saved at a steady pace, and the time from one to the next.
const PACED_BLOCKS: u32 = 10;
const PACE: Duration = Duration::from_millis(500);

type Picked = [(Vec<u8>, Vec<u8>)];

/// Gets keys, one after another, until told to stop. Gives how many.
fn read(snapshot: &Snapshot, picked: &Picked, stop: &AtomicBool) -> Result<u64, CliError> {
    let mut count = 0;
    for (key, _) in picked.iter().cycle() {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        std::hint::black_box(snapshot.get(key)?);
        count += 1;
    }
    Ok(count)
}

/// Gets of so many threads a second, for about a second.
fn read_on(threads: usize, snapshot: &Snapshot, picked: &Picked) -> Result<u64, CliError> {
    read_while(threads, snapshot, picked, || {
        thread::sleep(Duration::from_secs(1));
        Ok(())
    })
}

/// Gets of so many threads a second, as long as `work` takes.
fn read_while(threads: usize, snapshot: &Snapshot, picked: &Picked, work: impl FnOnce() -> Result<(), CliError>) -> Result<u64, CliError> {
    let (stop, started) = (AtomicBool::new(false), Instant::now());
    let (done, counts): (_, Vec<Result<u64, CliError>>) = thread::scope(|scope| {
        let parts = picked.chunks(picked.len().div_ceil(threads).max(1));
        let readers: Vec<_> = parts.map(|part| scope.spawn(|| read(snapshot, part, &stop))).collect();
        let done = work();
        stop.store(true, Ordering::Relaxed);
        (done, readers.into_iter().map(|reader| reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect())
    });
    done?;
    let count = counts.into_iter().sum::<Result<u64, CliError>>()?;
    Ok(per_second(count, started.elapsed()))
}

fn per_second(count: u64, time: Duration) -> u64 {
    u64::try_from(u128::from(count) * 1_000_000 / time.as_micros().max(1)).unwrap_or(u64::MAX)
}

impl Bench<'_> {
    /// Takes all figures. Changes the store, and leaves its newest versions only.
    pub(super) fn beside(&mut self) -> Result<Beside, CliError> {
        let mut figures = Beside::default();
        let picked = self.pick(self.args.gets.max(2));
        let oldest = self.database.versions(STORE)?.first().map(|info| info.version);
        for (version, single) in [(oldest, true), (None, false)] {
            let snapshot = self.database.snapshot(STORE, version)?;
            read_on(1, &snapshot, &picked)?; // What is not in memory yet is loaded.
            if single {
                figures.gets_oldest_s = read_on(1, &snapshot, &picked)?;
                continue;
            }
            figures.gets_1_thread_s = read_on(1, &snapshot, &picked)?;
            figures.gets_2_threads_s = read_on(2, &snapshot, &picked)?;
        }
        self.blocks_beside_a_reader(&picked, &mut figures)?;
        self.drain(&mut Phase::default())?;
        figures.gets_beside_blocks_1_thread_s = self.reads_beside_blocks(1, &picked)?;
        figures.gets_beside_blocks_2_threads_s = self.reads_beside_blocks(2, &picked)?;
        // In turn, so that what else the machine does meets both.
        let (mut alone, mut beside) = (Phase::default(), Phase::default());
        for _ in 0..PRUNING_ROUNDS {
            alone.append(self.blocks()?);
            self.drain(&mut Phase::default())?;
            beside.append(self.blocks_beside_pruning(&mut figures)?);
            self.drain(&mut Phase::default())?;
        }
        (figures.blk_alone_ms_p50, figures.blk_alone_ms_p99) = (alone.percentile(50), alone.percentile(99));
        (figures.blk_prune_ms_p50, figures.blk_prune_ms_p99) = (beside.percentile(50), beside.percentile(99));
        Ok(figures)
    }

    fn blocks_beside_a_reader(&mut self, picked: &Picked, figures: &mut Beside) -> Result<(), CliError> {
        let snapshot = self.database.snapshot(STORE, None)?;
        let (stop, started) = (AtomicBool::new(false), Instant::now());
        let (blocks, count) = thread::scope(|scope| {
            let reader = scope.spawn(|| read(&snapshot, picked, &stop));
            let blocks = self.blocks();
            stop.store(true, Ordering::Relaxed);
            (blocks, reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        });
        let blocks = blocks?;
        (figures.blk_read_ms_p50, figures.blk_read_ms_p99) = (blocks.percentile(50), blocks.percentile(99));
        figures.gets_while_saving_s = per_second(count?, started.elapsed());
        Ok(())
    }

    /// Gets of so many threads a second beside a few blocks that come at a steady pace, as a chain's do, and leave processors free.
    fn reads_beside_blocks(&mut self, threads: usize, picked: &Picked) -> Result<u64, CliError> {
        let snapshot = self.database.snapshot(STORE, None)?;
        read_while(threads, &snapshot, picked, || {
            for _ in 0..PACED_BLOCKS {
                let started = Instant::now();
                let operations = self.workload.next_block();
                self.root = save_block(&mut self.store, &operations)?;
                thread::sleep(PACE.saturating_sub(started.elapsed()));
            }
            Ok(())
        })
    }

    fn blocks_beside_pruning(&mut self, figures: &mut Beside) -> Result<Phase, CliError> {
        let (database, taken) = (self.database.clone(), AtomicU64::new(0));
        let (blocks, report) = thread::scope(|scope| {
            let pruning = scope.spawn(|| {
                let started = Instant::now();
                let report = database.prune(STORE, &Keep::Last(1));
                taken.store(u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
                report
            });
            let blocks = self.blocks();
            (blocks, pruning.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        });
        figures.pruned_versions += report?.versions;
        figures.prune_ms += taken.into_inner();
        blocks
    }
}
