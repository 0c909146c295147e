//! The dynamic loader's needs: interpreters and libraries.

use std::collections::{BTreeMap, BTreeSet};

use kindling_base::Result;

use crate::facts::Facts;
use crate::finding::Missing;
use crate::rule::{Report, Rule};
use kindling_sysroot::Loader;
use kindling_sysroot::elf::{Elf, parse};
use kindling_sysroot::{Files, Found, shown};

pub(super) const LIBRARY: Rule = Rule {
    name: "elf-library",
    summary: "every library that a program or library needs is there",
    explanation: "A program one of whose libraries is missing dies before main() with 127. A program's libraries must be \
                  found as the loader finds them (runpath, ld.so.conf, default folders, right class and machine); those \
                  that only libraries and plugins need must be somewhere in the image, as whoever loads them may have \
                  folders of its own.",
    check: library,
};

pub(super) const INTERPRETER: Rule = Rule {
    name: "elf-interpreter",
    summary: "the dynamic loader that each program names is there",
    explanation: "A program whose loader is missing fails with `No such file or directory`, naming the program and not the \
                  loader: one built for musl or another architecture, often.",
    check: interpreter,
};

/// Folders whose programs and libraries nothing on the system starts: debug symbols and examples.
const IGNORED: [&str; 2] = ["usr/lib/debug/", "usr/share/doc/"];

/// All executables and libraries by path, damaged ones apart.
struct Elves<'a> {
    files: Files<'a>,
    all: BTreeMap<&'a [u8], Elf>,
    damaged: Vec<(&'a [u8], String)>,
    /// Paths by file name: where a library of that name is.
    names: BTreeMap<&'a [u8], Vec<&'a [u8]>>,
    loader: Loader<'a>,
}

impl<'a> Elves<'a> {
    fn gather(facts: &Facts<'a>) -> Result<Self> {
        let mut elves = Self {
            files: facts.files,
            all: BTreeMap::new(),
            damaged: Vec::new(),
            names: BTreeMap::new(),
            loader: Loader::new(facts.files)?,
        };
        for (path, entry) in facts.image.tree.iter() {
            let name = path.rsplit(|&b| b == b'/').next().unwrap_or_default();
            let looks = facts.files.is_executable(entry) || name.windows(3).any(|w| w == b".so");
            if !looks
                || IGNORED
                    .iter()
                    .any(|start| path.starts_with(start.as_bytes()))
            {
                continue;
            }
            elves.names.entry(name).or_default().push(path);
            let Some(content) = facts.files.content(entry) else {
                continue;
            };
            match parse(content) {
                Ok(Some(elf)) => {
                    elves.all.insert(path, elf);
                }
                Ok(None) => {}
                Err(error) => elves.damaged.push((path, error)),
            }
        }
        Ok(elves)
    }

    /// Whether a path leads to a library that can be loaded together with `machine`.
    fn fits(&self, path: &str, machine: (bool, u16)) -> bool {
        match self.files.find(path) {
            Found::Entry(path, entry) => match self.all.get(path.as_slice()) {
                Some(elf) => elf.machine == machine,
                // Not among those looked at for its name or mode.
                None => self.files.content(entry).is_some_and(
                    |content| matches!(parse(content), Ok(Some(elf)) if elf.machine == machine),
                ),
            },
            Found::Nothing(_) => false,
            Found::AtRunTime => true,
        }
    }

    /// Whether the loader finds a library for the file at `path`.
    fn finds(&self, path: &[u8], elf: &Elf, name: &str) -> bool {
        let candidates = self.loader.candidates(path, elf, name);
        candidates.iter().any(|path| self.fits(path, elf.machine))
    }

    /// Whether a library of this name is anywhere.
    fn is_anywhere(&self, name: &str, machine: (bool, u16)) -> bool {
        let paths = self.names.get(name.as_bytes()).into_iter().flatten();
        paths
            .into_iter()
            .any(|path| self.fits(&shown(path), machine))
    }
}

