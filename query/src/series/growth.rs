//! What a cumulative series grew by between its points.
//!
//! In: the points of one series in order of time, each with the start that its total counts from.
//! Out: `(from, to, by)` for each point that tells one. The rules:
//! - A total that counts from the same start as an earlier point grew by the difference; a total
//!   that fell was reset, and grew by all of itself.
//! - A start after the last point is a restart: the total grew from 0 since that start.
//! - Starts that repeat belong to writers that share the series (two processes without an instance
//!   id): each is followed by itself. Starts that never repeat say nothing, and points are compared
//!   one after the other.
//! - The first point of a series counts from 0 only if its start is inside the time that was read;
//!   otherwise what came before is unknown, and it is only the base of the next one.

/// Writers of one series that are followed.
const WRITERS_MAX: usize = 16;

/// A running total.
pub(crate) trait Total: Clone {
    /// What it grew by since `earlier`.
    fn since(&self, earlier: &Self) -> Since<Self>;
}

/// The relation of two totals.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Since<T> {
    /// It grew by this.
    Grew(T),
    /// It began again at 0 between them.
    Reset,
    /// They cannot be compared: histograms of different layouts.
    Unrelated,
}

impl Total for f64 {
    fn since(&self, earlier: &f64) -> Since<f64> {
        if self >= earlier {
            Since::Grew(self - earlier)
        } else {
            Since::Reset
        }
    }
}

/// Growth `by` in the time `(from, to]`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Grown<T> {
    pub(crate) from: i64,
    pub(crate) to: i64,
    pub(crate) by: T,
}

#[derive(Debug)]
struct Writer<T> {
    start: Option<i64>,
    time: i64,
    total: T,
    /// Whether two of its points had the same start.
    steady: bool,
}

/// Follows one series.
#[derive(Debug)]
pub(crate) struct Growth<T> {
    read_from: i64,
    writers: Vec<Writer<T>>,
}

impl<T: Total> Growth<T> {
    /// A series of which all points from `read_from` on will be told.
    pub(crate) fn new(read_from: i64) -> Self {
        Growth {
            read_from,
            writers: Vec::new(),
        }
    }

    /// Takes the next point; returns what it tells.
    pub(crate) fn next(&mut self, start: Option<i64>, time: i64, total: T) -> Option<Grown<T>> {
        let start = start.filter(|start| *start <= time);
        if start.is_some()
            && let Some(writer) = self.writers.iter_mut().find(|w| w.start == start)
        {
            writer.steady = true;
            return writer.follow(time, total);
        }
        let newest = self
            .writers
            .iter()
            .enumerate()
            .max_by_key(|(_, writer)| writer.time)
            .map(|(index, writer)| (index, writer.time));
        let Some((newest, newest_time)) = newest else {
            let grown = self.begun(start, time, &total);
            self.add(start, time, total);
            return grown;
        };
        let steady = self.writers.iter().any(|writer| writer.steady);
        match start {
            Some(since) if since >= newest_time || steady => {
                let grown = self.begun(start, time, &total);
                self.add(start, time, total);
                grown
            }
            _ => {
                let writer = &mut self.writers[newest];
                writer.start = start;
                writer.follow(time, total)
            }
        }
    }

    /// The growth of a total from its start, when all of that time was read.
    fn begun(&self, start: Option<i64>, time: i64, total: &T) -> Option<Grown<T>> {
        let from = start.filter(|start| *start >= self.read_from)?;
        Some(Grown {
            from,
            to: time,
            by: total.clone(),
        })
    }

    fn add(&mut self, start: Option<i64>, time: i64, total: T) {
        if self.writers.len() == WRITERS_MAX {
            let oldest = self.writers.iter().enumerate().min_by_key(|(_, w)| w.time);
            if let Some((oldest, _)) = oldest {
                self.writers.swap_remove(oldest);
            }
        }
        self.writers.push(Writer {
            start,
            time,
            total,
            steady: false,
        });
    }
}

