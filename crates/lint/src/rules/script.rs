//! Scripts and their interpreters.

use kindling_base::Result;

use super::Facts;
use crate::files::{Files, shown};
use crate::rule::{Report, Rule};

pub(super) const INTERPRETER: Rule = Rule {
    name: "script-interpreter",
    summary: "the interpreter of every script is there",
    explanation: "A script whose `#!` names a missing program fails with `No such file or directory`, naming the script and \
                  not the program. Looked at are scripts that something may start: on the PATH, in /etc, in /opt and in \
                  folders of libraries' own programs; not examples and templates.",
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
/// A longer first line is no interpreter's (BINPRM_BUF_SIZE of Linux).
const MAX_LINE: usize = 256;

fn interpreter(facts: &Facts<'_>, report: &mut Report) -> Result<()> {
    for (path, entry) in facts.image.tree.iter() {
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
        if let Some(problem) = problem(&facts.files, &head) {
            report.add(name, problem);
        }
    }
    Ok(())
}

/// What is wrong with the first line of a file; `None` also for what is no script.
fn problem(files: &Files<'_>, head: &[u8]) -> Option<String> {
    let line = head.strip_prefix(b"#!")?.split(|&b| b == b'\n').next()?;
    let line = std::str::from_utf8(line).ok()?;
    if let Some(line) = line.strip_suffix('\r') {
        return Some(format!(
            "its first line `#!{line}` ends in a carriage return, which becomes part of the name"
        ));
    }
    let mut words = line.split_whitespace();
    let program = words.next()?;
    if program.rsplit('/').next() == Some("env") && files.is_program(program) {
        let wanted = words.find(|word| !word.starts_with('-') && !word.contains('='))?;
        let missing = files.on_path(wanted).is_none() && !wanted.contains('/');
        return missing.then(|| format!("its interpreter {wanted} is on no folder of the PATH"));
    }
    let missing = program.starts_with('/') && !files.is_program(program);
    missing.then(|| format!("its interpreter {program} is not in the image"))
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
}
