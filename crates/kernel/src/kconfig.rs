//! A small reader of Kconfig files: enough to say why an option did not take the value it was given.
//!
//! The language is that of Linux's Documentation/kbuild/kconfig-language.rst. Defaults, ranges and help texts
//! are not kept; macros other than `$(SRCARCH)` are not expanded.

use std::collections::HashMap;
use std::path::Path;

use kindling_base::{Result, files};

/// Kconfig's own limit does not exist; Linux nests five files deep.
const DEEPEST: usize = 20;

/// The definitions in all Kconfig files of a source tree.
#[derive(Debug, Default)]
pub(super) struct Kconfig {
    symbols: HashMap<String, Symbol>,
}

/// One option. It may be defined in several places.
#[derive(Debug, Default)]
pub(super) struct Symbol {
    pub(super) definitions: Vec<Definition>,
    /// Options that force this one to `y`, each with its condition, where it has one.
    pub(super) selected_by: Vec<(String, Option<String>)>,
}

/// One `config` or `menuconfig` block.
#[derive(Debug, Default)]
pub(super) struct Definition {
    /// All that must hold before the option may be set, from the outermost menu to its own `depends on`.
    pub(super) depends: Vec<Condition>,
    /// Whether a person may set it, and the conditions of that; `None` where only other options set it.
    pub(super) prompt: Option<Vec<Condition>>,
    /// It is one of several that exclude each other.
    pub(super) in_choice: bool,
}

/// An expression and where it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Condition {
    pub(super) expression: String,
    /// `fs/ext4/Kconfig:30`
    pub(super) place: String,
}

impl Kconfig {
    /// Reads the file `Kconfig` at the root of a source tree and all that it sources, for one architecture.
    ///
    /// # Errors
    /// A sourced file cannot be read.
    pub(super) fn read(tree: &Path, architecture: &str) -> Result<Self> {
        let mut reader = Reader {
            tree,
            architecture,
            kconfig: Self::default(),
            blocks: Vec::new(),
            target: Target::Nothing,
        };
        reader.file("Kconfig", 0)?;
        Ok(reader.kconfig)
    }

    /// The option of this name, without `CONFIG_`.
    pub(super) fn symbol(&self, name: &str) -> Option<&Symbol> {
        self.symbols.get(name).filter(|s| !s.definitions.is_empty())
    }

    /// The names of all options.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let defined = self
            .symbols
            .iter()
            .filter(|(_, s)| !s.definitions.is_empty());
        defined.map(|(name, _)| name.as_str())
    }
}

/// A `menu`, `choice` or `if` that is open.
struct Block {
    choice: bool,
    depends: Vec<Condition>,
    visible: Vec<Condition>,
}

/// The owner of the next attribute line.
enum Target {
    Nothing,
    /// The innermost block.
    Block,
    /// The last definition of this symbol.
    Symbol(String),
}

struct Reader<'a> {
    tree: &'a Path,
    architecture: &'a str,
    kconfig: Kconfig,
    blocks: Vec<Block>,
    target: Target,
}

