//! Settings of queries: what one query may use, and how many run.

use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use serde::{Deserialize, Serialize};

/// Settings of queries; every default is stated here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How long a query may take, waiting for a place included. Default 30 s.
    #[serde(with = "humantime_serde")]
    pub time_limit: Duration,
    /// Memory that sorts, joins and groups of one query may hold before they spill. Default
    /// 512 MiB; a query that cannot spill fails beyond it.
    pub memory_bytes_max: ByteSize,
    /// The same for all queries together. Default 1 GiB.
    pub memory_bytes_total: ByteSize,
    /// Disk that spilled rows of all queries may take. Default 8 GiB.
    pub spill_bytes_max: ByteSize,
    /// Where rows are spilled. Default: the temporary directory of the operating system.
    pub spill_dir: Option<PathBuf>,
    /// Rows of an answer; beyond it, the answer is cut and its receipt says so. Default 1,000,000.
    pub rows_max: usize,
    /// Bytes of the body of an answer; beyond it, the answer is cut likewise. Default 1 GiB.
    pub answer_bytes_max: ByteSize,
    /// Bytes of one SQL text. Default 256 KiB.
    pub sql_bytes_max: ByteSize,
    /// Queries that run at one time; more wait. Default 16.
    pub running_max: usize,
    /// Memory for Parquet footers and page indexes, shared by all queries. Default 128 MiB.
    pub metadata_cache_bytes: ByteSize,
    /// Records that one question for patterns of logs reads; with more, the newest. Default
    /// 1,000,000.
    pub pattern_records_max: usize,
    /// Live tails of logs at one time; more are refused. Default 32.
    pub tails_max: usize,
    /// Threads that run queries; 0 is one a core. Default 0.
    pub threads: usize,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            time_limit: Duration::from_secs(30),
            memory_bytes_max: ByteSize::mib(512),
            memory_bytes_total: ByteSize::gib(1),
            spill_bytes_max: ByteSize::gib(8),
            spill_dir: None,
            rows_max: 1_000_000,
            answer_bytes_max: ByteSize::gib(1),
            sql_bytes_max: ByteSize::kib(256),
            running_max: 16,
            metadata_cache_bytes: ByteSize::mib(128),
            pattern_records_max: 1_000_000,
            tails_max: 32,
            threads: 0,
        }
    }
}

impl Config {
    /// Threads to run queries on.
    pub(crate) fn threads_count(&self) -> usize {
        match self.threads {
            0 => std::thread::available_parallelism().map_or(2, |cores| cores.get()),
            threads => threads,
        }
    }
}
