//! Files that a boot reads from the disk, so that they can be read ahead.

use std::collections::BTreeSet;

use kindling_base::Result;
use kindling_tree::{Kind, Tree};

use crate::elf::parse;
use crate::files::{Files, Found, shown};
use crate::generators::generators;
use crate::loader::Loader;
use crate::unit::{Boot, Manager, Unit, Units, program};

/// Keys whose units PID 1 loads together with the one that names them.
const LOADED_WITH: [&str; 9] = [
    "Requires",
    "Requisite",
    "Wants",
    "BindsTo",
    "Upholds",
    "After",
    "Before",
    "Conflicts",
    "OnFailure",
];
/// The keys of a service whose programs run at boot.
const COMMANDS: [&str; 3] = ["ExecCondition", "ExecStartPre", "ExecStart"];

/// The files that a boot opens, in the order in which it does: PID 1 and its libraries, its generators, the units that it loads,
/// and the programs of the services that start with what they need. Paths are absolute and without links, each is there once.
///
/// What only exists while the guest runs is not among them, and neither is what programs open by themselves. Empty where the tree
/// has no `/sbin/init`.
///
/// # Errors
/// Content of the tree cannot be read.
pub fn boot_files(tree: &Tree) -> Result<Vec<String>> {
    let files = Files(tree);
    let mut list = List {
        files,
        loader: Loader::new(files)?,
        known: BTreeSet::new(),
        paths: Vec::new(),
    };
    if !list.program("/sbin/init") {
        return Ok(list.paths);
    }
    for path in generators(&files).values() {
        if files.is_program(path) {
            list.program(path);
        }
    }
    let units = Units::load(&files, Manager::System)?;
    let boot = Boot::walk(&units);
    for unit in loaded(&units, &boot) {
        for (path, _) in &unit.files {
            list.file(path);
        }
    }
    let mut services: Vec<&Unit> = boot.units.values().copied().collect();
    services.retain(|unit| unit.kind() == "service");
    services.sort_by_key(|unit| !unit.is_off("Unit", "DefaultDependencies")); // those of sysinit.target are first
    for unit in services {
        let lines = COMMANDS.iter().flat_map(|key| unit.all("Service", key));
        for found in lines.filter_map(|(_, line)| program(line)) {
            let path = match found.name.contains('/') {
                true => Some(found.name),
                false => files.on_path(&found.name),
            };
            if let Some(path) = path {
                list.program(&path);
            }
        }
    }
    Ok(list.paths)
}

/// The units that PID 1 loads at boot, whether they start or are only named.
fn loaded<'a>(units: &'a Units, boot: &'a Boot<'_>) -> Vec<&'a Unit> {
    let mut known = BTreeSet::new();
    let mut open: Vec<&str> = boot.units.keys().rev().map(String::as_str).collect();
    let mut loaded = Vec::new();
    while let Some(name) = open.pop() {
        if !known.insert(name) || units.is_masked(name) {
            continue;
        }
        let Some(unit) = units.get(name) else {
            continue;
        };
        loaded.push(unit);
        let named = LOADED_WITH.iter().flat_map(|key| unit.names(key));
        open.extend(named.map(|(_, name)| name));
    }
    loaded
}

struct List<'a> {
    files: Files<'a>,
    loader: Loader<'a>,
    known: BTreeSet<Vec<u8>>,
    paths: Vec<String>,
}

