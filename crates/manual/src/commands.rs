//! Command lines that a reader may paste.

use clap::Parser;
use clap::error::ErrorKind;

use crate::page::{Page, pages};

/// A command line of one of our programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandLine {
    /// Its arguments.
    pub words: Vec<String>,
    /// Page and line of the block or the sentence.
    pub place: String,
    /// Whether it stands in a code block, and so has to be complete; in a sentence it may lack arguments.
    pub complete: bool,
}

/// The command lines of `program` (`xtask` or `kindling`) on all pages, in blocks and in sentences.
pub fn command_lines(program: &str) -> Vec<CommandLine> {
    let mut found = Vec::new();
    for page in pages() {
        found.extend(of_page(&page, program));
    }
    found
}

/// Fails where `Cli`, which reads the command line of `program`, refuses a command line of a page.
///
/// # Panics
/// A command line is refused, or hardly any was found.
pub fn check_command_lines<Cli: Parser>(program: &str) {
    let lines = command_lines(program);
    assert!(lines.len() > 30, "the search finds too few command lines");
    let mut wrong = Vec::new();
    for line in lines {
        let words = [program.to_owned()].into_iter().chain(line.words);
        let Err(error) = Cli::try_parse_from(words) else {
            continue;
        };
        let is_fine = match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => true,
            ErrorKind::MissingRequiredArgument
            | ErrorKind::MissingSubcommand
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => !line.complete,
            _ => false,
        };
        if !is_fine {
            wrong.push(format!("{}: {error}", line.place));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn of_page(page: &Page, program: &str) -> Vec<CommandLine> {
    let mut found = Vec::new();
    for block in page.blocks() {
        for line in block.text.replace("\\\n", " ").lines() {
            found.extend(read(line, program).map(|words| CommandLine {
                words,
                place: block.place.clone(),
                complete: true,
            }));
        }
    }
    for (code, place) in page.inline_code() {
        found.extend(read(&code, program).map(|words| CommandLine {
            words,
            place,
            complete: false,
        }));
    }
    found
}

/// The words after the program's name, where the line calls that program. A line with `...` is a sketch.
fn read(line: &str, program: &str) -> Option<Vec<String>> {
    let line = line.trim();
    let mut words = shlex::split(line.strip_prefix("$ ").unwrap_or(line))?;
    let ends = |word: &String| ["|", "||", "&&", ";", ">", "2>"].contains(&word.as_str());
    if let Some(at) = words.iter().position(ends) {
        words.truncate(at);
    }
    if words.iter().any(|word| word == "...") {
        return None;
    }
    let is_prefix = |word: &String| word == "sudo" || is_assignment(word);
    let mut words = words.into_iter().skip_while(is_prefix).peekable();
    let by_cargo = words.next_if(|word| word == "cargo").is_some();
    words.next_if(|word| word == program)?;
    // `kindling` is also a program of its own; `xtask` is not. `kindling run: ...` is a sentence.
    let is_sentence = words.peek().is_some_and(|word| word.ends_with(':'));
    (!is_sentence && (by_cargo || program == "kindling")).then(|| words.collect())
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c == '_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_lines_are_found_in_sessions_scripts_and_sentences() {
        let text = "Ask `cargo kindling ps`.\n\n    $ A=b sudo cargo kindling run \\\n        x --append 'a b'  # why\n    kindling: ready\n    cargo xtask tidy && echo\n";
        let page = Page {
            path: "a.md".into(),
            text: text.into(),
        };
        let words = |program| {
            let lines = of_page(&page, program).into_iter();
            lines.map(|line| line.words.join(",")).collect::<Vec<_>>()
        };
        assert_eq!(words("kindling"), ["run,x,--append,a b", "ps"]);
        assert_eq!(words("xtask"), ["tidy"]);
    }
}
