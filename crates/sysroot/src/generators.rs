//! Programs that make units at boot, before PID 1 loads any.

use std::collections::BTreeMap;

use kindling_tree::Kind;

use crate::files::Files;

/// Where generators are; the first that has a name decides (systemd.generator(7)).
const FOLDERS: [&str; 3] = [
    "/etc/systemd/system-generators",
    "/usr/local/lib/systemd/system-generators",
    "/usr/lib/systemd/system-generators",
];

/// The generators that are not masked (by a link to `/dev/null`): paths by name.
pub fn generators(files: &Files<'_>) -> BTreeMap<String, String> {
    let mut named = BTreeMap::new();
    for folder in FOLDERS {
        for (name, entry) in files.list(folder) {
            let masked = matches!(&entry.kind, Kind::Symlink(to) if to == b"/dev/null");
            let path = (!masked).then(|| format!("{folder}/{name}"));
            named.entry(name).or_insert(path);
        }
    }
    let unmasked = named.into_iter();
    unmasked
        .filter_map(|(name, path)| Some((name, path?)))
        .collect()
}
