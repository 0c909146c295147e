//! All units of a manager, found as systemd finds them.

use std::collections::{BTreeMap, BTreeSet};

use kindling_base::Result;
use kindling_tree::{Entry, Kind};

use super::{UnitFile, parse};
use crate::files::{Files, Found};

/// A manager of units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manager {
    /// PID 1.
    System,
    /// The manager of a session.
    User,
}

impl Manager {
    /// Folders with its units, the most important first (systemd.unit(5)).
    fn folders(self) -> &'static [&'static str] {
        match self {
            Self::System => &[
                "/etc/systemd/system",
                "/usr/local/lib/systemd/system",
                "/usr/lib/systemd/system",
                "/lib/systemd/system",
            ],
            Self::User => &[
                "/etc/systemd/user",
                "/usr/local/lib/systemd/user",
                "/usr/lib/systemd/user",
            ],
        }
    }
}

/// A unit with its drop-ins.
#[derive(Clone, Debug)]
pub struct Unit {
    /// Its own name; aliases lead to it.
    pub name: String,
    /// Its file and its drop-ins, in the order in which they apply.
    pub files: Vec<(String, UnitFile)>,
}

impl Unit {
    /// Every value of a key, with the file that has it. An empty value takes the ones before it away.
    pub fn all(&self, section: &str, key: &str) -> Vec<(&str, &str)> {
        let mut values = Vec::new();
        for (path, file) in &self.files {
            for line in &file.lines {
                if line.section == section && line.key == key {
                    if line.value.is_empty() {
                        values.clear();
                    } else {
                        values.push((path.as_str(), line.value.as_str()));
                    }
                }
            }
        }
        values
    }

    /// The last value of a key.
    pub fn last(&self, section: &str, key: &str) -> Option<&str> {
        self.all(section, key).pop().map(|(_, value)| value)
    }

    /// Names in the values of a key in `[Unit]`, which may be lists.
    pub fn names(&self, key: &str) -> Vec<(&str, &str)> {
        let values = self.all("Unit", key).into_iter();
        values
            .flat_map(|(path, value)| value.split_whitespace().map(move |name| (path, name)))
            .collect()
    }

    /// Whether a key is set to no.
    pub fn is_off(&self, section: &str, key: &str) -> bool {
        let value = self.last(section, key).map(str::to_lowercase);
        matches!(
            value.as_deref(),
            Some("no" | "false" | "off" | "0" | "n" | "f")
        )
    }

    /// The ending of its name: `service`, `target`.
    pub fn kind(&self) -> &str {
        kind_of(&self.name)
    }

    /// The path of its own file.
    pub fn path(&self) -> &str {
        self.files.first().map_or("", |(path, _)| path)
    }
}

/// A link in a `.wants`, `.requires` or `.upholds` folder.
#[derive(Clone, Debug)]
pub struct Pull {
    /// Path of the link.
    pub path: String,
    /// The unit that pulls.
    pub from: String,
    /// The unit that is pulled in, by the name of the link.
    pub to: String,
    /// Whether the link leads to something.
    pub leads: bool,
}

/// The units of a manager.
#[derive(Clone, Debug)]
pub struct Units {
    /// By their own names.
    pub units: BTreeMap<String, Unit>,
    /// Names that lead to others: aliases, and instances of templates that were asked for.
    aliases: BTreeMap<String, String>,
    masked: BTreeSet<String>,
    /// Links in folders of dependencies.
    pub pulls: Vec<Pull>,
    /// Names in folders of dependencies that were seen: the first folder decides.
    pulled: BTreeSet<(String, String)>,
}