impl<T: Total> Writer<T> {
    /// The growth since the last point; none for a point of the same moment.
    fn follow(&mut self, time: i64, total: T) -> Option<Grown<T>> {
        let from = self.time;
        if time <= from {
            return None;
        }
        let by = match total.since(&self.total) {
            Since::Grew(by) => Some(by),
            Since::Reset => Some(total.clone()),
            Since::Unrelated => None,
        };
        self.time = time;
        self.total = total;
        by.map(|by| Grown { from, to: time, by })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn grown(points: &[(Option<i64>, i64, f64)], read_from: i64) -> Vec<Option<(i64, i64, f64)>> {
        let mut growth = Growth::new(read_from);
        points
            .iter()
            .map(|(start, time, total)| growth.next(*start, *time, *total))
            .map(|grown| grown.map(|g| (g.from, g.to, g.by)))
            .collect()
    }

    /// Scenario: a series from its start on; one that began before what was read; a restart with a
    /// higher total than before; a fall without a new start; no start at all; the same point twice.
    /// Guarantees: the growth that the totals tell, no more.
    #[test]
    fn totals_grow() {
        let s = Some(10);
        assert_eq!(
            grown(&[(s, 20, 5.0), (s, 30, 5.0), (s, 40, 8.0)], 0),
            [
                Some((10, 20, 5.0)),
                Some((20, 30, 0.0)),
                Some((30, 40, 3.0))
            ]
        );
        assert_eq!(
            grown(&[(s, 20, 5.0), (s, 30, 7.0)], 11),
            [None, Some((20, 30, 2.0))]
        );
        assert_eq!(
            grown(&[(s, 20, 5.0), (Some(22), 30, 9.0)], 0),
            [Some((10, 20, 5.0)), Some((22, 30, 9.0))]
        );
        assert_eq!(
            grown(&[(s, 20, 5.0), (s, 30, 2.0), (s, 40, 3.0)], 0),
            [
                Some((10, 20, 5.0)),
                Some((20, 30, 2.0)),
                Some((30, 40, 1.0))
            ]
        );
        assert_eq!(
            grown(&[(None, 20, 5.0), (None, 30, 6.0), (None, 40, 1.0)], 0),
            [None, Some((20, 30, 1.0)), Some((30, 40, 1.0))]
        );
        assert_eq!(
            grown(&[(s, 20, 5.0), (s, 20, 5.0)], 0),
            [Some((10, 20, 5.0)), None]
        );
    }

    /// Scenario: two processes write one series without an instance id; a sender whose start is
    /// another one at each point.
    /// Guarantees: each process is followed by itself; a start that never repeats is no restart.
    #[test]
    fn writers_are_told_apart() {
        let (a, b) = (Some(0), Some(1));
        let two = [
            (a, 10, 100.0),
            (a, 20, 110.0),
            (b, 21, 3.0),
            (a, 30, 115.0),
            (b, 31, 4.0),
        ];
        let by: f64 = grown(&two, 0).into_iter().flatten().map(|g| g.2).sum();
        assert_eq!(by, 115.0 + 4.0);
        let drifting = [
            (Some(5), 10, 100.0),
            (Some(6), 20, 110.0),
            (Some(7), 30, 111.0),
        ];
        let by: Vec<f64> = grown(&drifting, 8)
            .into_iter()
            .flatten()
            .map(|g| g.2)
            .collect();
        assert_eq!(by, [10.0, 1.0]);
    }

    proptest! {
        /// Scenario: a counter that adds and restarts at random, with starts or without.
        /// Guarantees: the growth adds up to what was counted (without starts, to no more than
        /// that, since a restart that outgrows the last total cannot be seen).
        #[test]
        fn growth_is_what_was_counted(steps in proptest::collection::vec((0_u32..100, 0_u8..10), 1..60)) {
            let (mut start, mut total, mut counted) = (0, 0.0, 0.0);
            let mut points = Vec::new();
            for (index, (add, restart)) in steps.iter().enumerate() {
                let time = (index as i64 + 1) * 10;
                if *restart == 0 {
                    (start, total) = (time - 5, 0.0);
                }
                total += f64::from(*add);
                counted += f64::from(*add);
                points.push((Some(start), time, total));
            }
            let sum = |points: &[_]| grown(points, 0).into_iter().flatten().map(|g| g.2).sum::<f64>();
            prop_assert!((sum(&points) - counted).abs() < 1e-6);
            let bare: Vec<_> = points.iter().map(|(_, time, total)| (None, *time, *total)).collect();
            prop_assert!(sum(&bare) <= counted + 1e-6);
        }
    }
}
