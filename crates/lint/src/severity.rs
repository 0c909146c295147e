//! The weight of a finding: the one place that decides whether it fails a build.

use serde::{Deserialize, Serialize};

use crate::facts::Facts;
use crate::finding::{Missing, Moment, Seen};
use crate::reach::Reach;

/// The effect of a finding on a build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// It breaks the boot, a unit that starts by itself, the recipe's own files or a promise.
    Error,
    /// A boot meets it, and the image comes up all the same: a feature is missing, or a secret is everybody's.
    Warning,
    /// It shows where somebody asks for what no boot starts.
    Note,
}

/// Weighs what a rule saw.
///
/// What is about the image as a whole fails it, and so does what the recipe itself laid into the image or took away from it.
/// Files of packages fail it where a boot reaches them, at the moment at which it does.
pub(crate) fn weigh(facts: &Facts<'_>, reach: &Reach, seen: &Seen) -> Severity {
    let is_own = !seen.path.starts_with('/') || facts.is_own(&seen.path);
    let taken = seen
        .missing
        .as_ref()
        .is_some_and(|missing| is_taken(facts, missing));
    let starts = seen.moment == Moment::Start && reach.has(&seen.path);
    match seen.whole || is_own || taken || starts {
        true if seen.mild => Severity::Warning,
        true => Severity::Error,
        false => Severity::Note,
    }
}

/// Whether a package of the image brings what is missing, so that the recipe's exclusions took it away.
fn is_taken(facts: &Facts<'_>, missing: &Missing) -> bool {
    match missing {
        // Who leaves out fonts or headers leaves dangling links behind, on purpose.
        Missing::Target(_) => false,
        Missing::Program(name) if name.starts_with('/') => {
            !facts.files.may_exist(name) && facts.packages.owner(name).is_some()
        }
        Missing::Program(name) => ["/usr/bin", "/usr/sbin"].iter().any(|folder| {
            let path = format!("{folder}/{name}");
            !facts.files.may_exist(&path) && facts.packages.owner(&path).is_some()
        }),
        Missing::Library(name) => facts.packages.taken(&facts.files, name).is_some(),
    }
}
