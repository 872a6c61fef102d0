//! Settings of the engine. Sizes in bytes, times as [`Duration`]s.

use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use serde::{Deserialize, Serialize};

/// Settings of the engine; every default is stated here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where everything is kept. Default `./oriel-data`.
    pub data_dir: PathBuf,
    /// Size of one WAL segment. Default 64 MiB; small ones rotate often, large ones waste disk.
    pub wal_segment_bytes: ByteSize,
    /// How long a request may wait for others to share its fdatasync. Default 2 ms; 0 syncs each
    /// group as soon as the disk is free.
    #[serde(with = "humantime_serde")]
    pub commit_window: Duration,
    /// Flush when buffered rows hold this much memory. Default 64 MiB.
    pub flush_bytes: ByteSize,
    /// Flush when the oldest buffered row is this old. Default 10 s; outside readers of the lake
    /// see rows after at most this time.
    #[serde(with = "humantime_serde")]
    pub flush_interval: Duration,
    /// Refuse new rows (retryable) when buffered rows hold this much memory. Default 512 MiB.
    pub buffer_bytes_max: ByteSize,
    /// Refuse new rows (retryable) when less than this is free on the disk. Default 1 GiB.
    pub disk_free_min: ByteSize,
    /// How long a request is remembered so that a retry is stored once. Default 15 min.
    #[serde(with = "humantime_serde")]
    pub dedup_window: Duration,
    /// How many requests are remembered at most. Default 1,000,000 (about 64 MiB).
    pub dedup_entries_max: usize,
    /// How often to look for parts to merge. Default 10 s.
    #[serde(with = "humantime_serde")]
    pub compact_interval: Duration,
    /// Parts of one day and table are merged once this many of one level exist. Default 8.
    pub compact_parts_min: usize,
    /// Parts of this size are not merged further. Default 128 MiB.
    pub compact_part_bytes_max: ByteSize,
    /// Memory a merge may use. Default 128 MiB.
    pub compact_memory_bytes: ByteSize,
    /// Delete spans and trace summaries whose day ended this long ago. Default 30 days; 0 keeps
    /// them for ever.
    #[serde(with = "humantime_serde")]
    pub retention_traces: Duration,
    /// The same for logs. Default 30 days.
    #[serde(with = "humantime_serde")]
    pub retention_logs: Duration,
    /// The same for metrics. Default 90 days.
    #[serde(with = "humantime_serde")]
    pub retention_metrics: Duration,
    /// The same for signals of single tenants, such as `acme.logs=7d` or `acme.traces=0s`. Default
    /// none.
    pub retention_tenants: Vec<String>,
    /// Delete the oldest days when all parts together hold more than this. Default 0: a tenth less
    /// than the space that the disk had for them at start.
    pub retention_bytes: ByteSize,
    /// A clock that is further ahead than this of what was known before is not believed when rows
    /// would be deleted for their age, until new rows confirm it for an hour. Default 2 days; 0
    /// believes every clock.
    #[serde(with = "humantime_serde")]
    pub retention_clock_jump_max: Duration,
    /// How long a file stays after no catalog snapshot of ours names it, for outside readers, and
    /// how long snapshots are kept for time travel. Default 1 h.
    #[serde(with = "humantime_serde")]
    pub unlink_grace: Duration,
    /// How often all files are read and compared with their checksums. Default 24 h; 0 never.
    #[serde(with = "humantime_serde")]
    pub scrub_interval: Duration,
    /// How fast that reads, a second. Default 16 MiB.
    pub scrub_bytes_per_second: ByteSize,
    /// Files that no commit names are moved to `quarantine/orphans` at a start and deleted after
    /// this time. Default 30 days.
    #[serde(with = "humantime_serde")]
    pub orphan_age_max: Duration,
    /// They hold at most this much: the oldest go first. Default 4 GiB.
    pub orphan_bytes_max: ByteSize,
    /// Rows whose event time is older than this when received go to odd parts. Default 7 days.
    #[serde(with = "humantime_serde")]
    pub late_max: Duration,
    /// Rows whose event time is further ahead than this go to odd parts. Default 2 days.
    #[serde(with = "humantime_serde")]
    pub early_max: Duration,
    /// Rows of a Parquet row group. Default 131,072.
    pub row_group_rows: usize,
    /// Parts of logs with this many rows or more get a word index. Default 25,000: what a small flush
    /// writes is merged soon. 0 makes no indexes.
    pub index_rows_min: usize,
    /// Keys of attributes of logs whose words are in these indexes as well, such as `user.id`: those of
    /// the record, of its resource and of its scope. Letters, digits, `.`, `_`, `-` and `/`. A part
    /// has those that were set when it was written. Default none.
    pub index_attributes: Vec<String>,
    /// Attributes of spans with a column of their own beside the fixed list, such as
    /// `attributes.shop.tier` or `resource_attributes.team`; append `:int`, `:double`, `:bool`.
    /// A column, once added, stays. Default none.
    pub promote_spans: Vec<String>,
    /// The same for logs.
    pub promote_logs: Vec<String>,
    /// The same for metrics.
    pub promote_metrics: Vec<String>,
}

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

impl Default for Config {
    fn default() -> Self {
        Config {
            data_dir: PathBuf::from("oriel-data"),
            wal_segment_bytes: ByteSize::mib(64),
            commit_window: Duration::from_millis(2),
            flush_bytes: ByteSize::mib(64),
            flush_interval: Duration::from_secs(10),
            buffer_bytes_max: ByteSize::mib(512),
            disk_free_min: ByteSize::gib(1),
            dedup_window: Duration::from_secs(15 * 60),
            dedup_entries_max: 1_000_000,
            compact_interval: Duration::from_secs(10),
            compact_parts_min: 8,
            compact_part_bytes_max: ByteSize::mib(128),
            compact_memory_bytes: ByteSize::mib(128),
            retention_traces: DAY * 30,
            retention_logs: DAY * 30,
            retention_metrics: DAY * 90,
            retention_tenants: Vec::new(),
            retention_bytes: ByteSize::b(0),
            retention_clock_jump_max: DAY * 2,
            unlink_grace: HOUR,
            scrub_interval: DAY,
            scrub_bytes_per_second: ByteSize::mib(16),
            orphan_age_max: DAY * 30,
            orphan_bytes_max: ByteSize::gib(4),
            late_max: DAY * 7,
            early_max: DAY * 2,
            row_group_rows: 131_072,
            index_rows_min: 25_000,
            index_attributes: Vec::new(),
            promote_spans: Vec::new(),
            promote_logs: Vec::new(),
            promote_metrics: Vec::new(),
        }
    }
}

impl Config {
    /// Buffered bytes that start a flush: half of what may be buffered at most.
    pub(crate) fn flush_threshold(&self) -> u64 {
        let half = self.buffer_bytes_max.as_u64() / 2;
        self.flush_bytes.as_u64().min(half.max(1))
    }
}
