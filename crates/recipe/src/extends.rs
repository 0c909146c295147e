//! `extends`: a recipe on top of another.

use std::path::{Path, PathBuf};

use kindling_base::{Result, nearest};

use super::find;
use super::tree::{Node, Table, Value, read};
use kindling_located::{Location, Problem, into_error};

/// The lists that a child appends to; a leading `-` in the child removes an inherited entry.
const APPENDED: [(&str, &str); 9] = [
    ("kernel", "fragments"),
    ("rootfs", "packages"),
    ("rootfs", "overlays"),
    ("rootfs", "programs"),
    ("rootfs", "exclude"),
    ("rootfs", "users"),
    ("rootfs", "archives"),
    ("npm", "packages"),
    ("lint", "waive"),
];

/// A recipe merged with its ancestors.
#[derive(Debug)]
pub(super) struct Resolved {
    /// The start of the recipe itself.
    pub(super) start: Location,
    /// Everything but `extends`.
    pub(super) table: Table,
    /// The files, the recipe first.
    pub(super) inputs: Vec<PathBuf>,
}

/// Reads `path` and what it extends, and merges them.
///
/// # Errors
/// A file cannot be read or parsed, or `extends` is wrong or goes round in a circle. Other mistakes go into
/// `problems`.
pub(super) fn resolve(path: &Path, problems: &mut Vec<Problem>) -> Result<Resolved> {
    let mut layers = Vec::new();
    let mut inputs = vec![path.to_owned()];
    let mut seen = Vec::new();
    let (start, mut table) = read(path)?;
    loop {
        let child = inputs.last().cloned().unwrap_or_default();
        seen.push(canonical(&child));
        let extends = table.remove("extends");
        layers.push(table);
        let Some((_, node)) = extends else { break };
        let parent = parent_of(&child, &node)
            .and_then(|parent| {
                let circle = seen.contains(&canonical(&parent));
                if circle {
                    Err(goes_round(&node, &inputs, &parent))
                } else {
                    Ok(parent)
                }
            })
            .map_err(|problem| into_error(path, vec![problem]))?;
        table = read(&parent)?.1;
        inputs.push(parent);
    }
    let mut merged = Table::new();
    for layer in layers.into_iter().rev() {
        merged = merge(merged, layer, "", problems);
    }
    Ok(Resolved {
        start,
        table: merged,
        inputs,
    })
}

fn canonical(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// The path that `extends` names, if it is there.
fn parent_of(child: &Path, node: &Node) -> Result<PathBuf, Problem> {
    let Value::String(name) = &node.value else {
        let message = format!("`extends`: expected a string, found {}", node.value.kind());
        let hint = "name one recipe beside this one: extends = \"minimal-debian-12\"";
        return Err(Problem::new(&node.at, message, hint));
    };
    let folder = child.parent().unwrap_or(Path::new(""));
    let parent = folder.join(find::with_extension(name));
    if parent.is_file() {
        return Ok(parent);
    }
    let message = format!("`extends`: there is no recipe {}", parent.display());
    let beside = parent.parent().unwrap_or(Path::new(""));
    let stem = parent.file_stem().unwrap_or_default().to_string_lossy();
    let hint = find::known(beside, &stem);
    Err(Problem::new(&node.at, message, hint))
}

fn goes_round(node: &Node, inputs: &[PathBuf], parent: &Path) -> Problem {
    let chain = inputs.iter().map(PathBuf::as_path).chain([parent]);
    let chain: Vec<String> = chain.map(|path| path.display().to_string()).collect();
    let message = format!("`extends` goes round in a circle: {}", chain.join(" -> "));
    Problem::new(
        &node.at,
        message,
        "remove `extends` from one of these recipes",
    )
}

/// Tables key by key, lists of [`APPENDED`] joined, everything else replaced.
fn merge(mut parent: Table, child: Table, name: &str, problems: &mut Vec<Problem>) -> Table {
    if name == "kernel" {
        replace_source(&mut parent, &child);
    }
    for (key, (at, node)) in child {
        let inherited = parent.remove(&key).map(|(_, node)| node.value);
        let value = match (inherited, node.value) {
            (Some(Value::Table(inherited)), Value::Table(own)) => {
                Value::Table(merge(inherited, own, &key, problems))
            }
            (None, Value::Table(own)) => Value::Table(merge(Table::new(), own, &key, problems)),
            (inherited, Value::Array(own)) if APPENDED.contains(&(name, &key)) => {
                let inherited = match inherited {
                    Some(Value::Array(items)) => items,
                    _ => Vec::new(),
                };
                Value::Array(append(inherited, own, problems))
            }
            (_, own) => own,
        };
        parent.insert(key, (at, Node { at: node.at, value }));
    }
    parent
}

/// A kernel has one source: a child that names one does not inherit another kind.
fn replace_source(parent: &mut Table, child: &Table) {
    const KINDS: [(&str, &[&str]); 3] = [
        ("package", &["url", "sha256", "image"]),
        ("url", &["package", "image"]),
        ("image", &["package", "url", "sha256", "fragments"]),
    ];
    for (key, others) in KINDS {
        if child.contains_key(key) {
            for other in others {
                parent.remove(*other);
            }
        }
    }
}

fn append(mut items: Vec<Node>, own: Vec<Node>, problems: &mut Vec<Problem>) -> Vec<Node> {
    let mut added = Vec::new();
    for node in own {
        let removed = match &node.value {
            Value::String(text) => text.strip_prefix('-'),
            _ => None,
        };
        let Some(removed) = removed else {
            added.push(node);
            continue;
        };
        let before = items.len();
        // A package of npm goes by its name, whichever of its versions is asked for.
        let is_removed =
            |text: &str| text == removed || kindling_npm::split_name(text).0 == removed;
        items.retain(|item| !matches!(&item.value, Value::String(text) if is_removed(text)));
        if items.len() == before {
            problems.push(not_inherited(&node.at, removed, &items));
        }
    }
    items.extend(added);
    items
}

fn not_inherited(at: &Location, removed: &str, items: &[Node]) -> Problem {
    let names = items.iter().filter_map(|item| match &item.value {
        Value::String(text) => Some(text.as_str()),
        _ => None,
    });
    let hint = match nearest(removed, names, 3).as_slice() {
        [] if items.is_empty() => "nothing is inherited here: remove the entry".to_owned(),
        [] => "remove the entry: a leading `-` takes away what a parent recipe lists".to_owned(),
        near => format!("did you mean `-{}`?", near.join("` or `-")),
    };
    Problem::new(
        at,
        format!("`{removed}` is not inherited, so it cannot be removed"),
        hint,
    )
}
