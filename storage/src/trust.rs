//! Whether the wall clock can be believed when rows are about to be removed for their age.
//!
//! A machine without a clock battery may start months ahead, and then everything looks old. So a
//! time is believed when it follows on one that was believed before: that of the last look plus the
//! time passed since by a clock that cannot be set, or, at a start, the one the catalog remembers.
//! A jump of more than `retention_clock_jump_max` ahead is doubted: retention goes on by the time
//! believed until then, until rows have been committed whose own times agree with the clock
//! (senders elsewhere know better) and [`SETTLED`] has passed without another jump.

use std::time::{Duration, Instant};

use oriel_proto::UnixNanos;

/// How long a clock that has jumped must go on evenly before it is believed.
const SETTLED: Duration = Duration::from_secs(3600);

/// The last time that was believed, and what is known of a jump since.
#[derive(Debug)]
pub(crate) struct Trust {
    jump_max: Duration,
    believed: UnixNanos,
    /// When, on the clock that cannot be set, the last look was; `None` before the first.
    looked: Option<Instant>,
    doubted: Option<Doubted>,
}

/// A jump, by the first time that showed it.
#[derive(Debug)]
struct Doubted {
    from: UnixNanos,
    since: Instant,
}

impl Trust {
    /// `remembered` is the time last believed by an earlier process, where there was one.
    /// `jump_max` zero believes everything.
    pub(crate) fn new(remembered: Option<UnixNanos>, now: UnixNanos, jump_max: Duration) -> Self {
        Trust {
            jump_max,
            believed: remembered.unwrap_or(now),
            looked: None,
            doubted: None,
        }
    }

    /// The time to judge ages by, when the clock shows `now` at `instant`, and `newest_row` is the
    /// newest time that committed rows of this process agree on with the clock.
    pub(crate) fn judge(
        &mut self,
        now: UnixNanos,
        instant: Instant,
        newest_row: UnixNanos,
    ) -> UnixNanos {
        let passed = self
            .looked
            .map_or(Duration::ZERO, |looked| instant.duration_since(looked));
        self.looked = Some(instant);
        let even = later(self.believed, passed);
        let plausible = later(even, self.jump_max);
        if self.jump_max.is_zero() || now <= plausible {
            if self.doubted.take().is_some() {
                tracing::info!(now = %text(now), "the clock is back where it should be");
            }
            // One that went back by a little, or far, removes nothing too early: follow it.
            self.believed = now;
            return now;
        }
        self.believed = even;
        let doubted = self.doubted.get_or_insert_with(|| {
            tracing::warn!(
                now = %text(now), believed = %text(even),
                "the clock is far ahead of what was known; nothing is removed for its age by it until new rows confirm it (retention_clock_jump_max)"
            );
            Doubted { from: now, since: instant }
        });
        let since = instant.duration_since(doubted.since);
        let expected = later(doubted.from, since);
        if now > later(expected, self.jump_max) {
            *doubted = Doubted {
                from: now,
                since: instant,
            };
            return even;
        }
        if since >= SETTLED && later(newest_row, self.jump_max) >= now {
            tracing::warn!(now = %text(now), "new rows confirm the clock; ages count by it again");
            self.doubted = None;
            self.believed = now;
            return now;
        }
        even
    }

    /// Whether a jump is being doubted.
    pub(crate) fn doubts(&self) -> bool {
        self.doubted.is_some()
    }
}

fn later(time: UnixNanos, by: Duration) -> UnixNanos {
    let by = i64::try_from(by.as_nanos()).unwrap_or(i64::MAX);
    UnixNanos(time.0.saturating_add(by))
}

/// A time for the log: its day.
fn text(time: UnixNanos) -> String {
    crate::layout::day_name(time.day())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn days(days: i64) -> UnixNanos {
        UnixNanos(days * UnixNanos::DAY)
    }

    /// Scenario: a start 200 days ahead; rows from senders with the right time; then the clock is
    /// put right, and goes on.
    /// Guarantees: ages never count by the wrong time, and by the right one at once.
    #[test]
    fn a_dead_clock_removes_nothing() {
        let start = Instant::now();
        let mut trust = Trust::new(Some(days(100)), days(300), 2 * DAY);
        let after = |hours: u64| start + Duration::from_secs(hours * 3600);
        assert_eq!(trust.judge(days(300), after(0), days(0)), days(100));
        assert!(trust.doubts());
        let later = trust.judge(days(300), after(24), days(100));
        assert_eq!(later, days(101));
        assert_eq!(trust.judge(days(101), after(25), days(101)), days(101));
        assert!(!trust.doubts());
        assert_eq!(trust.judge(days(102), after(49), days(0)), days(102));
    }

    /// Scenario: a machine that was off for 200 days; fresh rows come; or none come.
    /// Guarantees: its time is believed after an hour with rows that agree, and not before.
    #[test]
    fn a_long_stop_is_believed_when_rows_confirm_it() {
        let start = Instant::now();
        let mut trust = Trust::new(Some(days(100)), days(300), 2 * DAY);
        let mut at = |seconds: u64, row: i64| {
            let instant = start + Duration::from_secs(seconds);
            trust.judge(days(300), instant, days(row)).day()
        };
        assert_eq!(at(0, 300), 100);
        assert_eq!(at(3599, 300), 100);
        assert_eq!(at(7200, 297), 100, "no row agrees");
        assert_eq!(at(7201, 299), 300);
    }

    /// Scenario: no time is remembered; small steps; a clock that is behind; the check switched off.
    /// Guarantees: all are followed.
    #[test]
    fn ordinary_clocks_are_followed() {
        let start = Instant::now();
        let mut trust = Trust::new(None, days(50), 2 * DAY);
        assert_eq!(trust.judge(days(50), start, days(0)), days(50));
        assert_eq!(trust.judge(days(52), start, days(0)), days(52));
        assert_eq!(trust.judge(days(10), start, days(0)), days(10));
        let mut off = Trust::new(Some(days(1)), days(1), Duration::ZERO);
        assert_eq!(off.judge(days(900), start, days(0)), days(900));
    }
}
