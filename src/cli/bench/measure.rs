//! What the machine says about this process: time, processor time, bytes written, memory, room on disk.

use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// A moment in a run, to take the difference to a later one.
#[derive(Clone, Copy)]
struct Moment {
    wall: Instant,
    /// Of all threads of the process, user and system time together.
    cpu: Duration,
    /// Bytes that the process caused to be written to disk; only Linux tells.
    written: Option<u64>,
}

/// What one kind of work took: several steps, each timed.
#[derive(Default)]
pub(crate) struct Phase {
    steps: Vec<Duration>,
    cpu: Duration,
    written: Option<u64>,
}

impl Moment {
    fn now() -> Self {
        let cpu = clock_gettime(ClockId::ProcessCPUTime);
        let seconds = u64::try_from(cpu.tv_sec).unwrap_or_default();
        let nanoseconds = u32::try_from(cpu.tv_nsec).unwrap_or_default();
        Self { wall: Instant::now(), cpu: Duration::new(seconds, nanoseconds), written: written_bytes() }
    }
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

    /// Adds the steps of another phase.
    pub(crate) fn append(&mut self, other: Self) {
        self.steps.extend(other.steps);
        self.cpu += other.cpu;
        if let Some(written) = other.written {
            *self.written.get_or_insert(0) += written;
        }
    }

    /// Adds what goes on in the background after the steps: its processor time and writes count, its time is given and does not.
    pub(crate) fn finish<T>(&mut self, work: impl FnOnce() -> T) -> (f64, T) {
        let (rest, result) = Self::of(work);
        self.cpu += rest.cpu;
        if let Some(written) = rest.written {
            *self.written.get_or_insert(0) += written;
        }
        (rest.milliseconds(), result)
    }

    /// The first steps alone, as far as their time goes.
    pub(crate) fn first(&self, steps: usize) -> Self {
        Self { steps: self.steps.iter().take(steps).copied().collect(), ..Self::default() }
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
        whole(real(count) / self.seconds())
    }

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
        rounded(self.cpu.as_secs_f64() * 1e6 / real(count))
    }

    /// Bytes written for each of `count` things.
    pub(crate) fn written_each(&self, count: u64) -> Option<u64> {
        self.written.map(|written| whole(real(written) / real(count)))
    }
}

fn real(count: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "figures for people; counts stay far below 2^52")]
    let real = count as f64;
    real
}

fn whole(number: f64) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates, and no figure is negative")]
    let whole = number.round() as u64;
    whole
}

/// How many of something one of `count` things took; 0 of none.
pub(crate) fn each(total: u64, count: u64) -> f64 {
    if count == 0 { 0.0 } else { rounded(real(total) / real(count)) }
}

fn rounded(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

/// What `/proc/self/NAME` says behind `field`.
fn of_process(name: &str, field: &str) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/self/{name}")).ok()?;
    let value = text.lines().find_map(|line| line.strip_prefix(field))?;
    value.split_whitespace().next()?.parse().ok()
}

fn written_bytes() -> Option<u64> {
    of_process("io", "write_bytes:")
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

/// Bytes of disk that the files of a folder take.
#[cfg(unix)]
pub(crate) fn disk_bytes(folder: &Path) -> io::Result<u64> {
    use std::os::unix::fs::MetadataExt;
    const BLOCK: u64 = 512;
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() { disk_bytes(&entry.path())? } else { metadata.blocks() * BLOCK };
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phase(milliseconds: &[u64]) -> Phase {
        Phase { steps: milliseconds.iter().map(|ms| Duration::from_millis(*ms)).collect(), ..Phase::default() }
    }

    #[test]
    fn percentiles_are_those_of_the_nearest_rank() {
        let hundred: Vec<u64> = (1..=100).rev().collect();
        assert!((phase(&hundred).percentile(50) - 50.0).abs() < 1e-9);
        assert!((phase(&hundred).percentile(99) - 99.0).abs() < 1e-9);
        assert!((phase(&[7, 3]).percentile(50) - 3.0).abs() < 1e-9);
        assert!((phase(&[7]).percentile(99) - 7.0).abs() < 1e-9);
        assert!(phase(&[]).percentile(99).abs() < 1e-9);
    }

    #[test]
    fn rates_count_all_steps() {
        assert_eq!(phase(&[250, 750]).rate(5_000), 5_000);
    }

    #[test]
    fn processor_time_grows_with_work() {
        let (phase, sum) = Phase::of(|| (0..20_000_000_u64).map(std::hint::black_box).sum::<u64>());
        assert!(sum > 0);
        assert!(phase.cpu_us_each(1) > 0.0);
    }
}
