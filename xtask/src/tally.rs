//! Reads the output of `cargo test` line by line: counts, and picks the lines a person wants to see.

use std::fmt;

/// Running counts over several test programs.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    passed: u64,
    failed: u64,
    ignored: u64,
    skipped: u64,
    broken: bool,
    section: Section,
}

/// The part of a test program's output that a line belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Section {
    #[default]
    Tests,
    /// Output of tests that passed: of interest only where it says `skipped:`.
    Successes,
    /// Output of tests that failed.
    Failures,
}

impl Tally {
    /// Takes one line; returns it if it should be shown.
    pub(crate) fn read<'a>(&mut self, line: &'a str) -> Option<&'a str> {
        match line {
            "successes:" => self.section = Section::Successes,
            "failures:" => self.section = Section::Failures,
            _ => {}
        }
        if let Some(counts) = line.strip_prefix("test result: ") {
            self.section = Section::Tests;
            self.passed += count(counts, "passed");
            self.failed += count(counts, "failed");
            self.ignored += count(counts, "ignored");
            return Some(line);
        }
        let skipped = line.starts_with("skipped: ");
        self.skipped += u64::from(skipped);
        let shown = match self.section {
            Section::Successes => skipped,
            Section::Failures => true,
            Section::Tests => !line.is_empty(),
        };
        shown.then_some(line)
    }

    /// Takes the end of one `cargo test`; one that failed without a failed test did not compile.
    pub(crate) fn ended(&mut self, ok: bool) {
        self.broken |= !ok && self.failed == 0;
        self.section = Section::Tests;
    }

    /// Whether everything compiled and no test was among what was asked for.
    pub(crate) fn ran_nothing(&self) -> bool {
        self.passed + self.failed + self.ignored == 0 && !self.broken
    }

    /// Whether anything failed, or nothing ran at all.
    pub(crate) fn failed(&self) -> bool {
        self.failed > 0 || self.broken || self.passed == 0
    }
}

/// The closing line: a skipped test counts as skipped, not as passed.
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let passed = self.passed.saturating_sub(self.skipped);
        write!(
            f,
            "{passed} passed, {} failed, {} skipped",
            self.failed,
            self.ignored + self.skipped
        )
    }
}

/// The number before `word` in `ok. 12 passed; 0 failed; 1 ignored; ...`.
fn count(line: &str, word: &str) -> u64 {
    let words: Vec<&str> = line
        .split([' ', ';', '.'])
        .filter(|word| !word.is_empty())
        .collect();
    words
        .windows(2)
        .find(|pair| pair[1] == word)
        .and_then(|pair| pair[0].parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "running 3 tests
test a ... ok
test b ... ok
test c ... FAILED

successes:

---- a stdout ----
chatter
---- b stdout ----
skipped: no mmdebstrap

failures:

---- c stdout ----
assertion failed

failures:
    c

test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.18s
";

    #[test]
    fn shows_what_matters_and_counts_a_skipped_test_as_skipped() {
        let mut tally = Tally::default();
        let shown: Vec<&str> = OUTPUT.lines().filter_map(|line| tally.read(line)).collect();
        assert!(shown.contains(&"skipped: no mmdebstrap"));
        assert!(shown.contains(&"assertion failed"));
        assert!(!shown.contains(&"chatter"));
        assert_eq!(tally.to_string(), "1 passed, 1 failed, 1 skipped");
        assert!(tally.failed());
    }

    #[test]
    fn a_run_without_tests_has_failed() {
        assert!(Tally::default().failed() && Tally::default().ran_nothing());
    }

    #[test]
    fn a_program_that_does_not_compile_has_failed() {
        let mut tally = Tally::default();
        tally.read("test result: ok. 5 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out");
        tally.ended(false);
        assert!(tally.failed() && !tally.ran_nothing());
    }
}
