//! Percentiles.

/// The finite samples in ascending order.
pub fn sorted(samples: &[f64]) -> Vec<f64> {
    let mut sorted: Vec<f64> = samples.iter().copied().filter(|s| s.is_finite()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
}

/// The `quantile` (0.5 is the median) of samples in ascending order, by linear interpolation between the two nearest: the
/// definition 7 of Hyndman and Fan (1996), which NumPy and R take when nobody says otherwise. `None` without samples.
pub fn percentile(sorted: &[f64], quantile: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let place = quantile.clamp(0.0, 1.0) * last as f64;
    let below = place.floor();
    let index = below as usize; // at most `last`
    let low = *sorted.get(index)?;
    let high = *sorted.get(index + 1).unwrap_or(&low);
    Some(low + (high - low) * (place - below))
}

/// Whether `count` samples say something of this quantile: one in every `1 / (1 - quantile)` lies above it, and at least
/// one has to. Below that the figure is little more than the largest sample.
pub fn is_resolved(count: usize, quantile: f64) -> bool {
    count as f64 * (1.0 - quantile) >= 1.0 - 1e-9
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_figures_are_those_of_numpy() {
        let samples = sorted(&[15.0, 20.0, 35.0, 40.0, 50.0]);
        assert_eq!(percentile(&samples, 0.5), Some(35.0));
        assert_eq!(percentile(&samples, 0.4), Some(29.0));
        assert_eq!(percentile(&samples, 0.9), Some(46.0));
        assert_eq!(percentile(&samples, 1.0), Some(50.0));
        assert_eq!(percentile(&[], 0.5), None);
    }

    #[test]
    fn a_tail_needs_samples() {
        assert!(is_resolved(2, 0.5) && !is_resolved(1, 0.5));
        assert!(is_resolved(10, 0.9) && !is_resolved(9, 0.9));
        assert!(is_resolved(100, 0.99) && !is_resolved(99, 0.99));
    }

    proptest! {
        #[test]
        fn percentiles_are_ordered_and_within_the_samples(
            samples in proptest::collection::vec(-1e9f64..1e9, 1..60), a in 0.0..1.0f64, b in 0.0..1.0f64,
        ) {
            let sorted = sorted(&samples);
            let (a, b) = (a.min(b), a.max(b));
            let (low, high) = (percentile(&sorted, a).unwrap(), percentile(&sorted, b).unwrap());
            prop_assert!(low <= high);
            prop_assert!(sorted[0] <= low && high <= sorted[sorted.len() - 1]);
        }

        #[test]
        fn the_median_moves_with_the_samples(
            samples in proptest::collection::vec(0.0..1e6f64, 1..40), by in 0.0..1e6f64,
        ) {
            let moved: Vec<f64> = samples.iter().map(|s| s + by).collect();
            let median = |samples: &[f64]| percentile(&sorted(samples), 0.5).unwrap();
            prop_assert!((median(&moved) - median(&samples) - by).abs() < 1e-6);
        }
    }
}
