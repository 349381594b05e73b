//! How long things take, by bounds.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::{MetricType, TypedMetric};

/// Upper bounds in nanoseconds: from what a read from memory takes to what is given up on.
const BOUNDS: [u64; 16] = [
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    500_000_000,
    2_500_000_000,
    30_000_000_000,
];
const NANOSECONDS: f64 = 1e9;

/// Counts what takes how long. Cheap to clone: clones are the same. Nobody waits to count: with a lock, as the library's own has it, all
/// threads that answer requests would meet here.
#[derive(Clone, Default, Debug)]
pub(super) struct Latency(Arc<Counts>);

#[derive(Default, Debug)]
struct Counts {
    /// One for each bound, and one for what takes longer.
    counts: [AtomicU64; BOUNDS.len() + 1],
    nanoseconds: AtomicU64,
}

impl Latency {
    /// Counts something that took so long.
    pub(super) fn observe(&self, time: Duration) {
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let place = BOUNDS.partition_point(|&bound| bound < nanoseconds);
        self.0.counts.get(place).map(|count| count.fetch_add(1, Ordering::Relaxed));
        self.0.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }
}

impl TypedMetric for Latency {
    const TYPE: MetricType = MetricType::Histogram;
}

impl EncodeMetric for Latency {
    #[expect(clippy::cast_precision_loss, reason = "seconds are given as precisely as a double can")]
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), std::fmt::Error> {
        let bounds = BOUNDS.iter().map(|&bound| bound as f64 / NANOSECONDS).chain([f64::MAX]);
        let counts = self.0.counts.iter().map(|count| count.load(Ordering::Relaxed));
        let buckets: Vec<(f64, u64)> = bounds.zip(counts).collect();
        // What is counted while this is read makes the sum a little larger at most, but the count is that of the buckets.
        let sum = self.0.nanoseconds.load(Ordering::Relaxed) as f64 / NANOSECONDS;
        encoder.encode_histogram::<NoLabelSet>(sum, buckets.iter().map(|(_, count)| count).sum(), &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}
