//! Collects differences, so that one run of a test tells all of them.

use std::fmt::Debug;

/// Differences found so far. Call [`Checks::finish`] at the end.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    stage: String,
    wrong: Vec<String>,
    made: usize,
}

impl Checks {
    /// Checks made in `stage`, which is named with each difference.
    pub(crate) fn new(stage: &str) -> Checks {
        Checks {
            stage: stage.to_owned(),
            ..Checks::default()
        }
    }

    /// Notes a difference unless `actual` equals `expected`.
    pub(crate) fn eq<E: Debug + PartialEq<A>, A: Debug>(
        &mut self,
        what: &str,
        actual: A,
        expected: E,
    ) {
        self.made += 1;
        if expected != actual {
            let text = format!("{what}\n  expected {expected:?}\n  actual   {actual:?}");
            self.wrong.push(text.chars().take(2_000).collect());
        }
    }

    /// Notes a difference unless `actual` is within a billionth of `expected`.
    pub(crate) fn close(&mut self, what: &str, actual: f64, expected: f64) {
        self.made += 1;
        let near = (actual - expected).abs() <= 1e-9 * expected.abs().max(1.0);
        if !near {
            self.wrong.push(format!(
                "{what}\n  expected {expected}\n  actual   {actual}"
            ));
        }
    }

    /// Notes `what` unless it is so.
    pub(crate) fn yes(&mut self, what: &str, so: bool) {
        self.made += 1;
        if !so {
            self.wrong.push(what.to_owned());
        }
    }

    /// Fails with all differences, and when nothing was checked at all.
    pub(crate) fn finish(self) {
        assert!(self.made > 0, "{}: nothing was checked", self.stage);
        assert!(
            self.wrong.is_empty(),
            "{}: {} of {} checks differ\n{}",
            self.stage,
            self.wrong.len(),
            self.made,
            self.wrong.join("\n")
        );
    }
}
