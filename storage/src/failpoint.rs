//! Named moments at which a process can be told to die, for the crash suite.
//!
//! `ORIEL_ABORT_AT=flush.after_parts:3` aborts the process when it passes that point for the third
//! time. Builds with debug assertions have the points (the profiles `dev` and `ci`, so the binary
//! that the tests run); in release builds [`pass`] is empty and the variable is unknown.

/// The variable that arms one point of this process.
pub const VARIABLE: &str = "ORIEL_ABORT_AT";

/// All points, as `stage.step`.
pub const POINTS: [&str; 39] = [
    "wal.before_write",
    "wal.before_sync",
    "wal.after_sync",
    "wal.before_answer",
    "rotate.before",
    "rotate.zeroed",
    "rotate.renamed",
    "rotate.after",
    "flush.before_parts",
    "flush.part_written",
    "flush.after_parts",
    "flush.seen_kept",
    "flush.before_commit",
    "flush.after_commit",
    "flush.before_trim",
    "trim.before_remove",
    "flush.after_trim",
    "compact.half_output",
    "compact.after_output",
    "compact.before_commit",
    "compact.after_commit",
    "compact.after_merge",
    "expire.before_commit",
    "expire.after_commit",
    "unlink.snapshots_ended",
    "unlink.before_file",
    "unlink.after_file",
    "unlink.after_files",
    "delete.part_rewritten",
    "delete.after_output",
    "delete.before_commit",
    "delete.after_commit",
    "open.catalog",
    "open.orphan_moved",
    "open.swept",
    "open.scanned",
    "replay.frame",
    "replay.flushed",
    "close.before_flush",
];

/// Reads `point:count`; the count is 1 when it is left out.
///
/// Errors: there is no such point, or the count is no number above 0.
pub fn parse(text: &str) -> Result<(&'static str, u64), String> {
    let (name, count) = text.split_once(':').unwrap_or((text, "1"));
    let point = POINTS.iter().find(|point| **point == name);
    let point = point.ok_or_else(|| format!("there is no failpoint {name:?}"))?;
    match count.parse() {
        Ok(count) if count > 0 => Ok((point, count)),
        _ => Err(format!("{count:?} is not how often to pass {name}")),
    }
}

/// Marks the point `stage.step`; never returns where the process was told to die.
#[cfg(debug_assertions)]
pub(crate) fn pass(stage: &str, step: &str) {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};
    static ARMED: LazyLock<Option<(&str, AtomicU64)>> = LazyLock::new(|| {
        let text = std::env::var(VARIABLE).ok()?;
        let (point, count) = parse(&text).expect("settings have checked it");
        Some((point, AtomicU64::new(count)))
    });
    let Some((point, left)) = &*ARMED else {
        return;
    };
    if point.split_once('.') == Some((stage, step)) && left.fetch_sub(1, Ordering::SeqCst) == 1 {
        tracing::error!(point, "aborting at a failpoint");
        std::process::abort();
    }
}

/// Nothing, in a release build.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub(crate) fn pass(_stage: &str, _step: &str) {}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: a point with and without a count; an unknown one; counts that are none.
    /// Guarantees: what is meant is read, and the rest is refused by name.
    #[test]
    fn reads_what_to_do() {
        assert_eq!(parse("flush.after_parts:3"), Ok(("flush.after_parts", 3)));
        assert_eq!(parse("open.swept"), Ok(("open.swept", 1)));
        assert!(
            parse("flush.nowhere")
                .unwrap_err()
                .contains("flush.nowhere")
        );
        assert!(parse("open.swept:0").is_err());
        assert!(parse("open.swept:x").is_err());
    }
}
