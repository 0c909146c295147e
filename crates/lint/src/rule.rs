//! A rule: its name, its text and its check.

use kindling_base::Result;

use crate::facts::Facts;
use crate::finding::{Moment, Seen};

/// A rule.
#[derive(Clone, Copy)]
pub struct Rule {
    /// Its name, as waivers say it.
    pub name: &'static str,
    /// Its demand, in a line.
    pub summary: &'static str,
    /// The consequence otherwise, and the way to mend it.
    pub explanation: &'static str,
    pub(crate) check: fn(&Facts<'_>, &mut Report) -> Result<()>,
}

impl std::fmt::Debug for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rule").field("name", &self.name).finish()
    }
}

/// The list of defects that a rule fills.
#[derive(Debug, Default)]
pub(crate) struct Report(Vec<Seen>);

impl Report {
    /// Adds something about a path or `cmdline`, `vm`; what it returns takes more that is known of it.
    pub(crate) fn add(&mut self, path: impl Into<String>, problem: impl Into<String>) -> &mut Seen {
        let at = self.0.len();
        self.0.push(Seen {
            path: path.into(),
            problem: problem.into(),
            moment: Moment::Start,
            missing: None,
            whole: false,
            mild: false,
            remedy: None,
        });
        &mut self.0[at]
    }

    /// The defects in order, each once.
    pub(crate) fn finish(mut self) -> Vec<Seen> {
        self.0.sort();
        self.0.dedup();
        self.0
    }
}
