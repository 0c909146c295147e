//! Summary statistics of a list of samples.

use serde::{Deserialize, Serialize};

use super::bootstrap::{Interval, interval};
use super::outliers::fences;
use super::percentile::{is_resolved, percentile, sorted};

/// A percentile with its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The samples' own percentile.
    pub value: f64,
    /// Its interval.
    #[serde(flatten)]
    pub interval: Interval,
    /// Whether there are samples enough for it; see [`is_resolved`].
    pub resolved: bool,
}

/// A list of samples in figures, all in the samples' unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The number of pages.
    pub count: usize,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
    /// The mean.
    pub mean: f64,
    /// The median.
    pub p50: Estimate,
    /// Nine of ten are at most this.
    pub p90: Estimate,
    /// Ninety-nine of a hundred are at most this.
    pub p99: Estimate,
    /// Samples that lie apart, by their place in the list, from 0 on.
    pub outliers: Vec<usize>,
}

/// The summary of these samples; `None` without samples.
pub fn summarise(samples: &[f64]) -> Option<Summary> {
    let ordered = sorted(samples);
    let estimate = |quantile: f64| {
        Some(Estimate {
            value: percentile(&ordered, quantile)?,
            interval: interval(&ordered, quantile)?,
            resolved: is_resolved(ordered.len(), quantile),
        })
    };
    let fences = fences(&ordered);
    let apart = |sample: f64| fences.is_some_and(|fences| fences.exclude(sample));
    Some(Summary {
        count: ordered.len(),
        min: *ordered.first()?,
        max: *ordered.last()?,
        mean: ordered.iter().sum::<f64>() / ordered.len() as f64,
        p50: estimate(0.5)?,
        p90: estimate(0.9)?,
        p99: estimate(0.99)?,
        outliers: (0..samples.len())
            .filter(|at| samples.get(*at).is_some_and(|sample| apart(*sample)))
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outliers_are_told_by_their_place_and_counted() {
        let summary = summarise(&[10.0, 30.0, 10.1, 9.9, 10.0, 10.2]).unwrap();
        assert_eq!((summary.count, summary.outliers), (6, vec![1]));
        assert_eq!((summary.min, summary.max), (9.9, 30.0));
        assert!((summary.p50.value - 10.05).abs() < 1e-9);
        assert!(summary.p50.resolved && !summary.p90.resolved);
        assert_eq!(summarise(&[]), None);
    }

    #[test]
    fn one_sample_is_its_own_interval() {
        let summary = summarise(&[4.0]).unwrap();
        assert_eq!(
            summary.p50.interval,
            Interval {
                low: 4.0,
                high: 4.0
            }
        );
        assert!(!summary.p50.resolved);
    }
}
