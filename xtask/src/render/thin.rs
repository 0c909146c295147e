//! Progress is reported thousands of times a second; a log needs a line now and then.

use std::collections::HashMap;
use std::time::Duration;

/// Lets a stage's progress through when enough time has passed *and* enough was done.
#[derive(Debug)]
pub(super) struct Thin {
    pause: Duration,
    percent: u64,
    last: HashMap<&'static str, (Duration, u64)>,
}

impl Thin {
    /// At most one in `pause`, and only when `percent` percent of the total were done since the last one.
    pub(super) fn new(pause: Duration, percent: u64) -> Self {
        let last = HashMap::new();
        Self {
            pause,
            percent,
            last,
        }
    }

    /// A stage began at `now`: its first progress is due a pause later.
    pub(super) fn start(&mut self, stage: &'static str, now: Duration) {
        self.last.insert(stage, (now, 0));
    }

    /// Whether this progress is shown. Time is counted from any fixed moment.
    pub(super) fn admits(
        &mut self,
        stage: &'static str,
        now: Duration,
        done: u64,
        total: Option<u64>,
    ) -> bool {
        let (at, before) = *self.last.entry(stage).or_insert((now, 0));
        let step = total.map_or(1, |total| total / 100 * self.percent).max(1);
        let admitted = now.saturating_sub(at) >= self.pause && done.abs_diff(before) >= step;
        if admitted {
            self.last.insert(stage, (now, done));
        }
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_time_and_work_must_have_passed() {
        let mut thin = Thin::new(Duration::from_secs(5), 10);
        let mut admits =
            |s, done, total| thin.admits("kernel", Duration::from_secs(s), done, total);
        let total = Some(1000);
        assert!(!admits(0, 1, total)); // the clock starts here
        assert!(!admits(1, 900, total)); // much work, little time
        assert!(!admits(60, 99, total)); // much time, little work
        assert!(admits(61, 100, total));
        assert!(!admits(65, 500, total));
        assert!(admits(66, 500, total));
        assert!(admits(80, 501, None)); // without a total any step counts
        assert!(admits(90, 0, None)); // begun again
    }
}
