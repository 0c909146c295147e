//! `cargo xtask gc`.

use std::collections::BTreeMap;
use std::time::SystemTime;

use kindling_base::Result;
use kindling_store::{Collected, Limits, Store};

use crate::cli::{Gc, Global};
use crate::render::{Renderer, size};

pub(crate) fn run(args: &Gc, global: &Global, renderer: &dyn Renderer) -> Result<()> {
    let root = global.store.clone().map_or_else(Store::default_root, Ok)?;
    let store = Store::open(&root)?;
    let limits = Limits {
        bytes: Some(args.max_size),
        age: Some(args.max_age),
    };
    let collected = store.collect_garbage(&limits, SystemTime::now(), args.dry_run)?;
    for line in lines(&collected, args.dry_run) {
        renderer.note(&line);
    }
    Ok(())
}

/// A line for each kind that was removed, and one for the rest.
fn lines(collected: &Collected, dry_run: bool) -> Vec<String> {
    let mut kinds: BTreeMap<String, (usize, u64)> = BTreeMap::new();
    for entry in &collected.removed {
        let mut parts = entry.name.iter().map(|part| part.to_string_lossy());
        let kind = match parts.next().as_deref() {
            Some("stages") => parts.next().unwrap_or_default().into_owned(),
            Some("blobs") => "downloads".to_owned(),
            Some("staging") => "half made".to_owned(),
            Some(other) => format!("{other} folders"),
            None => continue,
        };
        let (count, bytes) = kinds.entry(kind).or_default();
        *count += 1;
        *bytes += entry.bytes;
    }
    let verb = if dry_run { "would remove" } else { "removed" };
    let mut lines: Vec<String> = kinds
        .iter()
        .map(|(kind, (count, bytes))| format!("{verb} {kind}: {count}, {}", size(*bytes)))
        .collect();
    if lines.is_empty() {
        lines.push("nothing to remove".to_owned());
    }
    let busy = match collected.in_use {
        0 => String::new(),
        count => format!("; {count} more are in use by running builds"),
    };
    lines.push(format!(
        "the store has {} in {} entries{busy}",
        size(collected.kept_bytes),
        collected.kept
    ));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use kindling_store::Entry;

    #[test]
    fn kinds_are_summed_up() {
        let entry = |name: &str, bytes| Entry {
            name: name.into(),
            bytes,
            used: None,
        };
        let collected = Collected {
            removed: vec![
                entry("blobs/ab/abc", 1 << 20),
                entry("stages/rootfs/k", 3 << 30),
                entry("blobs/cd/cde", 1 << 20),
                entry("work/linux-1", 5 << 20),
            ],
            kept_bytes: 7 << 20,
            kept: 9,
            in_use: 1,
        };
        assert_eq!(
            lines(&collected, true),
            [
                "would remove downloads: 2, 2.0 MiB",
                "would remove rootfs: 1, 3.0 GiB",
                "would remove work folders: 1, 5.0 MiB",
                "the store has 7.0 MiB in 9 entries; 1 more are in use by running builds",
            ]
        );
        assert_eq!(lines(&Collected::default(), false)[0], "nothing to remove");
    }
}
