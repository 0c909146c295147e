//! Programs that make units at boot, before PID 1 loads any.

use std::collections::BTreeMap;

use kindling_base::Result;
use kindling_tree::Kind;

use crate::files::{Files, Found};
use crate::unit::Units;

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

/// Run levels whose scripts a boot starts, as targets of systemd.
const LEVELS: [&str; 5] = [
    "etc/rcS.d",
    "etc/rc2.d",
    "etc/rc3.d",
    "etc/rc4.d",
    "etc/rc5.d",
];

/// A file that nothing honours but a generator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Served {
    /// The generator's name.
    pub generator: &'static str,
    /// The file: a script of SysV init without a unit, /etc/rc.local, /etc/crypttab.
    pub path: String,
}

/// The files of an image that only generators honour, whether these run or not.
///
/// # Errors
/// A file cannot be read.
pub fn served(files: &Files<'_>, system: &Units) -> Result<Vec<Served>> {
    let mut all = Vec::new();
    for script in scripts(files) {
        let name = script.strip_suffix(".sh").unwrap_or(&script);
        let unit = format!("{name}.service");
        if system.get(&unit).is_none() && !system.is_masked(&unit) {
            all.push(Served {
                generator: "systemd-sysv-generator",
                path: format!("/etc/init.d/{script}"),
            });
        }
    }
    let local = "/etc/rc.local";
    if matches!(files.find(local), Found::Entry(_, entry) if files.is_executable(entry)) {
        all.push(Served {
            generator: "systemd-rc-local-generator",
            path: local.to_owned(),
        });
    }
    let crypttab = "/etc/crypttab";
    let entries = files.text(crypttab)?.unwrap_or_default();
    let mut lines = entries.lines().map(str::trim);
    if lines.any(|line| !line.is_empty() && !line.starts_with('#')) {
        all.push(Served {
            generator: "systemd-cryptsetup-generator",
            path: crypttab.to_owned(),
        });
    }
    Ok(all)
}

/// Names in /etc/init.d of the scripts that a run level starts, each once.
fn scripts(files: &Files<'_>) -> Vec<String> {
    let links = LEVELS.iter().flat_map(|level| files.list(level));
    let names = links.filter_map(|(link, _)| {
        // S, two digits, and the name.
        let name = link.strip_prefix('S')?.get(2..)?;
        (!name.is_empty()).then(|| name.to_owned())
    });
    let mut names: Vec<String> = names.collect();
    names.sort();
    names.dedup();
    names
}
