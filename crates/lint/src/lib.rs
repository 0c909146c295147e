//! Defects that can be seen in an image before it boots.
//!
//! [`check`] looks at the finished tree, the kernel's configuration and the machine that the image is for, runs
//! nothing, and returns every [`Finding`]. Each comes from a [`Rule`] with a name and an explanation; a [`Waiver`]
//! with a reason lets a finding pass. The rules come from outages of real systems (docs of each rule).

mod cmdline;
mod condition;
mod desktop_file;
mod facts;
mod finding;
mod image;
mod kconfig;
mod packages;
mod random;
mod reach;
mod remedy;
mod rule;
mod rules;
mod severity;
mod waiver;

pub use finding::Finding;
pub use image::{Image, Initramfs, Kernel};
pub use rule::Rule;
pub use rules::{RULES, find};
pub use severity::Severity;
pub use waiver::{Judged, Waived, Waiver, judge};

use kindling_base::Result;

use facts::Facts;
use reach::Reach;
use rule::Report;

/// Runs every rule; findings are sorted by rule, in the order of [`RULES`], and path.
///
/// # Errors
/// Content of the tree cannot be read.
pub fn check(image: &Image<'_>) -> Result<Vec<Finding>> {
    let facts = Facts::gather(image)?;
    let reach = Reach::gather(&facts)?;
    let mut findings = Vec::new();
    for rule in RULES {
        let mut report = Report::default();
        (rule.check)(&facts, &mut report)?;
        findings.extend(report.finish().into_iter().map(|seen| Finding {
            rule: rule.name.to_owned(),
            severity: severity::weigh(&facts, &reach, &seen),
            remedy: remedy::of(&facts, &seen),
            path: seen.path,
            problem: seen.problem,
        }));
    }
    Ok(findings)
}
