//! Something wrong, and where.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Something that a rule found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Finding {
    /// Name of the rule.
    pub rule: String,
    /// Path in the image with a leading slash, or what else it is about: `cmdline`, `vm`.
    pub path: String,
    /// The defect: what was expected and what is there.
    pub problem: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.rule, self.path, self.problem)
    }
}
