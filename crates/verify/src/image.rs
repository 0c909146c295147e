//! Differences inside two ext4 images, by path.

use std::collections::BTreeSet;
use std::path::Path;

use kindling_base::Result;

use super::bytes;
use super::compare::at;
use kindling_inspect::listing::{Kind, Listing, Node};

/// Paths that differ, with both sides; a line that says so where the file systems differ and no path does.
pub(super) fn differences(first: &Path, second: &Path) -> Result<Vec<String>> {
    let (first, second) = (Listing::read(first)?, Listing::read(second)?);
    let paths: BTreeSet<_> = first.nodes.keys().chain(second.nodes.keys()).collect();
    let mut details = Vec::new();
    for path in paths {
        let name = format!("/{}", String::from_utf8_lossy(path));
        match (first.nodes.get(path), second.nodes.get(path)) {
            (Some(a), Some(b)) => {
                let lines = attributes(a, b);
                details.extend(lines.into_iter().map(|line| format!("{name}: {line}")));
                if a.kind == Kind::File && b.kind == Kind::File {
                    let found = bytes::slices(&first.content(path)?, &second.content(path)?);
                    let what = |found: &bytes::Found| {
                        format!("{name}: content differs at byte {}", found.offset)
                    };
                    details.extend(found.iter().flat_map(|found| at(&what(found), found)));
                }
            }
            (Some(_), None) => details.push(format!("{name}: only in the first")),
            (None, _) => details.push(format!("{name}: only in the second")),
        }
    }
    if details.is_empty() {
        details.push(
            "every path is the same: the difference is in the file system itself or in xattrs"
                .to_owned(),
        );
    }
    Ok(details)
}

fn attributes(a: &Node, b: &Node) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = |what: &str, a: String, b: String| {
        if a != b {
            lines.push(format!("{what} {a} in the first, {b} in the second"));
        }
    };
    line("type", kind(&a.kind), kind(&b.kind));
    line("mode", format!("{:o}", a.mode), format!("{:o}", b.mode));
    line(
        "owner",
        format!("{}:{}", a.uid, a.gid),
        format!("{}:{}", b.uid, b.gid),
    );
    line("size", a.size.to_string(), b.size.to_string());
    line("time", a.mtime.to_string(), b.mtime.to_string());
    lines
}

fn kind(kind: &Kind) -> String {
    match kind {
        Kind::File => "file".to_owned(),
        Kind::Directory => "directory".to_owned(),
        Kind::Symlink(target) => format!("link to {}", String::from_utf8_lossy(target)),
        Kind::Other(name) => (*name).to_owned(),
    }
}
