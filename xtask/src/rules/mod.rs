//! Rules that the source code keeps, and that no compiler checks.

mod arrows;
mod circles;
mod paths;
mod prose;
mod source;
mod waits;

use std::path::Path;

use kindling_base::{Error, Result};

/// Checks every rule for the checkout in `root`.
///
/// # Errors
/// A rule is broken: one note for each place. Or a file cannot be read.
pub(crate) fn check(root: &Path) -> Result<()> {
    let files = source::files(root)?;
    let findings = [
        arrows::check(root)?,
        circles::check(&files),
        prose::check(&files),
        waits::check(&files),
    ]
    .concat();
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
