//! The finished `.config`, and the proof that every line of every fragment is in it.

use std::collections::{BTreeSet, HashMap};

use kindling_base::{Error, Result, nearest};

use super::expression::{conjuncts, holds, symbols};
use super::fragment::Setting;
use super::kconfig::{Condition, Definition, Kconfig, Symbol};

/// How many dropped lines one error explains.
const MOST_EXPLAINED: usize = 10;

/// A `.config` as Kconfig wrote it.
#[derive(Debug)]
pub(super) struct Config {
    values: HashMap<String, String>,
}

impl Config {
    /// Reads the text of a `.config`.
    pub(super) fn parse(text: &str) -> Self {
        let pair = |line: &str| {
            let (name, value) = line.strip_prefix("CONFIG_")?.split_once('=')?;
            Some((name.to_owned(), value.to_owned()))
        };
        Self {
            values: text.lines().filter_map(pair).collect(),
        }
    }

    /// The value of an option as written; `None` where it is off or does not exist.
    pub(super) fn value(&self, symbol: &str) -> Option<&str> {
        self.values.get(symbol).map(String::as_str)
    }

    /// The line of this option in the file, whether or not Kconfig wrote one for an option that is off.
    fn line(&self, symbol: &str) -> String {
        match self.value(symbol) {
            Some(value) => format!("CONFIG_{symbol}={value}"),
            None => format!("# CONFIG_{symbol} is not set"),
        }
    }
}

/// Checks that every setting took effect. `kconfig` is read only where one did not, or where one switches off
/// an option that `text`, the `.config`, does not mention: it may be misspelt.
///
/// # Errors
/// A user error that names each line without effect, what was wanted and what came of it, and why.
pub(super) fn check(
    settings: &[Setting<'_>],
    text: &str,
    kconfig: impl FnOnce() -> Result<Kconfig>,
) -> Result<()> {
    let config = Config::parse(text);
    let doubtful = |s: &&Setting<'_>| {
        let off_and_unmentioned = || !text.lines().any(|line| line == s.to_string());
        config.value(s.symbol) != s.value || (s.value.is_none() && off_and_unmentioned())
    };
    let doubtful: Vec<&Setting<'_>> = settings.iter().filter(doubtful).collect();
    if doubtful.is_empty() {
        return Ok(());
    }
    let kconfig = kconfig()?;
    let dropped: Vec<&Setting<'_>> = doubtful
        .into_iter()
        .filter(|s| config.value(s.symbol) != s.value || kconfig.symbol(s.symbol).is_none())
        .collect();
    match dropped[..] {
        [] => Ok(()),
        [only] => Err(explain(only, &config, &kconfig)),
        _ => {
            let mut error = Error::user(format!(
                "{} lines of kernel fragments have no effect",
                dropped.len()
            ));
            for setting in dropped.iter().take(MOST_EXPLAINED) {
                error = error.note(
                    explain(setting, &config, &kconfig)
                        .report()
                        .replacen("error: ", "", 1),
                );
            }
            Err(match dropped.len().saturating_sub(MOST_EXPLAINED) {
                0 => error,
                more => error.note(format!("and {more} more")),
            })
        }
    }
}

fn explain(setting: &Setting<'_>, config: &Config, kconfig: &Kconfig) -> Error {
    let name = setting.symbol;
    let Some(symbol) = kconfig.symbol(name) else {
        let error = Error::user(format!(
            "{}: this kernel has no option CONFIG_{name}",
            setting.place()
        ));
        let near: Vec<String> = nearest(name, kconfig.names(), 3)
            .iter()
            .map(|n| format!("`CONFIG_{n}`"))
            .collect();
        return match near.is_empty() {
            true => error
                .hint("remove the line, or look the option up in the source of this very version"),
            false => error.hint(format!("did you mean {}?", near.join(" or "))),
        };
    };
    let error = Error::user(format!("{}: {setting} has no effect", setting.place()))
        .note(format!("wanted {setting}\ngot    {}", config.line(name)));
    let (reason, hint) = match setting.value {
        None => forced_on(symbol, config),
        Some(_) => held_back(symbol, config),
    };
    reason.into_iter().fold(error, Error::note).hint(hint)
}

/// Why an option that should be off is on.
fn forced_on(symbol: &Symbol, config: &Config) -> (Vec<String>, &'static str) {
    let active = |(by, when): &&(String, Option<String>)| {
        let condition = when.as_deref().map_or(Some(true), |w| holds(w, config));
        config.value(by).is_some() && condition != Some(false)
    };
    let by = distinct(
        symbol
            .selected_by
            .iter()
            .filter(active)
            .map(|(by, _)| by.as_str()),
    );
    match by.is_empty() {
        true => (
            vec!["Kconfig switches it on by default and lets nobody switch it off here".to_owned()],
            "remove the line",
        ),
        false => (
            vec![format!("selected by {}", by.join(", "))],
            "switch off what selects it, or remove the line",
        ),
    }
}

/// Why an option did not get its value: unmet dependencies first, since the others hide behind them.
fn held_back(symbol: &Symbol, config: &Config) -> (Vec<String>, &'static str) {
    let unmet = |d: &Definition| unmet(d.depends.iter().chain(d.prompt.iter().flatten()), config);
    // Several definitions: the one that lacks least is the one that was meant.
    let candidates = symbol.definitions.iter().map(|d| (d, unmet(d)));
    let Some((definition, unmet)) = candidates.min_by_key(|(_, unmet)| unmet.len()) else {
        return (Vec::new(), "remove the line");
    };
    if !unmet.is_empty() {
        return (
            unmet,
            "set what it depends on in a fragment, or remove the line",
        );
    }
    if definition.prompt.is_none() {
        let by = distinct(symbol.selected_by.iter().map(|(by, _)| by.as_str()));
        let reason = match by.is_empty() {
            true => "nobody can set it: Kconfig computes it".to_owned(),
            false => format!(
                "nobody can set it: other options do, such as {}",
                by.join(", ")
            ),
        };
        return (
            vec![reason],
            "set the option that stands behind it, or remove the line",
        );
    }
    let reason = match definition.in_choice {
        true => "it is one of several that exclude each other, and another one was chosen",
        false => {
            "Kconfig took another value: this one is out of its range, or a `select` forces it"
        }
    };
    let hint =
        "choose a value that its definition in the kernel's source allows, or remove the line";
    (vec![reason.to_owned()], hint)
}

/// Up to five options, sorted, each once and with its prefix.
fn distinct<'a>(symbols: impl Iterator<Item = &'a str>) -> Vec<String> {
    let names: BTreeSet<&str> = symbols.collect();
    names
        .into_iter()
        .take(5)
        .map(|name| format!("CONFIG_{name}"))
        .collect()
}

/// One line for each part of the conditions that does not hold, with the values it names.
fn unmet<'a>(conditions: impl Iterator<Item = &'a Condition>, config: &Config) -> Vec<String> {
    let mut lines = Vec::new();
    for condition in conditions {
        for part in conjuncts(&condition.expression) {
            if holds(&part, config) != Some(false) {
                continue;
            }
            let values: Vec<String> = symbols(&part).into_iter().map(|s| config.line(s)).collect();
            let line = format!(
                "it depends on `{part}` ({}), but: {}",
                condition.place,
                values.join(", ")
            );
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests;
