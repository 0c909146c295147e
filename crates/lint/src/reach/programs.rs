//! Programs and all that they need: links that lead to them, loaders, libraries, interpreters, programs that scripts name.

use std::collections::BTreeSet;

use kindling_base::Result;
use kindling_sysroot::elf::{Elf, parse};
use kindling_sysroot::unit::{Unit, program};
use kindling_sysroot::{Files, Found, Loader, shown};
use kindling_tree::{Content, Kind};

use crate::condition::has_other_root;

/// Keys of a service whose programs its start meets; those of sockets are met as well.
const COMMANDS: [&str; 4] = [
    "ExecCondition",
    "ExecStartPre",
    "ExecStart",
    "ExecStartPost",
];
/// Scripts are looked into up to this size: what is longer is an archive that unpacks itself, or data.
const MAX_SCRIPT: u64 = 256 << 10;
/// As many links as Linux follows (path_resolution(7)).
const MAX_LINKS: usize = 40;

/// The paths that are reached so far.
pub(super) struct Programs<'a> {
    files: Files<'a>,
    loader: Loader<'a>,
    pub(super) reached: BTreeSet<Vec<u8>>,
}

impl<'a> Programs<'a> {
    pub(super) fn new(files: Files<'a>, loader: Loader<'a>) -> Self {
        Self {
            files,
            loader,
            reached: BTreeSet::new(),
        }
    }

    /// Adds a unit's files and the programs of its start.
    pub(super) fn unit(&mut self, unit: &Unit) -> Result<()> {
        for (path, _) in &unit.files {
            self.path(path);
        }
        if has_other_root(unit) {
            return Ok(());
        }
        for section in ["Service", "Socket"] {
            for (_, line) in COMMANDS.iter().flat_map(|key| unit.all(section, key)) {
                if let Some(found) = program(line) {
                    self.command(&found.name)?;
                }
                self.named_in(line)?;
            }
        }
        Ok(())
    }

    /// Adds a program by its path, or by a name that is looked for on the PATH.
    pub(super) fn command(&mut self, name: &str) -> Result<()> {
        match name.contains('/') {
            true => self.program(name),
            false => match self.files.on_path(name) {
                Some(path) => self.program(&path),
                None => Ok(()),
            },
        }
    }

    /// Adds a path as it is named, and every link on the way to what it leads to.
    pub(super) fn path(&mut self, path: &str) {
        let mut path = path.to_owned();
        for _ in 0..MAX_LINKS {
            self.reached.insert(path.trim_start_matches('/').into());
            let Some(real) = self.files.placed(&path) else {
                return;
            };
            let folder = real.rsplitn(2, |&b| b == b'/').nth(1).map(shown);
            let entry = self.files.0.get(&real);
            self.reached.insert(real.clone());
            let Some(Kind::Symlink(target)) = entry.map(|entry| &entry.kind) else {
                return;
            };
            let target = String::from_utf8_lossy(target);
            path = match target.starts_with('/') {
                true => target.into_owned(),
                false => format!("{}/{target}", folder.unwrap_or_default()),
            };
        }
    }

    /// Adds a program and all that it needs.
    pub(super) fn program(&mut self, path: &str) -> Result<()> {
        self.path(path);
        let Found::Entry(real, entry) = self.files.find(path) else {
            return Ok(());
        };
        let Some(content) = self.files.content(entry) else {
            return Ok(());
        };
        let mut seen = real.clone();
        seen.push(0); // no path has a NUL: this one says that what the file needs was added
        if !self.reached.insert(seen) {
            return Ok(());
        }
        self.reached.insert(real.clone());
        match parse(content) {
            Ok(Some(elf)) => self.elf(real, elf),
            Ok(None) if self.files.is_executable(entry) => self.script(content)?,
            _ => {}
        }
        Ok(())
    }

    fn elf(&mut self, path: Vec<u8>, elf: Elf) {
        if let Some(interpreter) = &elf.interpreter {
            self.path(interpreter);
        }
        let mut open = vec![(path, elf)];
        let mut known = BTreeSet::new();
        while let Some((path, elf)) = open.pop() {
            for name in &elf.needed {
                if let Some((library, needs)) = self.loader.find(&path, &elf, name)
                    && known.insert(library.clone())
                {
                    self.reached.insert(library.clone());
                    open.push((library, needs));
                }
            }
        }
    }

    /// Adds the interpreter of a script, and programs that its lines name by their paths.
    fn script(&mut self, content: &Content) -> Result<()> {
        if content.len() > MAX_SCRIPT {
            return Ok(());
        }
        let bytes = content.read()?;
        let Some(rest) = bytes.strip_prefix(b"#!") else {
            return Ok(());
        };
        let text = String::from_utf8_lossy(rest);
        let mut lines = text.lines();
        let mut words = lines.next().unwrap_or_default().split_whitespace();
        if let Some(interpreter) = words.next() {
            self.program(interpreter)?;
            if interpreter.ends_with("/env") {
                let options = |word: &&str| word.starts_with('-') || word.contains('=');
                if let Some(name) = words.find(|word| !options(word)) {
                    self.command(name)?;
                }
            }
        }
        for line in lines.filter(|line| !line.trim_start().starts_with('#')) {
            self.named_in(line)?;
        }
        Ok(())
    }

    /// Adds the programs whose absolute paths are in a line.
    fn named_in(&mut self, line: &str) -> Result<()> {
        for path in paths(line) {
            if self.files.is_program(path) {
                self.program(path)?;
            }
        }
        Ok(())
    }
}

/// The absolute paths in a line of a script, as far as they are written out.
fn paths(line: &str) -> impl Iterator<Item = &str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "/._+-@:".contains(c);
    let words = line.split(move |c| !is_part(c));
    words.filter(|word| word.len() > 1 && word.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn paths_of_a_line_are_found_between_quotes_and_operators() {
        let line = "[ -x /usr/bin/a ] && exec \"/usr/bin/b\" $(/usr/lib/c --x=/d) $E/f ${E}/g";
        let found: Vec<&str> = paths(line).collect();
        assert_eq!(
            found,
            ["/usr/bin/a", "/usr/bin/b", "/usr/lib/c", "/d", "/g"]
        );
    }

    proptest! {
        #[test]
        fn any_line_has_an_answer(line in "\\PC{0,200}") {
            prop_assert!(paths(&line).all(|path| path.starts_with('/')));
        }
    }
}
