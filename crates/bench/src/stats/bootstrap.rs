//! Confidence intervals by the bootstrap: the spread of a figure over resamples of what was measured. It assumes nothing
//! of the distribution, which for boots is skewed and often has two humps.

use serde::{Deserialize, Serialize};

use super::percentile::{percentile, sorted};

/// The share of the resamples that an interval holds.
pub const CONFIDENCE: f64 = 0.95;

/// Resamples: the ends of a 95 % interval then move by less than a hundredth of its width from seed to seed.
pub const RESAMPLES: usize = 10_000;

/// The seed of `fastrand`'s generator (wyrand), so that the same samples have the same intervals everywhere.
pub const SEED: u64 = 0x6b69_6e64_6c69_6e67; // "kindling"

/// An interval, ends included.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// The interval of a quantile of the samples, which are in ascending order; `None` without samples.
pub fn interval(sorted: &[f64], quantile: f64) -> Option<Interval> {
    let mut rng = fastrand::Rng::with_seed(SEED);
    spread(|| percentile(&resample(sorted, &mut rng), quantile))
}

/// The interval of the ratio of two medians, `of` divided by `to`; both in ascending order. `None` where one has no
/// samples or a median may be zero.
pub fn ratio_interval(of: &[f64], to: &[f64]) -> Option<Interval> {
    let mut rng = fastrand::Rng::with_seed(SEED);
    spread(|| {
        let above = percentile(&resample(of, &mut rng), 0.5)?;
        let below = percentile(&resample(to, &mut rng), 0.5)?;
        Some(above / below)
    })
}

/// The middle [`CONFIDENCE`] of many figures.
fn spread(mut figure: impl FnMut() -> Option<f64>) -> Option<Interval> {
    let figures: Option<Vec<f64>> = (0..RESAMPLES).map(|_| figure()).collect();
    let figures = figures.filter(|all| all.iter().all(|figure| figure.is_finite()))?;
    let figures = sorted(&figures);
    let tail = (1.0 - CONFIDENCE) / 2.0;
    Some(Interval {
        low: percentile(&figures, tail)?,
        high: percentile(&figures, 1.0 - tail)?,
    })
}

/// As many samples, drawn with replacement, in ascending order.
fn resample(samples: &[f64], rng: &mut fastrand::Rng) -> Vec<f64> {
    let mut drawn: Vec<f64> = (0..samples.len())
        .filter_map(|_| samples.get(rng.usize(..samples.len())).copied())
        .collect();
    drawn.sort_unstable_by(f64::total_cmp);
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A sample of a skewed distribution whose median is 100: 50 and an exponential one.
    fn skewed(count: usize, rng: &mut fastrand::Rng) -> Vec<f64> {
        let scale = 50.0 / std::f64::consts::LN_2;
        sorted(
            &(0..count)
                .map(|_| 50.0 - (1.0 - rng.f64()).ln() * scale)
                .collect::<Vec<_>>(),
        )
    }

    #[test]
    fn an_interval_holds_the_true_median_as_often_as_it_says() {
        let mut rng = fastrand::Rng::with_seed(7);
        let held = (0..120).filter(|_| {
            let found = interval(&skewed(20, &mut rng), 0.5).unwrap();
            (found.low..=found.high).contains(&100.0)
        });
        let held = held.count();
        // 95 % of 120 are 114; six standard deviations of the binomial below that are 100.
        assert!((100..=120).contains(&held), "{held}");
    }

    #[test]
    fn two_draws_of_the_same_rarely_differ() {
        let mut rng = fastrand::Rng::with_seed(11);
        let alarms = (0..60).filter(|_| {
            let (one, other) = (skewed(15, &mut rng), skewed(15, &mut rng));
            ratio_interval(&one, &other).unwrap().low > 1.0
        });
        let alarms = alarms.count();
        assert!(alarms <= 6, "{alarms} of 60"); // 2.5 % are expected
    }

    #[test]
    fn a_true_difference_is_found() {
        let mut rng = fastrand::Rng::with_seed(13);
        let ratios = (0..20).map(|_| {
            let (base, slower) = (skewed(15, &mut rng), skewed(15, &mut rng));
            let slower: Vec<f64> = slower.iter().map(|sample| sample * 3.0).collect();
            ratio_interval(&slower, &base).unwrap()
        });
        let ratios: Vec<Interval> = ratios.collect();
        let found = ratios.iter().filter(|ratio| ratio.low > 1.0).count();
        let held = ratios
            .iter()
            .filter(|ratio| (ratio.low..=ratio.high).contains(&3.0));
        // 95 % of 20 are 19.
        let held = held.count();
        assert!(found >= 19 && held >= 17, "{found} found, {held} held");
    }

    #[test]
    fn without_samples_there_is_no_interval() {
        assert_eq!(ratio_interval(&[1.0], &[0.0]), None);
        assert_eq!(interval(&[], 0.5), None);
    }

    #[test]
    fn the_same_samples_have_the_same_interval_everywhere() {
        // Figures of saved reports are compared with those of other machines: another generator, or another version of
        // `fastrand` that draws otherwise, is a change of the method and is noticed here.
        let samples: Vec<f64> = (1..=15).map(|at| 1.1f64.powi(at)).collect();
        let found = ratio_interval(&samples, &samples[2..9]).unwrap();
        assert_eq!(
            [found.low, found.high].map(|end| format!("{end:.6}")),
            ["0.826446", "1.771561"]
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn an_interval_is_within_the_samples_and_holds_their_median(
            samples in proptest::collection::vec(0.1..1e6f64, 1..30),
        ) {
            let sorted = sorted(&samples);
            let found = interval(&sorted, 0.5).unwrap();
            let median = percentile(&sorted, 0.5).unwrap();
            prop_assert!(sorted[0] <= found.low && found.low <= median);
            prop_assert!(median <= found.high && found.high <= sorted[sorted.len() - 1]);
            prop_assert_eq!(interval(&sorted, 0.5), Some(found)); // the same again
        }
    }
}
