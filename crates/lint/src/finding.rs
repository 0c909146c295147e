//! Something wrong, and where.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::severity::Severity;

/// Something that a rule found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Finding {
    /// Name of the rule.
    pub rule: String,
    /// Path in the image with a leading slash, or what else it is about: `cmdline`, `vm`.
    pub path: String,
    /// The defect: what was expected and what is there.
    pub problem: String,
    /// Whether it fails a build.
    pub severity: Severity,
    /// A way to mend it, as far as the image tells.
    pub remedy: Option<String>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.rule, self.path, self.problem)?;
        match &self.remedy {
            Some(remedy) => write!(f, " ({remedy})"),
            None => Ok(()),
        }
    }
}

/// The moment at which a defect shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Moment {
    /// When what has it is started.
    Start,
    /// Later, and not in every run: at a reload, a stop, a failure; or never, where what has it goes on without.
    Later,
}

/// A thing whose absence a finding is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Missing {
    /// A program, by its path or its name.
    Program(String),
    /// A library, by its file name.
    Library(String),
    /// Any other file, by its path.
    Target(String),
}

/// A defect as a rule saw it, before its severity is known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Seen {
    pub(crate) path: String,
    pub(crate) problem: String,
    pub(crate) moment: Moment,
    pub(crate) missing: Option<Missing>,
    /// Whether it is a defect of the image as a whole, whoever brings the file.
    pub(crate) whole: bool,
    /// Whether the image comes up and answers in spite of it.
    pub(crate) mild: bool,
    pub(crate) remedy: Option<String>,
}

impl Seen {
    /// Says that it shows later than at the start of what has it.
    pub(crate) fn later(&mut self) -> &mut Self {
        self.moment = Moment::Later;
        self
    }

    /// Names the thing that is missing.
    pub(crate) fn lacks(&mut self, missing: Missing) -> &mut Self {
        self.missing = Some(missing);
        self
    }

    /// Says that it is a defect of the image as a whole.
    pub(crate) fn of_image(&mut self) -> &mut Self {
        self.whole = true;
        self
    }

    /// Says that the image comes up and answers in spite of it: it is told in each build, and fails none.
    pub(crate) fn mild(&mut self) -> &mut Self {
        self.mild = true;
        self
    }

    /// Says how to mend it.
    pub(crate) fn remedy(&mut self, remedy: impl Into<String>) -> &mut Self {
        self.remedy = Some(remedy.into());
        self
    }
}
