//! The table of a comparison of builds.

use std::fmt;

use kindling_bench::contest::Times;

/// mmdebstrap and mke2fs.
pub const PEER: &str = "mmdebstrap, mke2fs -d";
/// Ours from an empty stage cache.
pub const EMPTY: &str = "kindling, from empty";
/// Ours after an overlay file was edited.
pub const EDITED: &str = "kindling, overlay edited";
/// Ours with one package more.
pub const ADDED: &str = "kindling, one package more";
/// Ours with nothing changed.
pub const UNCHANGED: &str = "kindling, nothing changed";

/// Medians and ratios; its `Display` is a table with a line for each way.
#[derive(Clone, Debug)]
pub struct Report {
    /// The number of packages.
    pub packages: usize,
    /// Times of every round.
    pub times: Times,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (packages, rounds) = (self.packages, self.times.rounds());
        writeln!(f, "{packages} packages, medians of {rounds}")?;
        for (name, _) in &self.times.0 {
            let (seconds, factor) = (self.times.median_s(name), self.times.ratio(PEER, name));
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
    use std::time::Duration;

    #[test]
    fn a_table_of_medians_and_ratios() {
        let seconds = |list: &[u64]| list.iter().map(|s| Duration::from_secs(*s)).collect();
        let times = Times(vec![
            (PEER, seconds(&[60, 40, 41])),
            (EMPTY, seconds(&[10, 20])),
            (EDITED, seconds(&[2])),
            (ADDED, seconds(&[4, 4])),
            (UNCHANGED, seconds(&[1, 1, 9])),
        ]);
        let report = Report { packages: 7, times };
        assert_eq!(
            report.to_string(),
            "\
7 packages, medians of 3
mmdebstrap, mke2fs -d         41.00 s      1.0 times as fast as the peer
kindling, from empty          15.00 s      2.7 times as fast as the peer
kindling, overlay edited       2.00 s     20.5 times as fast as the peer
kindling, one package more     4.00 s     10.2 times as fast as the peer
kindling, nothing changed      1.00 s     41.0 times as fast as the peer
"
        );
    }
}
