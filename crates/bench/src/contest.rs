//! Several ways to do the same work, timed in turns: Kindling beside its peers.
//!
//! This is the one module of the crate that reads a clock. It knows nothing of the work: `kindling-build-bench` and
//! `kindling-ext4-bench` hand it in.

use std::path::Path;
use std::time::{Duration, Instant};

use kindling_base::{Context, Result, files};

use crate::stats::{percentile, sorted};

/// Work that may fail.
type Work<'a> = Box<dyn Fn() -> Result<()> + 'a>;

/// One way to do the work.
pub struct Way<'a> {
    name: &'static str,
    prepare: Box<dyn Fn(usize) -> Result<()> + 'a>,
    work: Work<'a>,
}

impl<'a> Way<'a> {
    /// A way of this name. In each round `prepare` runs first, with the number of the round, from 1 on; then `work` is
    /// timed.
    pub fn new(
        name: &'static str,
        prepare: impl Fn(usize) -> Result<()> + 'a,
        work: impl Fn() -> Result<()> + 'a,
    ) -> Self {
        Self {
            name,
            prepare: Box::new(prepare),
            work: Box::new(work),
        }
    }
}

/// Runs each way once a round, one after the other, so that a busy machine is busy for all. `progress` is told the next
/// way. Before each measurement, the file system of `folder` has written what it held back.
///
/// # Errors
/// A way failed, or the file system cannot write.
pub fn in_turns(
    ways: &[Way<'_>],
    rounds: usize,
    folder: &Path,
    progress: &mut dyn FnMut(&str),
) -> Result<Times> {
    let mut times = Times(ways.iter().map(|way| (way.name, Vec::new())).collect());
    for round in 1..=rounds {
        for (way, (name, taken)) in ways.iter().zip(&mut times.0) {
            progress(&format!("round {round} of {rounds}: {name}"));
            (way.prepare)(round)?;
            rustix::fs::syncfs(files::open(folder)?)
                .context(format!("cannot sync {}", folder.display()))?;
            let start = Instant::now();
            (way.work)()?;
            taken.push(start.elapsed());
        }
    }
    Ok(times)
}

/// The times of each way, by its name, in the order of the rounds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Times(pub Vec<(&'static str, Vec<Duration>)>);

impl Times {
    /// The number of rounds.
    pub fn rounds(&self) -> usize {
        self.0.first().map_or(0, |(_, taken)| taken.len())
    }

    /// The median of a way in seconds; 0 for a way that never ran.
    pub fn median_s(&self, way: &str) -> f64 {
        let of_way = self.0.iter().filter(|(name, _)| *name == way);
        let seconds: Vec<f64> = of_way
            .flat_map(|(_, taken)| taken)
            .map(Duration::as_secs_f64)
            .collect();
        percentile(&sorted(&seconds), 0.5).unwrap_or(0.0)
    }

    /// The median of one way divided by the median of another.
    pub fn ratio(&self, of: &str, to: &str) -> f64 {
        self.median_s(of) / self.median_s(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kindling_base::Error;
    use std::cell::RefCell;

    #[test]
    fn ways_take_turns_and_are_prepared_before_each() {
        let done = RefCell::new(Vec::new());
        let note = |text: String| {
            done.borrow_mut().push(text);
            Ok(())
        };
        let ways = [
            Way::new(
                "a",
                |round| note(format!("prepare a {round}")),
                || note("a".into()),
            ),
            Way::new("b", |_| Ok(()), || note("b".into())),
        ];
        let mut told = Vec::new();
        let folder = std::env::temp_dir();
        let times = in_turns(&ways, 2, &folder, &mut |text| told.push(text.to_owned())).unwrap();
        assert_eq!(
            *done.borrow(),
            ["prepare a 1", "a", "b", "prepare a 2", "a", "b"]
        );
        assert_eq!(told[1], "round 1 of 2: b");
        assert_eq!((times.rounds(), times.0.len()), (2, 2));
    }

    #[test]
    fn the_first_failure_ends_the_contest() {
        let ways = [
            Way::new("a", |_| Ok(()), || Err(Error::user("broken"))),
            Way::new("b", |_| Ok(()), || panic!("a has failed")),
        ];
        let ended = in_turns(&ways, 2, &std::env::temp_dir(), &mut |_| {});
        assert!(ended.unwrap_err().report().contains("broken"));
    }

    #[test]
    fn medians_and_ratios() {
        let seconds = |list: &[u64]| list.iter().map(|s| Duration::from_secs(*s)).collect();
        let times = Times(vec![
            ("a", seconds(&[60, 40, 41])),
            ("b", seconds(&[10, 20])),
        ]);
        assert_eq!((times.median_s("a"), times.median_s("b")), (41.0, 15.0));
        assert_eq!(times.ratio("a", "b"), 41.0 / 15.0);
        assert_eq!(times.median_s("c"), 0.0);
    }
}