fn library(facts: &Facts<'_>, report: &mut Report) -> Result<()> {
    let elves = Elves::gather(facts)?;
    let mut known: BTreeSet<(Vec<String>, (bool, u16), String)> = BTreeSet::new();
    for (path, elf) in &elves.all {
        for name in &elf.needed {
            // Most files need the same few libraries, found in the default folders.
            let key = (elf.folders.clone(), elf.machine, name.clone());
            let by_origin = elf.folders.iter().any(|folder| folder.contains("ORIGIN"));
            if !by_origin && known.contains(&key) {
                continue;
            }
            let found = elves.finds(path, elf, name)
                || elf.interpreter.is_none() && elves.is_anywhere(name, elf.machine);
            if found {
                if elf.interpreter.is_some() && !by_origin {
                    known.insert(key);
                }
                continue;
            }
            let problem = format!("it needs {name}, which is {}", state(&elves, name));
            let seen = report.add(shown(path), problem);
            seen.lacks(Missing::Library(name.clone()));
        }
    }
    for (path, error) in &elves.damaged {
        report.add(shown(path), format!("it is a damaged ELF file: {error}"));
    }
    Ok(())
}

/// A hint about a library that was not found.
fn state(elves: &Elves<'_>, name: &str) -> String {
    match elves
        .names
        .get(name.as_bytes())
        .and_then(|paths| paths.first())
    {
        Some(path) => format!("not where the loader looks for it, but at {}", shown(path)),
        None => "not in the image".to_owned(),
    }
}

fn interpreter(facts: &Facts<'_>, report: &mut Report) -> Result<()> {
    for (path, entry) in facts.image.tree.iter() {
        let ignored = IGNORED
            .iter()
            .any(|start| path.starts_with(start.as_bytes()));
        let content = facts.files.content(entry);
        let Some(content) = content.filter(|_| !ignored && facts.files.is_executable(entry)) else {
            continue;
        };
        if let Ok(Some(elf)) = parse(content)
            && let Some(loader) = elf.interpreter
            && !facts.files.is_program(&loader)
        {
            let problem = format!("its loader {loader} is not in the image");
            let seen = report.add(shown(path), problem);
            seen.lacks(Missing::Program(loader));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{Plan, problems};

    /// The shell of this machine: a dynamic program that needs libc.so.6 only.
    fn shell() -> Vec<u8> {
        std::fs::read("/bin/sh").unwrap()
    }

    fn library() -> Vec<u8> {
        std::fs::read("/lib/x86_64-linux-gnu/libc.so.6").unwrap()
    }

    const LOADER: &str = "usr/lib64/ld-linux-x86-64.so.2";

    fn sound() -> Plan {
        Plan::bootable()
            .link("lib64", "usr/lib64")
            .bytes(LOADER, 0o755, &library())
            .bytes("usr/bin/app", 0o755, &shell())
            .file("etc/ld.so.conf", "include /etc/ld.so.conf.d/*.conf\n")
            .file("etc/ld.so.conf.d/own.conf", "# ours\n/opt/lib\n")
            .bytes("opt/lib/libc.so.6", 0o644, &library())
    }

    #[test]
    fn a_missing_library_is_told_and_one_elsewhere_named() {
        assert_eq!(problems("elf-library", &sound()), [""; 0]);
        let moved = sound().file("etc/ld.so.conf.d/own.conf", "/opt/other\n");
        insta::assert_snapshot!(problems("elf-library", &moved).join("\n"), @"/usr/bin/app: it needs libc.so.6, which is not where the loader looks for it, but at /opt/lib/libc.so.6");
        let wrong = sound().bytes(
            "opt/lib/libc.so.6",
            0o644,
            b"no library at all, only some bytes of text that are long enough",
        );
        insta::assert_snapshot!(problems("elf-library", &wrong).join("\n"), @"/usr/bin/app: it needs libc.so.6, which is not where the loader looks for it, but at /opt/lib/libc.so.6");
        let damaged = sound().bytes("usr/bin/cut", 0o755, &shell()[..100]);
        assert_eq!(problems("elf-library", &damaged).len(), 1);
    }

    #[test]
    fn a_missing_loader_is_told() {
        assert_eq!(problems("elf-interpreter", &sound()), [""; 0]);
        let broken = sound().file(LOADER, "not executable");
        insta::assert_snapshot!(problems("elf-interpreter", &broken).join("\n"), @"/usr/bin/app: its loader /lib64/ld-linux-x86-64.so.2 is not in the image");
    }
}
