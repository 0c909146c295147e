//! The saved report of a benchmark: the machine, the settings and every run.

mod machine;
mod run;
mod subject;

use std::path::Path;

use kindling_base::{Error, Result, files};
use serde::{Deserialize, Serialize};

pub use machine::Machine;
pub use run::{ClockJoin, Footprint, Run};
pub use subject::{Action, Artifact, EngineUsed, Profile, Subject};

/// Version of the format. A reader refuses another one.
pub const SCHEMA: u32 = 1;

/// A whole benchmark.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Format version, [`SCHEMA`].
    pub schema: u32,
    /// The version of Kindling.
    pub kindling: String,
    /// The start, in seconds since 1970.
    pub at: u64,
    /// The command, to run it again.
    pub command: String,
    /// The host.
    pub machine: Machine,
    /// The numbers of rounds.
    pub settings: Settings,
    /// One subject, or two of which the second is compared with the first.
    pub subjects: Vec<Subject>,
}

/// The numbers of rounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Rounds that count.
    pub runs: u32,
    /// Rounds before them that do not.
    pub warmup: u32,
}

impl Report {
    /// Reads a report that was saved.
    ///
    /// # Errors
    /// The file cannot be read, is not a report, or has another version.
    pub fn load(path: &Path) -> Result<Self> {
        let bytes = files::read(path)?;
        Self::parse(&bytes).map_err(|error| error.within(path.display()))
    }

    /// Reads a report from its JSON.
    ///
    /// # Errors
    /// The bytes are not a report, or have another version.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        #[derive(Deserialize)]
        struct Version {
            schema: u32,
        }
        let hint = "name a file that `kindling bench ... --save FILE` wrote";
        let version = serde_json::from_slice::<Version>(bytes).map_err(|error| {
            Error::user("no report of a benchmark")
                .because(error)
                .hint(hint)
        })?;
        if version.schema != SCHEMA {
            let theirs = version.schema;
            return Err(Error::user(format!(
                "a report of format {theirs}, where this kindling reads format {SCHEMA}"
            ))
            .hint("measure again"));
        }
        serde_json::from_slice(bytes).map_err(|error| {
            Error::user("a damaged report of a benchmark")
                .because(error)
                .hint(hint)
        })
    }

    /// The JSON that [`Report::parse`] reads.
    ///
    /// # Errors
    /// A figure is not a finite number.
    pub fn to_json(&self) -> Result<Vec<u8>> {
        serde_json::to_vec_pretty(self)
            .map_err(|error| Error::internal("cannot write a report as JSON").because(error))
    }

    /// The title: the labels of the subjects.
    pub fn title(&self) -> String {
        let labels: Vec<&str> = self.subjects.iter().map(|s| s.label.as_str()).collect();
        labels.join(" and ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::milestone::Milestone;
    use crate::sample::report;
    use proptest::prelude::*;

    #[test]
    fn a_report_is_read_as_it_was_written() {
        let written = report(&[100.0, 110.5, 105.25], &[10.0]);
        let read = Report::parse(&written.to_json().unwrap()).unwrap();
        assert_eq!(read, written);
    }

    #[test]
    fn what_is_no_report_is_refused_kindly() {
        let told = |text: &str| Report::parse(text.as_bytes()).unwrap_err().report();
        assert!(told("{}").contains("no report of a benchmark"));
        assert!(told("{}").contains("--save FILE"));
        assert!(told(r#"{"schema": 9}"#).contains("format 9"));
        assert!(told(r#"{"schema": 1}"#).contains("damaged"));
    }

    #[test]
    fn the_goal_is_the_answer_that_was_waited_for() {
        let mut report = report(&[100.0, 110.0], &[]);
        assert_eq!(report.subjects[0].goal(), Some(Milestone::Ready));
        for run in &mut report.subjects[0].runs {
            run.at_ms.insert(Milestone::HttpAnswer, 200.0);
        }
        report.subjects[0].summarise();
        assert_eq!(report.subjects[0].goal(), Some(Milestone::HttpAnswer));
        assert_eq!(
            report.subjects[0].last_of_rounds(Milestone::Ready),
            [100.0, 110.0]
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_parsed_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Report::parse(&bytes);
        }
    }
}
