//! Findings that a recipe lets pass, each with a reason.

use serde::{Deserialize, Serialize};

use crate::{Finding, Severity};

/// Lets findings of a rule pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiver {
    /// Name of the rule.
    pub rule: String,
    /// Path of the finding, or its beginning and a `*`; `None` for all.
    pub path: Option<String>,
    /// Why the finding may pass.
    pub reason: String,
}

/// A finding with the reason why it passes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waived {
    /// The finding.
    pub finding: Finding,
    /// The waiver's reason.
    pub reason: String,
}

/// Findings, those that pass set apart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    /// Findings that fail a build.
    pub findings: Vec<Finding>,
    /// Findings that each build tells, and that fail none: what a boot meets and gets over.
    pub warnings: Vec<Finding>,
    /// Findings that fail nothing: they show where somebody asks for what no boot starts.
    pub notes: Vec<Finding>,
    /// Findings that pass.
    pub waived: Vec<Waived>,
    /// Waivers that nothing needed: what they waived was mended, or their path is mistyped.
    pub unused: Vec<Waiver>,
}

impl Waiver {
    fn covers(&self, finding: &Finding) -> bool {
        let path = match self.path.as_deref() {
            None => true,
            Some(path) => match path.strip_suffix('*') {
                Some(start) => finding.path.starts_with(start),
                None => finding.path == path,
            },
        };
        path && self.rule == finding.rule
    }
}

/// Sets apart warnings and notes, and what the waivers let pass.
pub fn judge(findings: Vec<Finding>, waivers: &[Waiver]) -> Judged {
    let mut judged = Judged::default();
    let mut used = vec![false; waivers.len()];
    for finding in findings {
        if finding.severity == Severity::Note {
            judged.notes.push(finding);
            continue;
        }
        let mut reason = None;
        for (waiver, used) in waivers.iter().zip(&mut used) {
            if waiver.covers(&finding) {
                *used = true;
                reason.get_or_insert(&waiver.reason);
            }
        }
        match reason {
            Some(reason) => judged.waived.push(Waived {
                finding,
                reason: reason.clone(),
            }),
            None if finding.severity == Severity::Warning => judged.warnings.push(finding),
            None => judged.findings.push(finding),
        }
    }
    let unused = waivers.iter().zip(used).filter(|(_, used)| !used);
    judged.unused = unused.map(|(waiver, _)| waiver.clone()).collect();
    judged
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(rule: &str, path: &str) -> Finding {
        Finding {
            rule: rule.into(),
            path: path.into(),
            problem: "p".into(),
            severity: Severity::Error,
            remedy: None,
        }
    }

    fn waiver(rule: &str, path: Option<&str>) -> Waiver {
        Waiver {
            rule: rule.into(),
            path: path.map(Into::into),
            reason: "r".into(),
        }
    }

    #[test]
    fn a_waiver_covers_its_rule_and_path_and_tells_when_nothing_needs_it() {
        let found = vec![
            finding("a", "/x/1"),
            finding("a", "/y"),
            finding("b", "/x/1"),
            finding("c", "/z"),
        ];
        let waivers = [
            waiver("a", Some("/x/*")),
            waiver("b", Some("/x")),
            waiver("c", None),
        ];
        let mut found = found;
        let note = Finding {
            severity: Severity::Note,
            ..finding("c", "/n")
        };
        found.push(note.clone());
        let judged = judge(found, &waivers);
        assert_eq!(judged.notes, [note], "a note needs no waiver");
        let warning = |path: &str| Finding {
            severity: Severity::Warning,
            ..finding("a", path)
        };
        let told = judge(vec![warning("/x/1"), warning("/y")], &waivers);
        assert_eq!((told.warnings, told.waived.len()), (vec![warning("/y")], 1));
        assert_eq!(judged.findings, [finding("a", "/y"), finding("b", "/x/1")]);
        assert_eq!(judged.waived.len(), 2);
        assert_eq!(judged.unused, [waivers[1].clone()]);
    }
}