impl List<'_> {
    /// Adds the regular file that a path leads to.
    fn file(&mut self, path: &str) {
        if let Found::Entry(path, entry) = self.files.find(path)
            && matches!(entry.kind, Kind::File(_) | Kind::HardLink(_))
        {
            self.add(path);
        }
    }

    /// Adds a program, its loader and its libraries; says whether there is one.
    fn program(&mut self, path: &str) -> bool {
        let Found::Entry(path, entry) = self.files.find(path) else {
            return false;
        };
        let Some(content) = self.files.content(entry) else {
            return false;
        };
        self.add(path.clone());
        let Ok(Some(elf)) = parse(content) else {
            return true; // a script, or damaged: the rules say so
        };
        if let Some(interpreter) = &elf.interpreter {
            self.file(interpreter);
        }
        let mut open = vec![(path, elf)];
        let mut at = 0;
        while let Some((path, elf)) = open.get(at).cloned() {
            at += 1;
            for name in &elf.needed {
                if let Some((library, needs)) = self.loader.find(&path, &elf, name)
                    && !open.iter().any(|(path, _)| *path == library)
                {
                    self.add(library.clone());
                    open.push((library, needs));
                }
            }
        }
        true
    }

    fn add(&mut self, path: Vec<u8>) {
        if self.known.insert(path.clone()) {
            self.paths.push(shown(&path));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kindling_testkit::Root;

    /// A dynamic program that needs libc.so.6 only, and that library, of this machine.
    fn sound() -> Root {
        let (shell, library) = ("/bin/sh", "/lib/x86_64-linux-gnu/libc.so.6");
        let (shell, library) = (
            std::fs::read(shell).unwrap(),
            std::fs::read(library).unwrap(),
        );
        Root::bootable()
            .link("lib64", "usr/lib64")
            .link("sbin", "usr/sbin")
            .bytes("usr/lib64/ld-linux-x86-64.so.2", 0o755, &library)
            .bytes("usr/lib/x86_64-linux-gnu/libc.so.6.1", 0o644, &library)
            .link("usr/lib/x86_64-linux-gnu/libc.so.6", "libc.so.6.1")
            .bytes("usr/lib/systemd/systemd", 0o755, &shell)
            .link("usr/sbin/init", "/usr/lib/systemd/systemd")
    }

    fn listed(plan: &Root) -> String {
        boot_files(&plan.tree()).unwrap().join("\n")
    }

    #[test]
    fn files_are_in_the_order_of_a_boot() {
        let plan = sound()
            .program("usr/lib/systemd/system-generators/fstab", "#!/bin/sh\n")
            .program("usr/lib/systemd/system-generators/masked", "#!/bin/sh\n")
            .link("etc/systemd/system-generators/masked", "/dev/null")
            .enabled("a.service", "[Unit]\nAfter=named.target off.service\n[Service]\nExecStart=-/usr/bin/a x\nExecStop=/usr/bin/z\n")
            .file("etc/systemd/system/a.service.d/own.conf", "[Service]\nExecStartPre=b\n")
            .enabled("early.service", "[Unit]\nDefaultDependencies=no\n[Service]\nExecStart=/usr/bin/early\n")
            .program("usr/bin/early", "#!/bin/sh\n")
            .program("usr/bin/a", "#!/bin/sh\n")
            .program("usr/bin/b", "#!/bin/sh\n")
            .program("usr/bin/z", "#!/bin/sh\n")
            .unit("named.target", "[Unit]\nAfter=further.target\n")
            .unit("further.target", "[Unit]\n")
            .unit("off.service", "[Service]\nExecStart=/usr/bin/z\n")
            .link("etc/systemd/system/off.service", "/dev/null")
            .unit("nobody.service", "[Service]\nExecStart=/usr/bin/z\n");
        insta::assert_snapshot!(listed(&plan), @r"
        /usr/lib/systemd/systemd
        /usr/lib64/ld-linux-x86-64.so.2
        /usr/lib/x86_64-linux-gnu/libc.so.6.1
        /usr/lib/systemd/system-generators/fstab
        /usr/lib/systemd/system/a.service
        /etc/systemd/system/a.service.d/own.conf
        /usr/lib/systemd/system/named.target
        /usr/lib/systemd/system/further.target
        /usr/lib/systemd/system/basic.target
        /usr/lib/systemd/system/sockets.target
        /usr/lib/systemd/system/sysinit.target
        /usr/lib/systemd/system/early.service
        /usr/lib/systemd/system/multi-user.target
        /usr/bin/early
        /usr/bin/b
        /usr/bin/a
        ");
    }

    #[test]
    fn what_is_not_there_is_left_out() {
        let plan = sound().enabled("a.service", "[Service]\nExecStart=/usr/bin/a\n");
        assert!(!listed(&plan).contains("/usr/bin/a"));
        let tree = Root::new().file("etc/passwd", "").tree();
        assert_eq!(boot_files(&tree).unwrap(), [""; 0]);
    }
}
