//! Scripts and their interpreters.

use kindling_base::Result;
use kindling_tree::Kind;

use crate::facts::Facts;
use crate::finding::Missing;
use crate::rule::{Report, Rule};
use kindling_sysroot::{Files, Found, shown};

pub(super) const INTERPRETER: Rule = Rule {
    name: "script-interpreter",
    summary: "the interpreter of every script is there",
    explanation: "A script whose `#!` names a missing program fails with `No such file or directory`, naming the script and \
                  not the program. Looked at are scripts that something may start: on the PATH, in /etc, in /opt and in \
                  folders of libraries' own programs; not examples and templates. Of packages of npm the commands on \
                  the PATH are looked at; one that is neither a script nor a program stands for something that an install \
                  script would have put there.",
    check: interpreter,
};

/// Folders whose scripts are started, by people or by programs.
const STARTED: [&str; 8] = [
    "usr/bin/",
    "usr/sbin/",
    "usr/local/",
    "usr/libexec/",
    "usr/lib/",
    "etc/",
    "opt/",
    "bin/",
];
/// Parts of paths of scripts that are material for others: examples, tests and templates, and what packages of npm
/// bring for their own development.
const MATERIAL: [&str; 6] = [
    "/examples/",
    "/example/",
    "/test/",
    "/tests/",
    "/templates/",
    "/node_modules/",
];
/// Linux ignores an interpreter in a longer first line (BINPRM_BUF_SIZE).
const MAX_LINE: usize = 256;

/// Where links to the commands of npm's packages are.
const COMMANDS: [&str; 2] = ["usr/bin/", "usr/local/bin/"];

fn interpreter(facts: &Facts<'_>, report: &mut Report) -> Result<()> {
    for (path, entry) in facts.image.tree.iter() {
        if let Kind::Symlink(_) = &entry.kind {
            if let Some(defect) = command(&facts.files, path)? {
                defect.tell(report, shown(path));
            }
            continue;
        }
        if !facts.files.is_executable(entry)
            || !STARTED.iter().any(|s| path.starts_with(s.as_bytes()))
        {
            continue;
        }
        let name = shown(path);
        if MATERIAL.iter().any(|part| name.contains(part)) {
            continue;
        }
        let Some(content) = facts
            .files
            .content(entry)
            .filter(|content| content.len() > 2)
        else {
            continue;
        };
        let mut head = vec![0; content.len().min(MAX_LINE as u64) as usize];
        content.read_at(0, &mut head)?;
        if let Some(defect) = defect(&facts.files, &head) {
            defect.tell(report, name);
        }
    }
    Ok(())
}

/// The reason why a script does not start, and its interpreter if that is missing.
struct Defect(String, Option<String>);

impl Defect {
    fn tell(self, report: &mut Report, path: String) {
        let seen = report.add(path, self.0);
        if let Some(program) = self.1 {
            seen.lacks(Missing::Program(program));
        }
    }
}

/// The defect of a link on the PATH to a package of npm; `None` also for other links.
fn command(files: &Files<'_>, path: &[u8]) -> Result<Option<Defect>> {
    let name = shown(path);
    if !COMMANDS.iter().any(|folder| name[1..].starts_with(folder)) {
        return Ok(None);
    }
    let Found::Entry(target, entry) = files.find(&name) else {
        return Ok(None);
    };
    let target = shown(&target);
    let Some(content) = files
        .content(entry)
        .filter(|_| target.contains("/node_modules/"))
    else {
        return Ok(None);
    };
    let mut head = vec![0; content.len().min(MAX_LINE as u64) as usize];
    content.read_at(0, &mut head)?;
    if !head.starts_with(b"#!") && !head.starts_with(b"\x7fELF") {
        let problem = format!("it leads to {target}, which is neither a script nor a program");
        return Ok(Some(Defect(problem, None)));
    }
    Ok(defect(files, &head))
}

/// The defect in the first line of a script; `None` also for other files.
fn defect(files: &Files<'_>, head: &[u8]) -> Option<Defect> {
    let line = head.strip_prefix(b"#!")?.split(|&b| b == b'\n').next()?;
    let line = std::str::from_utf8(line).ok()?;
    if let Some(line) = line.strip_suffix('\r') {
        let problem = format!(
            "its first line `#!{line}` ends in a carriage return, which becomes part of the name"
        );
        return Some(Defect(problem, None));
    }
    let mut words = line.split_whitespace();
    let program = words.next()?;
    if program.rsplit('/').next() == Some("env") && files.is_program(program) {
        let wanted = words.find(|word| !word.starts_with('-') && !word.contains('='))?;
        let missing = files.on_path(wanted).is_none() && !wanted.contains('/');
        let problem = format!("its interpreter {wanted} is on no folder of the PATH");
        return missing.then(|| Defect(problem, Some(wanted.to_owned())));
    }
    let missing = program.starts_with('/') && !files.is_program(program);
    let problem = format!("its interpreter {program} is not in the image");
    missing.then(|| Defect(problem, Some(program.to_owned())))
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{Plan, problems};

    #[test]
    fn missing_interpreters_are_told() {
        let sound = Plan::bootable()
            .program("usr/bin/env", "#!/bin/sh\n")
            .program("usr/bin/a", "#! /bin/sh -e\n")
            .program("usr/bin/b", "#!/usr/bin/env -S A=1 sh -e\n")
            .file("usr/lib/x.py", "#!/usr/bin/python3\n")
            .program("usr/share/doc/x/examples/t.tcl", "#!/usr/bin/tclsh\n");
        assert_eq!(problems("script-interpreter", &sound), [""; 0]);
        let broken = sound
            .program("usr/bin/c", "#!/usr/bin/python3\nprint()")
            .program("opt/d", "#!/usr/bin/env node\n")
            .program("etc/e", "#!/bin/sh\r\n");
        insta::assert_snapshot!(problems("script-interpreter", &broken).join("\n"), @r"
        /etc/e: its first line `#!/bin/sh` ends in a carriage return, which becomes part of the name
        /opt/d: its interpreter node is on no folder of the PATH
        /usr/bin/c: its interpreter /usr/bin/python3 is not in the image
        ");
    }

    #[test]
    fn commands_of_npm_need_their_interpreter_and_are_no_placeholders() {
        let modules = "usr/local/lib/node_modules";
        let plan = Plan::bootable()
            .program("usr/bin/env", "#!/bin/sh\n")
            .program(&format!("{modules}/a/cli.js"), "#!/usr/bin/env node\n")
            .program(&format!("{modules}/b/b.exe"), "echo not installed\n")
            .program(&format!("{modules}/c/c"), "\x7fELF")
            .program(&format!("{modules}/d/unused.js"), "#!/usr/bin/env node\n")
            .link("usr/local/bin/a", "../lib/node_modules/a/cli.js")
            .link("usr/local/bin/b", "../lib/node_modules/b/b.exe")
            .link("usr/local/bin/c", "../lib/node_modules/c/c");
        insta::assert_snapshot!(problems("script-interpreter", &plan).join("\n"), @r"
        /usr/local/bin/a: its interpreter node is on no folder of the PATH
        /usr/local/bin/b: it leads to /usr/local/lib/node_modules/b/b.exe, which is neither a script nor a program
        ");
        let with_node = plan.program("usr/bin/node", "#!/bin/sh\n");
        assert_eq!(problems("script-interpreter", &with_node).len(), 1);
    }
}
