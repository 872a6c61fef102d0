//! Points to lines: one value a step, for each group of series.
//!
//! In: points in order of (group, series, time), from some time before the first step to some time
//! after the last. Out: [`Line`]s. Only one line is in memory at a time, besides the best ones.
//!
//! What a step has of a series: of a gauge (or a sum that may fall) the mean of its points, or the
//! value before, which holds until the next point for at most [`HOLD_MAX`]; of a counter or a
//! histogram what it grew by, spread evenly over the time between points.

use super::distribution::{Distribution, Histogram};
use super::growth::{Grown, Growth};
use super::steps::Steps;

/// How long a gauge's value holds without a new one: 5 minutes.
pub(crate) const HOLD_MAX: i64 = 300_000_000_000;

/// What one line shows of its points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Aggregate {
    /// The mean of values; of histograms, of what was measured.
    Avg,
    /// The sum over series of their means; of counters and histograms, of what they grew by.
    Sum,
    /// The least value.
    Min,
    /// The greatest value.
    Max,
    /// Growth a second.
    Rate,
    /// Growth in the step.
    Increase,
    /// Points; of histograms and summaries, values measured.
    Count,
    /// A quantile: of a histogram from its buckets, of a summary the one it sent.
    Quantile(f64),
}

/// What a point says.
#[derive(Debug, Clone)]
pub(crate) enum Reading {
    /// A gauge, or a sum that may fall.
    Level(f64),
    /// A sum that only rises: the total since the start, or the growth in the interval.
    Counter(f64),
    /// A histogram: the same.
    Histogram(Box<Histogram>, Option<(f64, f64)>),
    /// A summary: count, sum, and quantiles.
    Summary {
        count: f64,
        sum: f64,
        quantiles: Vec<(f64, f64)>,
    },
    /// The sender says that there is no value any more.
    Gone,
}

/// One point.
#[derive(Debug, Clone)]
pub(crate) struct Point {
    pub(crate) series: u64,
    pub(crate) start: Option<i64>,
    pub(crate) time: i64,
    /// Whether it counts from the last point instead of from the start.
    pub(crate) delta: bool,
    pub(crate) reading: Reading,
}

/// One line: its group, and a value for each step.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line<G> {
    pub(crate) group: G,
    /// The quantile, of summaries.
    pub(crate) quantile: Option<f64>,
    pub(crate) values: Vec<Option<f64>>,
}

impl<G> Line<G> {
    /// The mean of its values without their signs: what lines are ranked by.
    fn weight(&self) -> f64 {
        let values = self.values.iter().flatten();
        let count = values.clone().count();
        values.map(|value| value.abs()).sum::<f64>() / count.max(1) as f64
    }
}

/// One step of a line.
#[derive(Debug, Clone, Default)]
struct Cell {
    points: f64,
    sum: f64,
    min: Option<f64>,
    max: Option<f64>,
    /// Sum over series of their means.
    levels: f64,
    has_levels: bool,
    grown: Option<f64>,
}

impl Cell {
    fn add(&mut self, value: f64) {
        self.points += 1.0;
        self.sum += value;
        self.extremes(value, value);
    }

    fn extremes(&mut self, min: f64, max: f64) {
        self.min = Some(self.min.map_or(min, |known| known.min(min)));
        self.max = Some(self.max.map_or(max, |known| known.max(max)));
    }
}

/// What a series was last seen with.
#[derive(Debug)]
struct Series {
    id: u64,
    /// Mean of its levels by step: (sum, points).
    levels: Vec<(f64, f64)>,
    last: Option<(i64, f64)>,
    interval: i64,
    counter: Growth<f64>,
    histogram: Growth<Histogram>,
    summary_count: Growth<f64>,
    summary_sum: Growth<f64>,
}

/// Makes lines of points.
#[derive(Debug)]
pub(crate) struct Lines<G> {
    steps: Steps,
    aggregate: Aggregate,
    read_from: i64,
    best_max: usize,
    group: Option<G>,
    series: Option<Series>,
    cells: Vec<Cell>,
    distributions: Vec<Distribution>,
    quantiles: Vec<(f64, Vec<(f64, f64)>)>,
    last_time: i64,
    best: Vec<Line<G>>,
    lines_count: u64,
    series_count: u64,
    heat: Vec<Distribution>,
}

/// What came out.
#[derive(Debug)]
pub(crate) struct Made<G> {
    /// The lines that matter most, most first.
    pub(crate) lines: Vec<Line<G>>,
    /// Lines in all.
    pub(crate) lines_count: u64,
    /// Series behind them.
    pub(crate) series_count: u64,
    /// What histograms measured, by step, all groups together.
    pub(crate) heat: Vec<Distribution>,
}

