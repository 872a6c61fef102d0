//! Every directory and file name on disk, and the format version.
//!
//! ```text
//! <data>/LOCK  <data>/VERSION
//! <data>/wal/<first sequence, 16 hex digits>.wal
//! <data>/catalog.sqlite
//! <data>/tables/<tenant>/<table>/<yyyy-mm-dd>/<uuid>.parquet
//! <data>/index/<tenant>/<table>/<yyyy-mm-dd>/<uuid>.words
//! <data>/quarantine/orphans/<tenant>/<table>/<yyyy-mm-dd>/<uuid>.parquet
//! ```

use std::path::{Path, PathBuf};

use uuid::Uuid;

use crate::TenantId;
use crate::schema::Table;

/// Paths below one data directory.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    root: PathBuf,
}

impl Layout {
    pub(crate) fn new(root: &Path) -> Self {
        Layout {
            root: root.to_owned(),
        }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Held with an exclusive lock while a process uses the directory; holds its pid as text.
    pub(crate) fn lock(&self) -> PathBuf {
        self.root.join("LOCK")
    }

    /// Holds the format version as text.
    pub(crate) fn version(&self) -> PathBuf {
        self.root.join("VERSION")
    }

    pub(crate) fn wal(&self) -> PathBuf {
        self.root.join("wal")
    }

    pub(crate) fn catalog(&self) -> PathBuf {
        self.root.join("catalog.sqlite")
    }

    /// Parts that no commit names.
    pub(crate) fn orphans(&self) -> PathBuf {
        self.root.join("quarantine").join("orphans")
    }

    pub(crate) fn tables(&self) -> PathBuf {
        self.root.join(TABLES)
    }

    pub(crate) fn indexes(&self) -> PathBuf {
        self.root.join(INDEXES)
    }
}

/// The folder of all parts.
pub(crate) const TABLES: &str = "tables";

/// The folder of all word indexes.
pub(crate) const INDEXES: &str = "index";

/// Path of the word index of the part at `part`, where it has one. Both relative to the data
/// directory, with `/`.
pub(crate) fn index_path(part: &str) -> String {
    let below = part.strip_prefix(TABLES).unwrap_or(part);
    let below = below.strip_suffix(".parquet").unwrap_or(below);
    format!("{INDEXES}/{}.words", below.trim_start_matches('/'))
}

/// Path of a new part, relative to the data directory, with `/`. The name sorts by creation time.
pub(crate) fn part_path(tenant: &TenantId, table: Table, day: i32) -> String {
    format!(
        "{TABLES}/{tenant}/{table}/{}/{}.parquet",
        day_name(day),
        Uuid::now_v7()
    )
}

/// A day, in days since the epoch, as `yyyy-mm-dd`.
pub(crate) fn day_name(day: i32) -> String {
    // Civil-from-days, H. Hinnant, "chrono-compatible low-level date algorithms".
    let z = i64::from(day) + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{:02}", doy - (153 * mp + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: the epoch, a leap day, a day before the epoch, the last day of Arrow's range.
    /// Guarantees: the folder's name is the civil date.
    #[test]
    fn names_days() {
        assert_eq!(day_name(0), "1970-01-01");
        assert_eq!(day_name(19_782), "2024-02-29");
        assert_eq!(day_name(-1), "1969-12-31");
        assert_eq!(day_name(106_751), "2262-04-11");
    }
}
