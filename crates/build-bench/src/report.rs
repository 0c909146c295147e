//! What a run found.

use std::fmt;
use std::time::Duration;

/// Times of every round.
#[derive(Clone, Debug, Default)]
pub struct Times {
    /// mmdebstrap and mke2fs.
    pub peer: Vec<Duration>,
    /// Ours from an empty stage cache.
    pub empty: Vec<Duration>,
    /// Ours after an overlay file was edited.
    pub edited: Vec<Duration>,
    /// Ours with one package more.
    pub added: Vec<Duration>,
    /// Ours with nothing changed.
    pub unchanged: Vec<Duration>,
}

/// Medians and ratios; its `Display` is a table of a line for each way.
#[derive(Clone, Debug)]
pub struct Report {
    /// How many packages were built from.
    pub packages: usize,
    /// Times of every round.
    pub times: Times,
}

impl Report {
    /// Each way with its median in seconds, and how many times as fast as the peer it is.
    pub fn rows(&self) -> [(&'static str, f64, f64); 5] {
        let Times {
            peer,
            empty,
            edited,
            added,
            unchanged,
        } = &self.times;
        let ways = [
            ("mmdebstrap, mke2fs -d", peer),
            ("kindling, from empty", empty),
            ("kindling, overlay edited", edited),
            ("kindling, one package more", added),
            ("kindling, nothing changed", unchanged),
        ];
        ways.map(|(name, times)| (name, median(times), median(peer) / median(times)))
    }
}

/// The middle one in seconds, or the mean of the two in the middle; zero of none.
fn median(times: &[Duration]) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let middle = sorted.len() / 2;
    match (sorted.len() % 2, sorted.get(middle)) {
        (_, None) => 0.0,
        (1, Some(time)) => time.as_secs_f64(),
        (_, Some(time)) => (*time + sorted[middle - 1]).as_secs_f64() / 2.0,
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rounds = self.times.peer.len();
        writeln!(f, "{} packages, medians of {rounds}", self.packages)?;
        for (name, seconds, factor) in self.rows() {
            writeln!(
                f,
                "{name:<26} {seconds:>8.2} s  {factor:>7.1} times as fast as the peer"
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_ratios() {
        let seconds = |list: &[u64]| list.iter().map(|s| Duration::from_secs(*s)).collect();
        let report = Report {
            packages: 7,
            times: Times {
                peer: seconds(&[60, 40, 41]),
                empty: seconds(&[10, 20]),
                edited: seconds(&[2]),
                added: seconds(&[4, 4]),
                unchanged: seconds(&[1, 1, 9]),
            },
        };
        let factors = report.rows().map(|(_, _, factor)| factor);
        assert_eq!(factors, [1.0, 41.0 / 15.0, 20.5, 10.25, 41.0]);
        assert!(
            report
                .to_string()
                .starts_with("7 packages, medians of 3\nmmdebstrap")
        );
    }
}
