//! The kernel's `.config`.

use std::collections::BTreeMap;

/// How a feature is in a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    BuiltIn,
    Module,
    Absent,
}

/// Features that are on, by their names without `CONFIG_`.
#[derive(Clone, Debug)]
pub(crate) struct Kconfig<'a>(BTreeMap<&'a str, &'a str>);

impl<'a> Kconfig<'a> {
    pub(crate) fn parse(text: &'a str) -> Self {
        let lines = text.lines().filter_map(|line| {
            let (name, value) = line.strip_prefix("CONFIG_")?.split_once('=')?;
            Some((name, value))
        });
        Self(lines.collect())
    }

    pub(crate) fn state(&self, name: &str) -> State {
        match self.0.get(name) {
            Some(&"y") => State::BuiltIn,
            Some(&"m") => State::Module,
            _ => State::Absent,
        }
    }

    /// Whether a feature is built in.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.state(name) == State::BuiltIn
    }
}