impl Units {
    /// Reads all units.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn load(files: &Files<'_>, manager: Manager) -> Result<Self> {
        let mut all = Self {
            units: BTreeMap::new(),
            aliases: BTreeMap::new(),
            masked: BTreeSet::new(),
            pulls: Vec::new(),
            pulled: BTreeSet::new(),
        };
        let mut seen = BTreeSet::new();
        let mut folders = BTreeSet::new();
        let mut drop_ins: BTreeMap<(String, String), String> = BTreeMap::new();
        for folder in manager.folders() {
            let Found::Entry(real, _) = files.find(folder) else {
                continue;
            };
            if !folders.insert(real) {
                continue; // /lib is /usr/lib
            }
            for (name, entry) in files.list(folder) {
                let path = format!("{folder}/{name}");
                if let Kind::Directory = entry.kind {
                    all.folder(files, &path, &name, &mut drop_ins);
                } else if is_unit(&name) && seen.insert(name.clone()) {
                    all.add(files, path, name, entry)?;
                }
            }
        }
        for ((owner, _), path) in drop_ins {
            all.drop_in(files, &owner, path)?;
        }
        Ok(all)
    }

    /// The unit of a name: itself, through an alias, or as an instance of a template.
    pub fn get(&self, name: &str) -> Option<&Unit> {
        let name = self.aliases.get(name).map_or(name, String::as_str);
        self.units.get(name).or_else(|| {
            let (prefix, rest) = name.split_once('@')?;
            let (_, kind) = rest.rsplit_once('.')?;
            self.units.get(&format!("{prefix}@.{kind}"))
        })
    }

    /// Whether the name is masked: nothing ever starts it.
    pub fn is_masked(&self, name: &str) -> bool {
        self.masked.contains(name)
            || self
                .aliases
                .get(name)
                .is_some_and(|own| self.masked.contains(own))
    }

    fn add(&mut self, files: &Files<'_>, path: String, name: String, entry: &Entry) -> Result<()> {
        if let Kind::Symlink(target) = &entry.kind {
            let target = String::from_utf8_lossy(target);
            if target == "/dev/null" {
                self.masked.insert(name);
                return Ok(());
            }
            let own = target.rsplit('/').next().unwrap_or_default().to_owned();
            if own != name {
                self.aliases.insert(name, own);
                return Ok(());
            }
        }
        let Some(text) = files.text(&path)? else {
            return Ok(());
        };
        if text.is_empty() {
            self.masked.insert(name);
            return Ok(());
        }
        let files = vec![(path, parse(&text))];
        self.units.insert(name.clone(), Unit { name, files });
        Ok(())
    }

    /// Notes what is in `NAME.wants/`, `NAME.d/` and so on.
    fn folder(
        &mut self,
        files: &Files<'_>,
        path: &str,
        name: &str,
        drop_ins: &mut BTreeMap<(String, String), String>,
    ) {
        let Some((owner, purpose)) = name.rsplit_once('.') else {
            return;
        };
        for (entry, node) in files.list(path) {
            let path = format!("{path}/{entry}");
            match purpose {
                "wants" | "requires" | "upholds" => {
                    // As of units: a link to /dev/null takes back what a later folder says.
                    let is_first = self.pulled.insert((name.to_owned(), entry.clone()));
                    let masks = matches!(&node.kind, Kind::Symlink(to) if to == b"/dev/null");
                    if is_first && !masks {
                        self.pulls.push(Pull {
                            from: owner.to_owned(),
                            leads: files.may_exist(&path),
                            to: entry,
                            path,
                        });
                    }
                }
                "d" if entry.ends_with(".conf") => {
                    drop_ins.entry((owner.to_owned(), entry)).or_insert(path);
                }
                _ => {}
            }
        }
    }

    /// Adds a drop-in to the units that it is for: one, or all of a type (`service.d`).
    fn drop_in(&mut self, files: &Files<'_>, owner: &str, path: String) -> Result<()> {
        let Some(text) = files.text(&path)? else {
            return Ok(()); // masked
        };
        let file = parse(&text);
        let owner = self.aliases.get(owner).map_or(owner, String::as_str);
        for unit in self.units.values_mut() {
            let prefix = owner.split_once("-.").is_some_and(|(start, kind)| {
                unit.name.starts_with(&format!("{start}-")) && kind_of(&unit.name) == kind
            });
            if unit.name == owner || unit.kind() == owner || prefix {
                unit.files.push((path.clone(), file.clone()));
            }
        }
        Ok(())
    }
}

fn is_unit(name: &str) -> bool {
    const KINDS: [&str; 9] = [
        "service",
        "socket",
        "target",
        "timer",
        "path",
        "mount",
        "automount",
        "slice",
        "swap",
    ];
    KINDS.contains(&kind_of(name))
}

fn kind_of(name: &str) -> &str {
    name.rsplit_once('.').map_or("", |(_, kind)| kind)
}
