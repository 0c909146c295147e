//! Rules that the source code keeps, and that no compiler checks.

mod arrows;
#[cfg(test)]
mod circles;
#[cfg(test)]
mod paths;
#[cfg(test)]
mod prose;
#[cfg(test)]
#[allow(dead_code, reason = "until every file keeps the other rules")]
mod source;
#[cfg(test)]
mod waits;

use std::path::Path;

use kindling_base::{Error, Result};

/// Checks every rule for the checkout in `root`.
///
/// # Errors
/// A rule is broken: one note for each place. Or a file cannot be read.
pub(crate) fn check(root: &Path) -> Result<()> {
    let findings = arrows::check(root)?;
    match findings.len() {
        0 => Ok(()),
        count => Err(findings
            .into_iter()
            .fold(
                Error::user(format!(
                    "the source breaks a rule of the house in {count} places"
                )),
                Error::note,
            )
            .hint("xtask/src/rules/ has the rules and their reasons")),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn this_checkout_keeps_the_rules() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent();
        if let Err(error) = super::check(root.unwrap()) {
            panic!("{}", error.report());
        }
    }
}
