//! The end of a test run: how many tests passed, failed and were skipped, why they were skipped, and which took longest.
//!
//! Read from the report of nextest, an XML file in the form of JUnit, because only that has how long each test took:
//! `cargo test` tells it with a nightly compiler only.

use std::collections::BTreeMap;
use std::fmt;

use kindling_base::{Error, Result};
use roxmltree::{Document, Node};

/// Tests that are named with their duration.
const SLOWEST: usize = 10;

/// The beginning of a line by which a test says that this machine lacks something.
const SKIPPED: &str = "skipped: ";

/// Results of several runs.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    tests: Vec<Test>,
    /// Tests in documentation, which nextest does not run: passed and failed.
    documented: [u64; 2],
    broken: bool,
}

#[derive(Debug)]
struct Test {
    name: String,
    seconds: f64,
    verdict: Verdict,
}

#[derive(Debug, PartialEq)]
enum Verdict {
    Passed,
    Failed,
    /// Why it could not run here.
    Skipped(String),
}

impl Tally {
    /// Takes a report of nextest.
    ///
    /// # Errors
    /// It is not one.
    pub(crate) fn report(&mut self, xml: &str) -> Result<()> {
        let wrong =
            |why: &str| Error::internal(format!("cannot read the report of nextest: {why}"));
        let report = Document::parse(xml).map_err(|error| wrong(&error.to_string()))?;
        for case in report
            .descendants()
            .filter(|node| node.has_tag_name("testcase"))
        {
            let attribute = |name| case.attribute(name).ok_or_else(|| wrong(name));
            let seconds = attribute("time")?;
            self.tests.push(Test {
                name: format!("{} {}", attribute("classname")?, attribute("name")?),
                seconds: seconds.parse().map_err(|_| wrong(seconds))?,
                verdict: verdict(case),
            });
        }
        Ok(())
    }

    /// Takes a line of `cargo test --doc`; returns whether a person wants to see it. Most crates have nothing to run.
    pub(crate) fn doc_line(&mut self, line: &str) -> bool {
        if let Some(counts) = line.strip_prefix("test result: ") {
            for (total, word) in self.documented.iter_mut().zip(["passed", "failed"]) {
                *total += count(counts, word);
            }
        }
        let of_nothing = [
            "   Doc-tests ",
            "running 0 tests",
            "test result: ok. 0 passed",
        ];
        !line.is_empty() && !of_nothing.iter().any(|text| line.starts_with(text))
    }

    /// Takes the end of a run. One that failed without a failed test did not compile.
    pub(crate) fn ended(&mut self, ok: bool) {
        self.broken |= !ok && self.failures() == 0;
    }

    /// Whether everything compiled and no test was among what was asked for.
    pub(crate) fn ran_nothing(&self) -> bool {
        self.tests.is_empty() && self.documented == [0, 0] && !self.broken
    }

    /// Whether anything failed, or nothing ran at all.
    pub(crate) fn failed(&self) -> bool {
        self.failures() > 0 || self.broken || self.passes() == 0
    }

    fn failures(&self) -> u64 {
        self.documented[1] + self.count(|verdict| *verdict == Verdict::Failed)
    }

    fn passes(&self) -> u64 {
        self.documented[0] + self.count(|verdict| *verdict == Verdict::Passed)
    }

    fn count(&self, wanted: impl Fn(&Verdict) -> bool) -> u64 {
        self.tests
            .iter()
            .filter(|test| wanted(&test.verdict))
            .count() as u64
    }

    /// A line for each reason why tests were skipped.
    fn reasons(&self) -> Vec<String> {
        let mut reasons = BTreeMap::new();
        for test in &self.tests {
            if let Verdict::Skipped(reason) = &test.verdict {
                *reasons.entry(reason).or_insert(0) += 1;
            }
        }
        let lines = reasons.into_iter().map(|(reason, count)| match count {
            1 => format!("{SKIPPED}{reason}"),
            _ => format!("{SKIPPED}{reason} ({count} tests)"),
        });
        lines.collect()
    }
}

/// The closing lines. The last one counts: a skipped test as skipped, not as passed.
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in self.reasons() {
            writeln!(f, "{line}")?;
        }
        let mut slowest: Vec<&Test> = self.tests.iter().collect();
        slowest.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
        slowest.truncate(SLOWEST);
        if !slowest.is_empty() {
            writeln!(f, "the slowest tests:")?;
        }
        for test in slowest {
            writeln!(f, "{:>8.2} s  {}", test.seconds, test.name)?;
        }
        let skipped = self.count(|verdict| matches!(verdict, Verdict::Skipped(_)));
        let (passed, failed) = (self.passes(), self.failures());
        write!(f, "{passed} passed, {failed} failed, {skipped} skipped")
    }
}

