//! What a run found.

use std::fmt;
use std::time::Duration;

/// Times of every round.
#[derive(Clone, Debug, Default)]
pub struct Times {
    /// Our writer.
    pub ours: Vec<Duration>,
    /// `tar x` and `mke2fs -d`.
    pub mke2fs: Vec<Duration>,
    /// The `arcbox-ext4` formatter.
    pub arcbox: Vec<Duration>,
    /// `dd` of the tar.
    pub dd: Vec<Duration>,
}

/// Medians and ratios; its `Display` is a table of a line for each way.
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
    /// How many times as fast as `tar x` and `mke2fs -d` ours is.
    pub fn faster_than_mke2fs(&self) -> f64 {
        ratio(&self.times.mke2fs, &self.times.ours)
    }

    /// How many times as fast as the `arcbox-ext4` formatter ours is.
    pub fn faster_than_arcbox(&self) -> f64 {
        ratio(&self.times.arcbox, &self.times.ours)
    }

    /// How many times as long as `dd` ours takes.
    pub fn slower_than_dd(&self) -> f64 {
        ratio(&self.times.ours, &self.times.dd)
    }
}

/// The middle one, or the mean of the two in the middle; zero of none.
pub(crate) fn median(times: &[Duration]) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let middle = sorted.len() / 2;
    match (sorted.len() % 2, sorted.get(middle)) {
        (_, None) => Duration::ZERO,
        (1, Some(time)) => *time,
        (_, Some(time)) => (*time + sorted[middle - 1]) / 2,
    }
}

fn ratio(a: &[Duration], b: &[Duration]) -> f64 {
    median(a).as_secs_f64() / median(b).as_secs_f64()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |bytes: u64| bytes >> 20;
        writeln!(
            f,
            "tar {} MiB, image {} MiB, medians of {}",
            mib(self.tar_bytes),
            mib(self.image_bytes),
            self.times.ours.len()
        )?;
        let rows = [
            ("kindling", &self.times.ours),
            ("tar x, mke2fs -d", &self.times.mke2fs),
            ("arcbox-ext4", &self.times.arcbox),
            ("dd of the tar", &self.times.dd),
        ];
        for (name, times) in rows {
            let seconds = median(times).as_secs_f64();
            let factor = ratio(times, &self.times.ours);
            writeln!(f, "{name:<18} {seconds:>8.3} s  {factor:>6.2} of ours")?;
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
            tar_bytes: 3 << 20,
            image_bytes: 4 << 20,
            times: Times {
                ours: seconds(&[2, 9, 1]),
                mke2fs: seconds(&[30, 10]),
                arcbox: seconds(&[5]),
                dd: seconds(&[1]),
            },
        };
        assert_eq!(report.faster_than_mke2fs(), 10.0);
        assert_eq!(report.faster_than_arcbox(), 2.5);
        assert_eq!(report.slower_than_dd(), 2.0);
        assert_eq!(median(&[]), Duration::ZERO);
        let text = report.to_string();
        assert!(text.starts_with("tar 3 MiB, image 4 MiB, medians of 3\nkindling "));
        assert!(
            text.contains("arcbox-ext4           5.000 s    2.50 of ours"),
            "{text}"
        );
    }
}
