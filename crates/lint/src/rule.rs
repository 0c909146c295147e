//! A rule: its name, its text and its check.

use kindling_base::Result;

use crate::Finding;
use crate::facts::Facts;

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

/// The findings of a rule.
#[derive(Debug)]
pub(crate) struct Report {
    rule: &'static str,
    findings: Vec<Finding>,
}

impl Report {
    pub(crate) fn new(rule: &'static str) -> Self {
        Self {
            rule,
            findings: Vec::new(),
        }
    }

    /// Adds a finding about a path or `cmdline`, `vm`.
    pub(crate) fn add(&mut self, path: impl Into<String>, problem: impl Into<String>) {
        self.findings.push(Finding {
            rule: self.rule.to_owned(),
            path: path.into(),
            problem: problem.into(),
        });
    }

    /// The findings in order, each once.
    pub(crate) fn finish(mut self) -> Vec<Finding> {
        self.findings.sort();
        self.findings.dedup();
        self.findings
    }
}
