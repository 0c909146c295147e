//! The fields of a `package.json` that count for a tree.
//!
//! Old packages have all sorts of things in their fields: what is not as it should be counts as not there.

use std::collections::BTreeMap;

use serde_json::Value;

/// The `package.json` of each package, by its path in the lock.
pub(crate) type About = BTreeMap<String, Value>;

/// The commands of a package and the files that they are, as `package.json` has them: paths without a leading slash
/// that stay inside the package.
pub fn commands(value: &Value, name: &str) -> BTreeMap<String, String> {
    let base = |text: &str| {
        text.rsplit(['/', '\\', ':'])
            .next()
            .unwrap_or("")
            .to_owned()
    };
    let mut commands = BTreeMap::new();
    let mut add = |command: String, path: &str| {
        let path = inside(path);
        if !matches!(command.as_str(), "" | "." | "..") && !path.is_empty() {
            commands.insert(command, path);
        }
    };
    match value.get("bin") {
        Some(Value::String(path)) => add(base(name), path),
        Some(Value::Array(paths)) => {
            for path in paths.iter().filter_map(Value::as_str) {
                add(base(path), path);
            }
        }
        bin => {
            for (command, path) in object(bin) {
                if let Some(path) = path.as_str() {
                    add(base(command), path);
                }
            }
        }
    }
    commands
}

/// The path with `.` and `..` worked out; `..` at the top stays there, as in npm.
fn inside(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split(['/', '\\']) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// A list of texts, or one text alone.
pub fn texts(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(many)) => {
            let many = many.iter().filter_map(Value::as_str);
            many.map(str::to_owned).collect()
        }
        _ => Vec::new(),
    }
}

/// The members of an object.
pub fn object(value: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    value.and_then(Value::as_object).into_iter().flatten()
}
