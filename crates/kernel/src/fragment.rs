//! Configuration fragments: what `kernel-config/*.config` says, line by line.
//!
//! A line is for every kernel, or says for which: `CONFIG_SLS=y # linux < 6.9`.

use std::collections::HashMap;
use std::fmt::{self, Write};
use std::path::{Path, PathBuf};

use kindling_base::{Context, Error, Result, did_you_mean, files};

use super::version::{Range, Version};

/// One file of `kernel-config`, read once so that a build's key and its result are of the same bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// The name in a recipe, such as `virtio`.
    pub name: String,
    /// The file it was read from.
    pub path: PathBuf,
    /// The file's text.
    pub text: String,
}

impl Fragment {
    /// Reads `folder/NAME.config`.
    ///
    /// # Errors
    /// No fragment has this name (a user error with near names and those that exist), or it cannot be read.
    pub fn read(folder: &Path, name: &str) -> Result<Self> {
        let known = names(folder)?;
        if !known.iter().any(|k| k == name) {
            return Err(missing(folder, name, &known));
        }
        let path = folder.join(format!("{name}.config"));
        let text = files::read_text(&path)?;
        Ok(Self {
            name: name.to_owned(),
            path,
            text,
        })
    }
}

/// The names of all fragments of a folder, sorted.
///
/// # Errors
/// The folder cannot be read.
pub fn names(folder: &Path) -> Result<Vec<String>> {
    let what = || format!("cannot read the folder {}", folder.display());
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).context(what())? {
        let name = entry.context(what())?.file_name();
        if let Some(stem) = name.to_str().and_then(|n| n.strip_suffix(".config")) {
            names.push(stem.to_owned());
        }
    }
    names.sort_unstable();
    Ok(names)
}

fn missing(folder: &Path, name: &str, known: &[String]) -> Error {
    let error = Error::user(format!(
        "there is no kernel fragment `{name}` in {}",
        folder.display()
    ))
    .note(format!("fragments: {}", known.join(", ")));
    error.hint(did_you_mean(name, known).unwrap_or_else(|| {
        let own = folder.join(format!("{name}.config"));
        format!("create {}", own.display())
    }))
}

/// One decision of a fragment: an option and its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Setting<'a> {
    /// Without the prefix `CONFIG_`.
    pub(super) symbol: &'a str,
    /// As written, with the quotes of a string; `None` is `# CONFIG_X is not set`.
    pub(super) value: Option<&'a str>,
    /// The fragment's file.
    pub(super) path: &'a Path,
    /// Counted from 1.
    pub(super) line: usize,
}

impl Setting<'_> {
    /// `PATH:LINE`, for the beginning of an error.
    pub(super) fn place(&self) -> String {
        format!("{}:{}", self.path.display(), self.line)
    }
}

impl fmt::Display for Setting<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.value {
            Some(value) => write!(f, "CONFIG_{}={value}", self.symbol),
            None => write!(f, "# CONFIG_{} is not set", self.symbol),
        }
    }
}

/// The decisions of all fragments for this version of Linux in order, each option once. Without a version, those that
/// are for every version.
///
/// # Errors
/// A line is neither a comment nor a decision, asks for a module, or contradicts an earlier line.
pub(super) fn settings(
    fragments: &[Fragment],
    version: Option<Version>,
) -> Result<Vec<Setting<'_>>> {
    let mut settings: Vec<Setting<'_>> = Vec::new();
    let mut earlier: HashMap<&str, usize> = HashMap::new();
    for fragment in fragments {
        for (index, text) in fragment.text.lines().enumerate() {
            let Some((setting, range)) = parse(&fragment.path, index + 1, text)? else {
                continue;
            };
            if !version.map_or(range.is_all(), |version| range.contains(version)) {
                continue;
            }
            match earlier.get(setting.symbol) {
                None => {
                    earlier.insert(setting.symbol, settings.len());
                    settings.push(setting);
                }
                Some(&first) if settings[first].value == setting.value => {}
                Some(&first) => return Err(contradiction(&settings[first], &setting)),
            }
        }
    }
    Ok(settings)
}

