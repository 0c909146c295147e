//! The table of a comparison of ext4 writers.

use std::fmt;

use kindling_bench::contest::Times;

/// Our writer.
pub const OURS: &str = "kindling";
/// `tar x` and `mke2fs -d`.
pub const MKE2FS: &str = "tar x, mke2fs -d";
/// The `arcbox-ext4` formatter.
pub const ARCBOX: &str = "arcbox-ext4";
/// `dd` of the tar.
pub const DD: &str = "dd of the tar";

/// Medians and ratios; its `Display` is a table with a line for each way.
#[derive(Clone, Debug)]
pub struct Report {
    /// Bytes of the tar.
    pub tar_bytes: u64,
    /// Bytes of our image.
    pub image_bytes: u64,
    /// Times of every round.
    pub times: Times,
}

impl Report {
    /// The time of `tar x` and `mke2fs -d`, divided by ours.
    pub fn faster_than_mke2fs(&self) -> f64 {
        self.times.ratio(MKE2FS, OURS)
    }

    /// The time of the `arcbox-ext4` formatter, divided by ours.
    pub fn faster_than_arcbox(&self) -> f64 {
        self.times.ratio(ARCBOX, OURS)
    }

    /// Our time, divided by that of `dd`.
    pub fn slower_than_dd(&self) -> f64 {
        self.times.ratio(OURS, DD)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |bytes: u64| bytes >> 20;
        writeln!(
            f,
            "tar {} MiB, image {} MiB, medians of {}",
            mib(self.tar_bytes),
            mib(self.image_bytes),
            self.times.rounds()
        )?;
        for name in [OURS, MKE2FS, ARCBOX, DD] {
            let (seconds, factor) = (self.times.median_s(name), self.times.ratio(name, OURS));
            writeln!(f, "{name:<18} {seconds:>8.3} s  {factor:>6.2} of ours")?;
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
        let report = Report {
            tar_bytes: 3 << 20,
            image_bytes: 4 << 20,
            times: Times(vec![
                (DD, seconds(&[1])),
                (OURS, seconds(&[2, 9, 1])),
                (MKE2FS, seconds(&[30, 10])),
                (ARCBOX, seconds(&[5])),
            ]),
        };
        assert_eq!(report.faster_than_mke2fs(), 10.0);
        assert_eq!(report.faster_than_arcbox(), 2.5);
        assert_eq!(report.slower_than_dd(), 2.0);
        assert_eq!(
            report.to_string(),
            "\
tar 3 MiB, image 4 MiB, medians of 1
kindling              2.000 s    1.00 of ours
tar x, mke2fs -d     20.000 s   10.00 of ours
arcbox-ext4           5.000 s    2.50 of ours
dd of the tar         1.000 s    0.50 of ours
"
        );
    }
}