fn verdict(case: Node<'_, '_>) -> Verdict {
    let child = |name: &str| case.children().find(|node| node.has_tag_name(name));
    if child("failure").is_some() || child("error").is_some() {
        return Verdict::Failed;
    }
    let streams = ["system-out", "system-err"].into_iter();
    let output = streams.filter_map(|name| child(name)?.text());
    let reason = output.flat_map(str::lines).find_map(|line| {
        // On one processor, the test's name is before its output.
        let (_, said) = line.rsplit_once(" ... ").unwrap_or(("", line));
        said.strip_prefix(SKIPPED)
    });
    reason.map_or(Verdict::Passed, |reason| {
        Verdict::Skipped(reason.to_owned())
    })
}

/// The number before `word` in `ok. 12 passed; 0 failed; 1 ignored; ...`.
fn count(line: &str, word: &str) -> u64 {
    let mut words = line.split([' ', ';', '.']).filter(|word| !word.is_empty());
    let mut before = None;
    words
        .find_map(|each| {
            let number = before.replace(each);
            (each == word).then_some(number).flatten()
        })
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As nextest 0.9 writes it.
    const REPORT: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="nextest-run" tests="4" failures="1" errors="0" uuid="59bd8fb8" timestamp="2026-11-30T13:00:00.000+00:00" time="2.5">
    <testsuite name="kindling-base" tests="2" disabled="0" errors="0" failures="0">
        <testcase name="hash::tests::known_answer" classname="kindling-base" timestamp="2026-11-30T13:00:00.000+00:00" time="0.004">
            <system-out>
running 1 test
chatter
test hash::tests::known_answer ... ok
</system-out>
        </testcase>
        <testcase name="no_tool" classname="kindling-base" timestamp="2026-11-30T13:00:00.000+00:00" time="0.003">
            <system-out>
running 1 test
test no_tool ... ok
</system-out>
            <system-err>skipped: no mmdebstrap
</system-err>
        </testcase>
    </testsuite>
    <testsuite name="kindling-tests::e2e" tests="2" disabled="0" errors="0" failures="1">
        <testcase name="boot::it_boots" classname="kindling-tests::e2e" timestamp="2026-11-30T13:00:00.000+00:00" time="81.250">
            <failure type="test failure" message="assertion failed">skipped: not really</failure>
            <system-out>skipped: not really</system-out>
        </testcase>
        <testcase name="no_tool_either" classname="kindling-tests::e2e" timestamp="2026-11-30T13:00:00.000+00:00" time="0.002">
            <system-out>test no_tool_either ... skipped: no mmdebstrap
ok</system-out>
        </testcase>
    </testsuite>
</testsuites>
"#;

    #[test]
    fn the_end_says_what_was_skipped_what_was_slow_and_the_counts() {
        let mut tally = Tally::default();
        tally.report(REPORT).unwrap();
        let doc_lines = [
            "   Doc-tests kindling_base",
            "",
            "running 0 tests",
            "test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "test crates/base/src/failure.rs - Failure (line 12) ... ok",
            "test result: ok. 1 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.04s",
        ];
        assert_eq!(
            doc_lines.map(|line| tally.doc_line(line)),
            [false, false, false, false, true, true]
        );
        assert!(tally.failed() && !tally.ran_nothing());
        insta::assert_snapshot!(tally.to_string(), @r"
        skipped: no mmdebstrap (2 tests)
        the slowest tests:
           81.25 s  kindling-tests::e2e boot::it_boots
            0.00 s  kindling-base hash::tests::known_answer
            0.00 s  kindling-base no_tool
            0.00 s  kindling-tests::e2e no_tool_either
        2 passed, 1 failed, 2 skipped
        ");
    }

    #[test]
    fn only_the_slowest_are_named() {
        let mut tally = Tally::default();
        for seconds in 0..20 {
            tally.tests.push(Test {
                name: format!("t{seconds}"),
                seconds: f64::from(seconds),
                verdict: Verdict::Passed,
            });
        }
        let shown = tally.to_string();
        assert_eq!(shown.lines().count(), 12, "{shown}");
        assert!(shown.contains(" 19.00 s  t19\n") && !shown.contains("t9\n"));
        assert!(shown.ends_with("\n20 passed, 0 failed, 0 skipped"));
    }

    #[test]
    fn a_run_without_tests_has_failed() {
        assert!(Tally::default().failed() && Tally::default().ran_nothing());
    }

    #[test]
    fn a_program_that_does_not_compile_has_failed() {
        let mut tally = Tally::default();
        tally
            .doc_line("test result: ok. 5 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out");
        assert!(!tally.failed());
        tally.ended(false);
        assert!(tally.failed() && !tally.ran_nothing());
    }

    #[test]
    fn a_report_of_another_form_is_refused() {
        let mut tally = Tally::default();
        assert!(tally.report("no XML").is_err());
        assert!(
            tally
                .report("<testcase name=\"a\" classname=\"b\"/>")
                .is_err()
        );
    }
}
