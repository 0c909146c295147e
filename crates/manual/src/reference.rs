//! The chapters that show `--help` of every command, so that they cannot drift from the programs.

use std::fs;

use clap::Command;

use crate::page::root;

/// Columns of the help texts: as many as a page of the book shows without a scroll bar.
const WIDTH: usize = 90;

/// The chapter of a program: `introduction`, then each command's heading and its `--help`. Hidden commands stay hidden.
pub fn reference(command: Command, introduction: &str) -> String {
    let mut command = hide_values(command).term_width(WIDTH);
    command.build();
    let name = command.get_bin_name().unwrap_or(command.get_name());
    let mut text = format!("# {name}\n\n{}\n", introduction.trim());
    section(&command, &mut text);
    text
}

/// Fails where the page at `path` differs from `expected`; with `UPDATE_EXPECT=1` it writes the page instead.
///
/// # Panics
/// The page differs, or cannot be read or written.
pub fn compare_reference(path: &str, expected: &str) {
    let file = root().join(path);
    if std::env::var_os("UPDATE_EXPECT").is_some_and(|value| value == "1") {
        fs::write(&file, expected).unwrap();
    }
    let found = fs::read_to_string(&file).unwrap_or_default();
    let differs = |(found, expected): (&str, &str)| found != expected;
    if let Some(at) = found.lines().zip(expected.lines()).position(differs) {
        panic!(
            "{path}:{}: the page differs from --help\n  page {:?}\n  help {:?}\n{HINT}",
            at + 1,
            found.lines().nth(at).unwrap_or_default(),
            expected.lines().nth(at).unwrap_or_default(),
        );
    }
    assert_eq!(
        found.len(),
        expected.len(),
        "{path} ends too soon or too late\n{HINT}"
    );
}

const HINT: &str =
    "hint: run the same test with UPDATE_EXPECT=1, look at the difference, commit it";

fn section(command: &Command, text: &mut String) {
    let help = command.clone().render_long_help().to_string();
    let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
    text.push_str("\n```text\n");
    text.push_str(lines.join("\n").trim());
    text.push_str("\n```\n");
    for command in command.get_subcommands() {
        if command.is_hide_set() || command.get_name() == "help" {
            continue;
        }
        let name = command.get_bin_name().unwrap_or(command.get_name());
        text.push_str(&format!("\n## {name}\n"));
        section(command, text);
    }
}

/// Leaves out what variables of this environment happen to hold: `[env: KINDLING_VMM=qemu]`.
fn hide_values(command: Command) -> Command {
    command
        .mut_args(|argument| argument.hide_env_values(true))
        .mut_subcommands(hide_values)
}

#[cfg(test)]
mod tests {
    use clap::Arg;

    use super::*;

    #[test]
    fn a_chapter_has_each_command_that_is_not_hidden() {
        let command = Command::new("tool")
            .about("Does things")
            .subcommand(Command::new("one").arg(Arg::new("x").long("x").env("PATH")))
            .subcommand(Command::new("two").hide(true));
        let text = reference(command, "What it does.\n");
        assert!(
            text.starts_with("# tool\n\nWhat it does.\n\n```text\nDoes things\n"),
            "{text}"
        );
        assert!(text.contains("\n## tool one\n"), "{text}");
        assert!(text.contains("[env: PATH]"), "{text}");
        assert!(!text.contains("two"), "{text}");
    }
}