impl Reader<'_> {
    fn file(&mut self, name: &str, depth: usize) -> Result<()> {
        let text = files::read(&self.tree.join(name))?;
        let text = String::from_utf8_lossy(&text);
        let mut lines = text.lines().enumerate().peekable();
        while let Some((index, line)) = lines.next() {
            let mut statement = line.trim().to_owned();
            while let Some(start) = statement.strip_suffix('\\') {
                let next = lines.next().map_or("", |(_, next)| next.trim());
                statement = format!("{} {next}", start.trim_end());
            }
            let (keyword, rest) = split_word(&statement);
            match keyword {
                "help" | "---help---" => {
                    let blank = |line: &str| line.trim().is_empty();
                    let first = lines.clone().find(|(_, l)| !blank(l));
                    let indent = first.map_or(0, |(_, l)| indentation(l));
                    // A text at the left margin, which Kconfig takes for the next statement.
                    let inside =
                        |line: &str| blank(line) || (indent > 0 && indentation(line) >= indent);
                    while lines.next_if(|(_, l)| inside(l)).is_some() {}
                }
                "source" | "rsource" | "osource" | "orsource" if depth < DEEPEST => {
                    self.source(name, keyword, rest, depth)?;
                }
                _ => self.statement(keyword, rest, &format!("{name}:{}", index + 1)),
            }
        }
        Ok(())
    }

    fn source(&mut self, from: &str, keyword: &str, quoted: &str, depth: usize) -> Result<()> {
        let path = unquote(quoted).replace("$(SRCARCH)", self.architecture);
        let path = match (keyword.contains("rsource"), from.rsplit_once('/')) {
            (true, Some((folder, _))) => format!("{folder}/{path}"),
            _ => path,
        };
        let optional = keyword.starts_with('o') && !self.tree.join(&path).exists();
        if optional || path.contains("$(") {
            return Ok(());
        }
        self.file(&path, depth + 1)
    }

    fn statement(&mut self, keyword: &str, rest: &str, place: &str) {
        match keyword {
            "config" | "menuconfig" => self.define(rest),
            "menu" | "choice" => self.open(keyword == "choice", Vec::new()),
            "if" => {
                self.open(false, vec![condition(rest, place)]);
                self.target = Target::Nothing;
            }
            "endmenu" | "endchoice" | "endif" => {
                self.blocks.pop();
                self.target = Target::Nothing;
            }
            "comment" | "mainmenu" => self.target = Target::Nothing,
            _ => self.attribute(keyword, rest, place),
        }
    }

    fn open(&mut self, choice: bool, depends: Vec<Condition>) {
        self.blocks.push(Block {
            choice,
            depends,
            visible: Vec::new(),
        });
        self.target = Target::Block;
    }

    fn define(&mut self, name: &str) {
        let name = name.trim().to_owned();
        let definition = Definition {
            depends: self.blocks.iter().flat_map(|b| b.depends.clone()).collect(),
            prompt: None,
            in_choice: self.blocks.last().is_some_and(|b| b.choice),
        };
        let symbol = self.kconfig.symbols.entry(name.clone()).or_default();
        symbol.definitions.push(definition);
        self.target = Target::Symbol(name);
    }

    fn attribute(&mut self, keyword: &str, rest: &str, place: &str) {
        let name = match &self.target {
            Target::Nothing => return,
            Target::Symbol(name) => name.clone(),
            Target::Block => {
                let Some(block) = self.blocks.last_mut() else {
                    return;
                };
                match (keyword, split_word(rest)) {
                    ("depends", ("on", on)) => block.depends.push(condition(on, place)),
                    ("visible", ("if", on)) => block.visible.push(condition(on, place)),
                    _ => {}
                }
                return;
            }
        };
        if keyword == "select" {
            let (selected, when) = split_if(rest);
            let target = self.kconfig.symbols.entry(selected.to_owned()).or_default();
            target.selected_by.push((name, when.map(str::to_owned)));
            return;
        }
        let visible: Vec<Condition> = self.blocks.iter().flat_map(|b| b.visible.clone()).collect();
        let symbol = self.kconfig.symbols.entry(name).or_default();
        let Some(definition) = symbol.definitions.last_mut() else {
            return;
        };
        match keyword {
            "depends" => {
                let on = split_word(rest).1;
                definition.depends.push(condition(on, place));
            }
            "bool" | "tristate" | "int" | "hex" | "string" | "prompt"
                if rest.starts_with(['"', '\'']) =>
            {
                let own = split_if(after_quoted(rest))
                    .1
                    .map(|when| condition(when, place));
                definition.prompt = Some(visible.into_iter().chain(own).collect());
            }
            _ => {}
        }
    }
}

fn condition(expression: &str, place: &str) -> Condition {
    // A comment may follow; no expression of Linux has a `#` inside quotes.
    let expression = expression.split('#').next().unwrap_or_default().trim();
    Condition {
        expression: expression.to_owned(),
        place: place.to_owned(),
    }
}

fn split_word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    match text.split_once([' ', '\t']) {
        Some((word, rest)) => (word, rest.trim()),
        None => (text, ""),
    }
}

/// `X if COND` as `(X, Some(COND))`; the text before is trimmed.
fn split_if(text: &str) -> (&str, Option<&str>) {
    if let Some(when) = text.trim_start().strip_prefix("if ") {
        return ("", Some(when.trim()));
    }
    match text.split_once(" if ") {
        Some((before, when)) => (before.trim(), Some(when.trim())),
        None => (text.split('#').next().unwrap_or_default().trim(), None),
    }
}

/// The text after the quoted string that `text` begins with.
fn after_quoted(text: &str) -> &str {
    let mut characters = text.char_indices();
    let Some((_, quote)) = characters.next() else {
        return "";
    };
    let mut escaped = false;
    for (at, character) in characters {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return &text[at + c.len_utf8()..],
            _ => {}
        }
    }
    ""
}

fn unquote(text: &str) -> &str {
    text.trim().trim_matches(['"', '\''])
}

/// Columns before the text, a tab going to the next multiple of eight.
fn indentation(line: &str) -> usize {
    let mut column = 0;
    for character in line.chars() {
        match character {
            ' ' => column += 1,
            '\t' => column = (column / 8 + 1) * 8,
            _ => break,
        }
    }
    column
}

#[cfg(test)]
mod tests;
