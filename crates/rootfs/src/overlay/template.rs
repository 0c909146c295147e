//! Templates of an overlay.

use std::collections::BTreeMap;
use std::path::Path;

use kindling_base::{Error, Result, did_you_mean};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior, Value};

/// Renders the template in `path`. A variable that does not exist is an error, never an empty string.
pub(super) fn render(
    path: &Path,
    source: &str,
    variables: &BTreeMap<String, toml::Value>,
) -> Result<String> {
    // A line that holds nothing but `{% ... %}` leaves nothing behind, and a file ends as it was written.
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .keep_trailing_newline(true)
        .build()
        .map_err(|error| explain(path, &error))?;
    let mut environment = Environment::new();
    environment.set_syntax(syntax);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    let name = path.display().to_string();
    let template = environment
        .template_from_named_str(&name, source)
        .map_err(|error| explain(path, &error))?;
    template
        .render(Value::from(Serde(variables)))
        .map_err(|error| match error.kind() {
            ErrorKind::UndefinedError => {
                let used = template.undeclared_variables(false);
                missing(path, source, &error, used, variables)
            }
            _ => explain(path, &error),
        })
}

/// `path:line: what is wrong`.
fn explain(path: &Path, error: &minijinja::Error) -> Error {
    let detail = error
        .detail()
        .map_or_else(|| error.kind().to_string(), str::to_owned);
    Error::user(format!("{}: {detail}", place(path, error)))
        .hint("the template language is described in the documentation of minijinja")
}

/// Names the variable: of those that the template uses and nobody sets, the one that stands on the line.
fn missing(
    path: &Path,
    source: &str,
    error: &minijinja::Error,
    used: impl IntoIterator<Item = String>,
    variables: &BTreeMap<String, toml::Value>,
) -> Error {
    let line = error
        .line()
        .and_then(|line| source.lines().nth(line - 1))
        .unwrap_or(source);
    let mut unset: Vec<String> = used
        .into_iter()
        .filter(|name| !variables.contains_key(name))
        .collect();
    unset.sort_by_key(|name| (!line.contains(name.as_str()), name.clone()));
    let Some(name) = unset.first() else {
        return explain(path, error); // a part of a variable, such as `list.missing`
    };
    let set = format!("set it in the recipe: [rootfs.variables] {name} = ...");
    let hint = match did_you_mean(name, variables.keys()) {
        None => set,
        Some(meant) => format!("{meant} Otherwise {set}"),
    };
    Error::user(format!(
        "{}: the variable `{name}` is not set",
        place(path, error)
    ))
    .hint(hint)
}

fn place(path: &Path, error: &minijinja::Error) -> String {
    match error.line() {
        Some(line) => format!("{}:{line}", path.display()),
        None => path.display().to_string(),
    }
}
