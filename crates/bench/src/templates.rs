//! The templates of pages and tables, compiled into the program.

use kindling_base::{Error, Result};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{
    AutoEscape, Environment, Output, State, UndefinedBehavior, Value, escape_formatter,
};
use serde::Serialize;

/// Names and sources. A name ends in `.md` or is that of HTML or SVG, whose variables are escaped.
macro_rules! templates {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../templates/", $name)))),*]
    };
}

const TEMPLATES: [(&str, &str); 16] = templates![
    "charts/arrivals.svg",
    "charts/axes.svg",
    "charts/bars.svg",
    "charts/distribution.svg",
    "charts/memory.svg",
    "charts/order.svg",
    "charts/side_by_side.svg",
    "page.html",
    "report.md",
    "sections/clones.html",
    "sections/figures.html",
    "sections/guest.html",
    "sections/header.html",
    "sections/machine.html",
    "sections/method.html",
    "sections/phases.html",
];

/// Fills in a template.
///
/// # Errors
/// A defect of the template: a variable that the context lacks is one.
pub(crate) fn render(name: &str, context: &impl Serialize) -> Result<String> {
    filled(name, context).map_err(|error| {
        Error::internal(format!("cannot fill in the template {name}")).because(error)
    })
}

fn filled(name: &str, context: &impl Serialize) -> std::result::Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    // A line with nothing but `{% ... %}` leaves nothing behind.
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .keep_trailing_newline(true)
        .build()?;
    environment.set_syntax(syntax);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|name| match name.ends_with(".md") {
        true => AutoEscape::None,
        false => AutoEscape::Html,
    });
    environment.set_formatter(without_controls);
    for (name, source) in TEMPLATES {
        environment.add_template(name, source)?;
    }
    environment
        .get_template(name)?
        .render(Value::from(Serde(context)))
}

/// Writes a variable. HTML does not allow control characters, which a guest's own text may have.
fn without_controls(
    out: &mut Output<'_>,
    state: &mut State<'_, '_>,
    value: &Value,
) -> std::result::Result<(), minijinja::Error> {
    let is_control = |character: char| character.is_control() && character != '\n';
    match value.as_str() {
        Some(text) if !value.is_safe() && text.contains(is_control) => {
            let text = text.replace(is_control, "\u{fffd}");
            escape_formatter(out, state, &Value::from(text))
        }
        _ => escape_formatter(out, state, value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;

    /// The files below `folder`, as paths from `root`.
    fn files(root: &Path, folder: &Path) -> BTreeSet<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let each = entries.flat_map(|entry| {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => files(root, &path),
                false => [path
                    .strip_prefix(root)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned()]
                .into(),
            }
        });
        each.collect()
    }

    #[test]
    fn every_template_file_is_known() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
        let mut found = files(&root, &root);
        assert!(found.remove("style.css"));
        let known: BTreeSet<String> = TEMPLATES.iter().map(|(name, _)| (*name).into()).collect();
        assert_eq!(found, known);
    }

    #[test]
    fn a_missing_variable_is_an_error() {
        let told = render("page.html", &()).unwrap_err().report();
        assert!(told.contains("page.html"), "{told}");
    }
}
