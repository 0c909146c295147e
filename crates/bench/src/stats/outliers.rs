//! Samples that lie apart. They are told and counted like all others: a slow boot happened.

use super::percentile::percentile;

/// Beyond this many interquartile ranges from the middle half (Tukey, "Exploratory Data Analysis", 1977).
const REACH: f64 = 1.5;

/// Samples from which on quartiles mean something.
const FEWEST: usize = 5;

/// Between these a sample is ordinary.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fences {
    /// The lower one.
    pub low: f64,
    /// The upper one.
    pub high: f64,
}

impl Fences {
    /// Whether a sample lies apart.
    pub fn exclude(self, sample: f64) -> bool {
        sample < self.low || sample > self.high
    }
}

/// Tukey's fences of samples in ascending order; `None` where there are fewer than five.
pub fn fences(sorted: &[f64]) -> Option<Fences> {
    if sorted.len() < FEWEST {
        return None;
    }
    let (first, third) = (percentile(sorted, 0.25)?, percentile(sorted, 0.75)?);
    let reach = REACH * (third - first);
    Some(Fences {
        low: first - reach,
        high: third + reach,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::sorted;
    use proptest::prelude::*;

    #[test]
    fn a_slow_boot_lies_apart() {
        let samples = sorted(&[10.0, 10.2, 10.1, 9.9, 10.0, 15.0]);
        let fences = fences(&samples).unwrap();
        let apart: Vec<f64> = samples
            .iter()
            .copied()
            .filter(|s| fences.exclude(*s))
            .collect();
        assert_eq!(apart, [15.0]);
        assert_eq!(super::fences(&samples[..4]), None);
    }

    proptest! {
        #[test]
        fn the_middle_half_is_never_apart(samples in proptest::collection::vec(0.0..1e6f64, 5..50)) {
            let sorted = sorted(&samples);
            let fences = fences(&sorted).unwrap();
            let apart = sorted.iter().filter(|s| fences.exclude(**s)).count();
            prop_assert!(apart * 2 <= sorted.len());
            prop_assert!(!fences.exclude(percentile(&sorted, 0.5).unwrap()));
        }
    }
}