/// The decisions as one file for `KCONFIG_ALLCONFIG`.
pub(super) fn merged(settings: &[Setting<'_>]) -> String {
    settings.iter().fold(String::new(), |mut text, setting| {
        let _ = writeln!(text, "{setting}"); // a String takes everything
        text
    })
}

/// A decision and the versions it is for; `None` for a comment or an empty line.
fn parse<'a>(path: &'a Path, line: usize, text: &'a str) -> Result<Option<(Setting<'a>, Range)>> {
    let text = text.trim();
    let wrong = || not_a_setting(path, line, text);
    let unset = text
        .strip_prefix("# CONFIG_")
        .and_then(|rest| rest.split_once(" is not set"));
    let (symbol, value, rest) = if let Some((symbol, rest)) = unset {
        (symbol, None, rest)
    } else if text.is_empty() || text.starts_with('#') {
        return Ok(None);
    } else {
        let assignment = text.strip_prefix("CONFIG_").and_then(|t| t.split_once('='));
        let (symbol, rest) = assignment.ok_or_else(wrong)?;
        let (value, rest) = rest.split_at(value_length(rest));
        (symbol, (value != "n").then_some(value), rest)
    };
    let range = match rest.trim_start().strip_prefix('#') {
        Some(range) => Range::parse(range),
        None => rest.is_empty().then(Range::default),
    };
    let known = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if symbol.is_empty() || !symbol.chars().all(known) || !value.is_none_or(is_value) {
        return Err(wrong());
    }
    let range = range.ok_or_else(wrong)?;
    let setting = Setting {
        symbol,
        value,
        path,
        line,
    };
    if value == Some("m") {
        return Err(
            Error::user(format!("{}: `{text}` asks for a module", setting.place()))
                .note("only the kernel itself is built, so a module would be nowhere")
                .hint(format!("write `CONFIG_{symbol}=y`")),
        );
    }
    Ok(Some((setting, range)))
}

/// Bytes of the value at the beginning of `text`: to the second quote of a string, or else to a space.
fn value_length(text: &str) -> usize {
    let end = match text.strip_prefix('"') {
        Some(inner) => inner.find('"').map(|end| end + 2),
        None => text.find(' '),
    };
    end.unwrap_or(text.len())
}

/// `y`, `m`, a decimal or hexadecimal number, or a quoted string, as Kconfig writes them.
fn is_value(text: &str) -> bool {
    let quoted = |t: &str| t.len() >= 2 && t.starts_with('"') && t.ends_with('"');
    let digits = text.strip_prefix('-').unwrap_or(text);
    let hexadecimal = digits
        .strip_prefix("0x")
        .is_some_and(|d| !d.is_empty() && d.chars().all(|c| c.is_ascii_hexdigit()));
    let decimal = !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit());
    matches!(text, "y" | "m") || quoted(text) || hexadecimal || decimal
}

fn not_a_setting(path: &Path, line: usize, text: &str) -> Error {
    Error::user(format!(
        "{}:{line}: `{text}` is not a line of a kernel configuration",
        path.display()
    ))
    .note("write `CONFIG_NAME=y`, `CONFIG_NAME=\"text\"`, `CONFIG_NAME=64`, `# CONFIG_NAME is not set` or a comment")
    .hint("after a space, it may say for which kernels it is: `# linux < 6.9`, `# linux >= 6.2, < 6.9`")
}

fn contradiction(first: &Setting<'_>, second: &Setting<'_>) -> Error {
    Error::user(format!(
        "kernel fragments contradict each other about CONFIG_{}",
        first.symbol
    ))
    .note(format!(
        "{}: {first}\n{}: {second}",
        first.place(),
        second.place()
    ))
    .hint("make the two lines equal, or leave one of the fragments out of the recipe")
}

#[cfg(test)]
mod tests;
