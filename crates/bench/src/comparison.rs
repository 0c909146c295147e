//! Compares two subjects: whether they differ, and by how much.

use serde::{Deserialize, Serialize};

use crate::milestone::Milestone;
use crate::report::Subject;
use crate::stats::{Interval, percentile, ratio_interval, sorted};

/// Runs of each below which nothing is called a difference: the interval of a median of four is too narrow to be believed.
pub const MINIMUM_RUNS: usize = 5;

/// The ratio of two medians.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ratio {
    /// The second subject's median divided by the first's.
    pub value: f64,
    /// Its interval.
    #[serde(flatten)]
    pub interval: Interval,
}

impl Ratio {
    /// The other way round: the first divided by the second.
    #[must_use]
    pub fn inverse(self) -> Self {
        Self {
            value: 1.0 / self.value,
            interval: Interval {
                low: 1.0 / self.interval.high,
                high: 1.0 / self.interval.low,
            },
        }
    }
}

/// The verdict of an interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The second is faster: the whole interval lies below 1.
    Faster,
    /// The second is slower: the whole interval lies above 1 and the tolerance.
    Slower,
    /// The interval holds 1, or the second is slower within the tolerance.
    Same,
    /// There are fewer than [`MINIMUM_RUNS`] of one.
    TooFew,
}

/// Two subjects side by side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The milestone by which they are judged.
    pub goal: Milestone,
    /// The ratio there.
    pub ratio: Ratio,
    /// The verdict on that ratio.
    pub verdict: Verdict,
    /// The ratios at every milestone that both have.
    pub all: Vec<(Milestone, Ratio)>,
}

impl Comparison {
    /// Compares `second` with `first`; what is slower by less than `tolerance` (0.05 is 5 %) is not called so. `None`
    /// where they have no milestone in common.
    pub fn of(first: &Subject, second: &Subject, tolerance: f64) -> Option<Self> {
        let all: Vec<(Milestone, Ratio)> = Milestone::ALL
            .into_iter()
            .filter_map(|at| Some((at, ratio(first, second, at)?)))
            .collect();
        let wanted = [first.goal(), second.goal(), Some(Milestone::Ready)];
        let shared = |goal: &Milestone| all.iter().any(|(at, _)| at == goal);
        let goal = wanted.into_iter().flatten().find(shared);
        let goal = goal.or_else(|| all.last().map(|(at, _)| *at))?;
        let ratio = all.iter().find(|(at, _)| *at == goal)?.1;
        let fewest = first.samples(goal).len().min(second.samples(goal).len());
        let verdict = if fewest < MINIMUM_RUNS {
            Verdict::TooFew
        } else if ratio.interval.low > 1.0 + tolerance {
            Verdict::Slower
        } else if ratio.interval.high < 1.0 {
            Verdict::Faster
        } else {
            Verdict::Same
        };
        Some(Self {
            goal,
            ratio,
            verdict,
            all,
        })
    }

    /// One sentence, which names both.
    pub fn sentence(&self, first: &str, second: &str) -> String {
        let goal = self.goal.title();
        let (fast, slow, ratio) = if self.ratio.value <= 1.0 {
            (second, first, self.ratio.inverse())
        } else {
            (first, second, self.ratio)
        };
        let factor = format!(
            "{:.2} (95 % interval {:.2} to {:.2})",
            ratio.value, ratio.interval.low, ratio.interval.high
        );
        match self.verdict {
            Verdict::Same => format!(
                "{first} and {second}: no difference beyond the interval until \"{goal}\"; {slow} takes {factor} times as long as {fast}"
            ),
            Verdict::Faster | Verdict::Slower => {
                format!("{slow} takes {factor} times as long as {fast} until \"{goal}\"")
            }
            Verdict::TooFew => format!(
                "{slow} takes {factor} times as long as {fast} until \"{goal}\"; fewer than {MINIMUM_RUNS} runs judge nothing"
            ),
        }
    }
}

fn ratio(first: &Subject, second: &Subject, at: Milestone) -> Option<Ratio> {
    let (first, second) = (sorted(&first.samples(at)), sorted(&second.samples(at)));
    let value = percentile(&second, 0.5)? / percentile(&first, 0.5)?;
    let interval = ratio_interval(&second, &first)?;
    value.is_finite().then_some(Ratio { value, interval })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::report;
    use proptest::prelude::*;

    fn compare(first: &[f64], second: &[f64], tolerance: f64) -> Comparison {
        let report = report(first, second);
        Comparison::of(&report.subjects[0], &report.subjects[1], tolerance).unwrap()
    }

    const BASE: [f64; 6] = [100.0, 101.0, 99.0, 102.0, 98.0, 100.5];

    #[test]
    fn a_regression_is_one_beyond_the_interval_and_the_tolerance() {
        let slower: Vec<f64> = BASE.iter().map(|at| at * 1.2).collect();
        assert_eq!(compare(&BASE, &slower, 0.0).verdict, Verdict::Slower);
        assert_eq!(compare(&BASE, &slower, 0.3).verdict, Verdict::Same);
        assert_eq!(compare(&slower, &BASE, 0.0).verdict, Verdict::Faster);
        assert_eq!(compare(&BASE, &BASE, 0.0).verdict, Verdict::Same);
        assert_eq!(
            compare(&BASE[..4], &slower[..4], 0.0).verdict,
            Verdict::TooFew
        );
    }

    #[test]
    fn the_sentence_has_the_factor_the_right_way_round() {
        let tenth: Vec<f64> = BASE.iter().map(|at| at / 10.0).collect();
        let found = compare(&BASE, &tenth, 0.0);
        assert_eq!(found.goal, Milestone::Ready);
        let told = found.sentence("a boot", "a resume");
        assert!(
            told.starts_with("a boot takes 10.00 (95 % interval "),
            "{told}"
        );
        assert!(
            told.ends_with("times as long as a resume until \"ready\""),
            "{told}"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8))]
        #[test]
        fn nothing_is_slower_than_itself(times in proptest::collection::vec(1.0..1e5f64, 5..12)) {
            prop_assert_eq!(compare(&times, &times, 0.0).verdict, Verdict::Same);
        }
    }
}