impl<G: PartialEq + Clone> Lines<G> {
    /// Lines over `steps` of points from `read_from` on; keeps the `best_max` that matter most.
    pub(crate) fn new(steps: Steps, aggregate: Aggregate, read_from: i64, best_max: usize) -> Self {
        Lines {
            steps,
            aggregate,
            read_from,
            best_max,
            group: None,
            series: None,
            cells: vec![Cell::default(); steps.count],
            distributions: vec![Distribution::default(); steps.count],
            quantiles: Vec::new(),
            last_time: i64::MIN,
            best: Vec::new(),
            lines_count: 0,
            series_count: 0,
            heat: vec![Distribution::default(); steps.count],
        }
    }

    /// Takes the next point.
    pub(crate) fn next(&mut self, group: &G, point: Point) {
        if self.group.as_ref() != Some(group) {
            self.end_line();
            self.group = Some(group.clone());
        }
        if self
            .series
            .as_ref()
            .is_none_or(|series| series.id != point.series)
        {
            self.end_series();
            self.series_count += 1;
            self.series = Some(Series {
                id: point.series,
                levels: vec![(0.0, 0.0); self.steps.count],
                last: None,
                interval: 0,
                counter: Growth::new(self.read_from),
                histogram: Growth::new(self.read_from),
                summary_count: Growth::new(self.read_from),
                summary_sum: Growth::new(self.read_from),
            });
        }
        self.last_time = self.last_time.max(point.time);
        if let Some(mut series) = self.series.take() {
            self.read(&mut series, point);
            self.series = Some(series);
        }
    }

    fn read(&mut self, series: &mut Series, point: Point) {
        let Point {
            start, time, delta, ..
        } = point;
        let index = self.steps.index(time);
        match point.reading {
            Reading::Gone => series.last = None,
            Reading::Level(value) if value.is_nan() => series.last = None,
            Reading::Level(value) => self.level(series, time, value),
            Reading::Counter(value) => {
                if let Some(index) = index {
                    self.cells[index].add(value);
                }
                let grown = match delta {
                    true => Some(interval(start, time, value)),
                    false => series.counter.next(start, time, value),
                };
                if let Some(grown) = grown {
                    self.grow(&grown);
                }
            }
            Reading::Histogram(histogram, extremes) => {
                if let (Some(index), Some((min, max)), true) = (index, extremes, delta) {
                    self.cells[index].extremes(min, max);
                }
                let grown = match delta {
                    true => Some(interval(start, time, *histogram)),
                    false => series.histogram.next(start, time, *histogram),
                };
                if let Some(grown) = grown {
                    let (steps, distributions) = (self.steps, &mut self.distributions);
                    steps.spread(grown.from, grown.to, |step, share| {
                        distributions[step].add(&grown.by, share);
                    });
                }
            }
            Reading::Summary {
                count,
                sum,
                quantiles,
            } => {
                if let Some(index) = index {
                    for (q, value) in quantiles.into_iter().filter(|(_, value)| !value.is_nan()) {
                        let (total, points) = &mut self.of_quantile(q)[index];
                        *total += value;
                        *points += 1.0;
                    }
                }
                let counted = series.summary_count.next(start, time, count);
                let summed = series.summary_sum.next(start, time, sum);
                let (steps, distributions) = (self.steps, &mut self.distributions);
                if let Some(grown) = counted {
                    steps.spread(grown.from, grown.to, |i, share| {
                        distributions[i].count += grown.by * share
                    });
                }
                if let Some(grown) = summed {
                    steps.spread(grown.from, grown.to, |i, share| {
                        distributions[i].sum += grown.by * share
                    });
                }
            }
        }
    }

    fn of_quantile(&mut self, q: f64) -> &mut Vec<(f64, f64)> {
        let at = match self.quantiles.iter().position(|(known, _)| *known == q) {
            Some(at) => at,
            None => {
                self.quantiles.push((q, vec![(0.0, 0.0); self.steps.count]));
                self.quantiles.len() - 1
            }
        };
        &mut self.quantiles[at].1
    }

    fn level(&mut self, series: &mut Series, time: i64, value: f64) {
        if let Some((last, held)) = series.last
            && time > last
        {
            series.interval = time - last;
            if series.interval <= HOLD_MAX {
                self.hold(series, last, time, held);
            }
        }
        series.last = Some((time, value));
        if let Some(index) = self.steps.index(time) {
            self.cells[index].add(value);
            let (sum, points) = &mut series.levels[index];
            *sum += value;
            *points += 1.0;
        }
    }

