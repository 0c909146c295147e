//! One thing that VMs want of a machine: what was found, what it means, what to do.

use serde::Serialize;

/// Something that VMs want, and whether this machine has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Requirement {
    /// Its name.
    pub name: &'static str,
    /// Whether it is there.
    pub verdict: Verdict,
    /// The finding, measured if that is possible.
    pub found: String,
    /// Its meaning for VMs.
    pub means: String,
    /// Advice; `None` if all is well.
    pub advice: Option<String>,
}

/// Whether something is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// VMs run, but not as well as they could.
    Limited,
    /// Whatever needs it does not work here.
    Missing,
}

impl Verdict {
    /// One lowercase word.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Ok => "ok",
            Verdict::Limited => "limited",
            Verdict::Missing => "missing",
        }
    }
}

impl Requirement {
    pub(super) fn ok(
        name: &'static str,
        found: impl Into<String>,
        means: impl Into<String>,
    ) -> Self {
        Self {
            name,
            verdict: Verdict::Ok,
            found: found.into(),
            means: means.into(),
            advice: None,
        }
    }

    pub(super) fn limited(
        name: &'static str,
        found: impl Into<String>,
        means: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            verdict: Verdict::Limited,
            advice: Some(advice.into()),
            ..Self::ok(name, found, means)
        }
    }

    pub(super) fn missing(
        name: &'static str,
        found: impl Into<String>,
        means: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            verdict: Verdict::Missing,
            ..Self::limited(name, found, means, advice)
        }
    }
}
