//! What the machine says about this process: time, processor time, bytes written, memory, room on disk.
//!
//! As in treering's `bench`, so that the figures can stand side by side.

use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// A moment in a run, to take the difference to a later one.
#[derive(Clone, Copy)]
struct Moment {
    wall: Instant,
    cpu: Duration,
    written: Option<u64>,
}

impl Moment {
    fn now() -> Self {
        Self { wall: Instant::now(), cpu: processor_time(), written: of_process("io", "write_bytes:") }
    }
}

/// What one kind of work took: several steps, each timed.
#[derive(Default)]
pub(crate) struct Phase {
    steps: Vec<Duration>,
    cpu: Duration,
    written: Option<u64>,
}

impl Phase {
    /// Times one step and adds it.
    pub(crate) fn step<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let before = Moment::now();
        let result = work();
        let after = Moment::now();
        self.steps.push(after.wall - before.wall);
        self.cpu += after.cpu.saturating_sub(before.cpu);
        if let (Some(before), Some(after)) = (before.written, after.written) {
            *self.written.get_or_insert(0) += after.saturating_sub(before);
        }
        result
    }

    /// Times a phase of one step.
    pub(crate) fn of<T>(work: impl FnOnce() -> T) -> (Self, T) {
        let mut phase = Self::default();
        let result = phase.step(work);
        (phase, result)
    }

    fn seconds(&self) -> f64 {
        self.steps.iter().sum::<Duration>().as_secs_f64()
    }

    /// How many of `count` things were done in a second.
    pub(crate) fn rate(&self, count: u64) -> u64 {
        (count as f64 / self.seconds()).round() as u64
    }

    /// All steps together.
    pub(crate) fn milliseconds(&self) -> f64 {
        rounded(self.seconds() * 1e3)
    }

    /// Milliseconds within which this share of the steps was done.
    pub(crate) fn percentile(&self, percent: usize) -> f64 {
        let mut steps = self.steps.clone();
        steps.sort_unstable();
        let rank = (steps.len() * percent).div_ceil(100).max(1);
        steps.get(rank - 1).map_or(0.0, |step| rounded(step.as_secs_f64() * 1e3))
    }

    /// Microseconds of processor time for each of `count` things.
    pub(crate) fn cpu_us_each(&self, count: u64) -> f64 {
        rounded(self.cpu.as_secs_f64() * 1e6 / count as f64)
    }

    /// Bytes written for each of `count` things.
    pub(crate) fn written_each(&self, count: u64) -> Option<u64> {
        self.written.map(|written| (written as f64 / count as f64).round() as u64)
    }
}

fn rounded(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

/// User and system time of all threads of the process.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap_or_default(), time.tv_nsec.try_into().unwrap_or_default())
}

/// What `/proc/self/NAME` says behind `field`; nothing where there is no such file.
fn of_process(name: &str, field: &str) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/self/{name}")).ok()?;
    let value = text.lines().find_map(|line| line.strip_prefix(field))?;
    value.split_whitespace().next()?.parse().ok()
}

/// The most memory that the process ever had, in MiB.
pub(crate) fn peak_memory_mib() -> Option<u64> {
    of_process("status", "VmHWM:").map(|kib| kib / 1024)
}

/// The load of the machine over 1, 5 and 15 minutes.
pub(crate) fn load_average() -> Option<String> {
    let text = fs::read_to_string("/proc/loadavg").ok()?;
    Some(text.split_whitespace().take(3).collect::<Vec<_>>().join("/"))
}

/// Bytes that the files below a folder take on the disk: holes in them take none.
pub(crate) fn disk_bytes(dir: &Path) -> io::Result<u64> {
    use std::os::unix::fs::MetadataExt as _;
    let mut bytes = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() { disk_bytes(&entry.path())? } else { metadata.blocks() * 512 };
    }
    Ok(bytes)
}