    /// Lets `value` hold in the steps that lie between the ones of `from` and `to`.
    fn hold(&mut self, series: &mut Series, from: i64, to: i64, value: f64) {
        let first = match self.steps.index(from) {
            Some(index) => index + 1,
            None if from < self.steps.start => 0,
            None => return,
        };
        let end = self.steps.index(to).unwrap_or(if to < self.steps.start {
            0
        } else {
            self.steps.count
        });
        for index in first..end {
            self.cells[index].add(value);
            series.levels[index] = (value, 1.0);
        }
    }

    fn grow(&mut self, grown: &Grown<f64>) {
        let cells = &mut self.cells;
        self.steps.spread(grown.from, grown.to, |index, share| {
            *cells[index].grown.get_or_insert(0.0) += grown.by * share;
        });
    }

    fn end_series(&mut self) {
        let Some(mut series) = self.series.take() else {
            return;
        };
        if let Some((time, value)) = series.last {
            let until = time.saturating_add(series.interval.min(HOLD_MAX));
            self.hold(&mut series, time, until, value);
        }
        for (cell, (sum, points)) in self.cells.iter_mut().zip(&series.levels) {
            if *points > 0.0 {
                cell.levels += sum / points;
                cell.has_levels = true;
            }
        }
    }

    fn end_line(&mut self) {
        self.end_series();
        let Some(group) = self.group.take() else {
            return;
        };
        let count = self.steps.count;
        let cells = std::mem::replace(&mut self.cells, vec![Cell::default(); count]);
        let fresh = vec![Distribution::default(); count];
        let distributions = std::mem::replace(&mut self.distributions, fresh);
        for (heat, of_line) in self.heat.iter_mut().zip(&distributions) {
            heat.merge(of_line);
        }
        let quantiles = std::mem::take(&mut self.quantiles);
        let wanted = self.aggregate;
        let by_quantile =
            |q: f64| matches!(wanted, Aggregate::Quantile(want) if want == q || want.is_nan());
        for (q, means) in quantiles.into_iter().filter(|(q, _)| by_quantile(*q)) {
            let mean = |(sum, points): (f64, f64)| (points > 0.0).then(|| sum / points);
            self.keep(Line {
                group: group.clone(),
                quantile: Some(q),
                values: means.into_iter().map(mean).collect(),
            });
        }
        let values: Vec<Option<f64>> = cells
            .iter()
            .zip(&distributions)
            .map(|(cell, distribution)| self.value(cell, distribution))
            .collect();
        if values.iter().any(Option::is_some) {
            self.keep(Line {
                group,
                quantile: None,
                values,
            });
        }
    }

    /// What the line shows of a step.
    fn value(&self, cell: &Cell, of: &Distribution) -> Option<f64> {
        let measured = of.count > 0.0;
        let grown = cell.grown.or(measured.then_some(of.count));
        let value = match self.aggregate {
            Aggregate::Avg if measured => Some(of.sum / of.count),
            Aggregate::Avg => (cell.points > 0.0).then(|| cell.sum / cell.points),
            Aggregate::Sum if measured => Some(of.sum),
            Aggregate::Sum => match cell.has_levels {
                true => Some(cell.levels),
                false => cell.grown,
            },
            Aggregate::Min => cell.min,
            Aggregate::Max => cell.max,
            Aggregate::Rate => grown.map(|grown| grown / self.steps.seconds()),
            Aggregate::Increase => grown,
            Aggregate::Count if measured => Some(of.count),
            Aggregate::Count => (cell.points > 0.0).then_some(cell.points),
            Aggregate::Quantile(q) if !q.is_nan() => of.quantile(q),
            Aggregate::Quantile(_) => None,
        };
        value.filter(|value| value.is_finite())
    }

    fn keep(&mut self, line: Line<G>) {
        self.lines_count += 1;
        self.best.push(line);
        if self.best.len() > self.best_max.saturating_mul(2) {
            self.rank();
        }
    }

    fn rank(&mut self) {
        self.best.sort_by(|a, b| b.weight().total_cmp(&a.weight()));
        self.best.truncate(self.best_max);
    }

    /// The lines, when there are no more points.
    pub(crate) fn finish(mut self) -> Made<G> {
        self.end_line();
        self.rank();
        if self.aggregate == Aggregate::Rate {
            self.finish_rates();
        }
        Made {
            lines: self.best,
            lines_count: self.lines_count,
            series_count: self.series_count,
            heat: self.heat,
        }
    }

    /// The last step that points reach into is shorter than the others: its rate is that of the
    /// part which has been seen, or none when that is less than half.
    fn finish_rates(&mut self) {
        let Some(last) = self.steps.index(self.last_time) else {
            return;
        };
        let start = self.steps.start + self.steps.step * last as i64;
        let share = (self.last_time - start) as f64 / self.steps.step as f64;
        for line in &mut self.best {
            let value = &mut line.values[last];
            *value = value.filter(|_| share >= 0.5).map(|value| value / share);
        }
    }
}

/// Growth that a delta point tells.
fn interval<T>(start: Option<i64>, time: i64, by: T) -> Grown<T> {
    let from = start.filter(|start| *start <= time).unwrap_or(time);
    Grown { from, to: time, by }
}

#[cfg(test)]
mod tests {
    use super::super::distribution::Buckets;
    use super::*;

    const STEPS: Steps = Steps {
        start: 0,
        step: 10,
        count: 6,
    };

    fn made(aggregate: Aggregate, points: &[(u8, u64, Point)]) -> Vec<(u8, Vec<Option<f64>>)> {
        let mut lines = Lines::new(STEPS, aggregate, -100, 10);
        for (group, _, point) in points {
            lines.next(group, point.clone());
        }
        let lines = lines.finish().lines.into_iter();
        lines.map(|line| (line.group, line.values)).collect()
    }

    fn point(series: u64, time: i64, reading: Reading) -> (u8, u64, Point) {
        let point = Point {
            series,
            start: Some(0),
            time,
            delta: false,
            reading,
        };
        (0, series, point)
    }

    /// Scenario: two gauges in one group that report at different times, one of which ends.
    /// Guarantees: mean, sum, least, greatest, with values that hold between points; nothing after
    /// the end but one interval.
    #[test]
    fn gauges_hold_between_points() {
        let level = |series, time, value| point(series, time, Reading::Level(value));
        let points = [
            level(1, 5, 10.0),
            level(1, 25, 30.0),
            level(2, 12, 1.0),
            level(2, 32, 3.0),
        ];
        let some =
            |values: [f64; 5]| -> Vec<_> { values.map(Some).into_iter().chain([None]).collect() };
        let sum = made(Aggregate::Sum, &points);
        assert_eq!(sum, [(0, some([10.0, 11.0, 31.0, 33.0, 3.0]))]);
        let sum = made(Aggregate::Max, &points);
        assert_eq!(sum, [(0, some([10.0, 10.0, 30.0, 30.0, 3.0]))]);
        let points = [
            level(1, 5, 10.0),
            point(1, 15, Reading::Gone),
            level(1, 45, 1.0),
        ];
        let got = &made(Aggregate::Avg, &points)[0].1;
        assert_eq!(got[..5], [Some(10.0), None, None, None, Some(1.0)]);
    }

    /// Scenario: cumulative counters of two groups, one of which restarts, and a delta counter.
    /// Guarantees: growth spread over the steps between points; lines ranked by size; a rate a
    /// second.
    #[test]
    fn counters_grow() {
        let counter = |group, series, time, start, value, delta| {
            let point = Point {
                series,
                start: Some(start),
                time,
                delta,
                reading: Reading::Counter(value),
            };
            (group, series, point)
        };
        let points = [
            counter(1, 1, 10, 0, 4.0, false),
            counter(1, 1, 30, 0, 8.0, false),
            counter(1, 1, 40, 30, 6.0, false),
            counter(2, 7, 20, 0, 100.0, true),
            counter(2, 7, 40, 20, 20.0, true),
        ];
        let got = made(Aggregate::Increase, &points);
        let want = [
            (
                2,
                vec![Some(50.0), Some(50.0), Some(10.0), Some(10.0), None, None],
            ),
            (
                1,
                vec![Some(4.0), Some(2.0), Some(2.0), Some(6.0), None, None],
            ),
        ];
        assert_eq!(got, want);
        let rate = made(Aggregate::Rate, &points);
        assert_eq!(rate[1].1[1], Some(2.0 / 1e-8));
    }

    /// Scenario: a cumulative histogram of two points.
    /// Guarantees: quantile, rate, mean and count of what was measured between them.
    #[test]
    fn histograms_are_measured() {
        let histogram = |count: u64, sum| {
            let buckets = Buckets::Explicit {
                bounds: vec![10.0, 20.0],
                counts: vec![0, count, 0],
            };
            Reading::Histogram(
                Box::new(Histogram {
                    count,
                    sum,
                    buckets,
                }),
                None,
            )
        };
        let points = [
            point(1, 10, histogram(4, 60.0)),
            point(1, 20, histogram(8, 100.0)),
        ];
        let first = |aggregate| made(aggregate, &points)[0].1[..3].to_vec();
        assert_eq!(first(Aggregate::Count), [Some(4.0), Some(4.0), None]);
        assert_eq!(first(Aggregate::Avg), [Some(15.0), Some(10.0), None]);
        let median = first(Aggregate::Quantile(0.5));
        assert!((median[1].unwrap() - 15.0).abs() < 1e-9);
    }
}
