//! A page in Markdown: its links, its anchors and its code.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// A page for people.
#[derive(Clone, Debug)]
pub struct Page {
    /// Path from the checkout: `docs/npm.md`.
    pub path: PathBuf,
    /// The Markdown.
    pub text: String,
}

/// A link or a picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The target as written: `npm.md#registries`.
    pub target: String,
    /// `docs/kernels.md:12`
    pub place: String,
}

/// A code block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The first word after the fence: `toml`; empty for an indented block.
    pub language: String,
    /// The second word: `recipe` of `toml recipe`; empty where there is only one.
    pub kind: String,
    /// The code.
    pub text: String,
    /// Page and line of its beginning.
    pub place: String,
}

/// The checkout's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

/// README, CHANGELOG, ARCHITECTURE, CONTRIBUTING and every page of docs/.
pub fn pages() -> Vec<Page> {
    let root = root();
    let mut paths: Vec<PathBuf> = ["README", "CHANGELOG", "ARCHITECTURE", "CONTRIBUTING"]
        .map(|name| PathBuf::from(name).with_extension("md"))
        .into();
    for entry in fs::read_dir(root.join("docs")).unwrap() {
        let path = PathBuf::from("docs").join(entry.unwrap().file_name());
        if path.extension().is_some_and(|ending| ending == "md") {
            paths.push(path);
        }
    }
    paths.sort();
    let read = |path: PathBuf| Page {
        text: fs::read_to_string(root.join(&path)).unwrap(),
        path,
    };
    paths.into_iter().map(read).collect()
}

impl Page {
    /// Links and pictures, those to other hosts included.
    pub fn links(&self) -> Vec<Link> {
        let mut links = Vec::new();
        for (event, range) in self.events() {
            if let Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) = event {
                links.push(Link {
                    target: dest_url.into_string(),
                    place: self.place(&range),
                });
            }
        }
        links
    }

    /// The anchors of its headings, as GitHub and mdBook name them.
    pub fn anchors(&self) -> BTreeSet<String> {
        let mut anchors = BTreeSet::new();
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        let mut heading: Option<String> = None;
        for (event, _) in self.events() {
            match event {
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::Text(text) | Event::Code(text) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&text);
                    }
                }
                Event::End(TagEnd::Heading(_)) => {
                    let name = anchor(&heading.take().unwrap_or_default());
                    let count = counts.entry(name.clone()).or_default();
                    anchors.insert(match *count {
                        0 => name,
                        _ => format!("{name}-{count}"),
                    });
                    *count += 1;
                }
                _ => {}
            }
        }
        anchors
    }

    /// Its code blocks.
    pub fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut open: Option<Block> = None;
        for (event, range) in self.events() {
            match event {
                Event::Start(Tag::CodeBlock(kind)) => {
                    let info = match kind {
                        CodeBlockKind::Fenced(info) => info.into_string(),
                        CodeBlockKind::Indented => String::new(),
                    };
                    let mut words = info.split_whitespace().map(str::to_owned);
                    open = Some(Block {
                        language: words.next().unwrap_or_default(),
                        kind: words.next().unwrap_or_default(),
                        text: String::new(),
                        place: self.place(&range),
                    });
                }
                Event::Text(text) => {
                    if let Some(block) = &mut open {
                        block.text.push_str(&text);
                    }
                }
                Event::End(TagEnd::CodeBlock) => blocks.extend(open.take()),
                _ => {}
            }
        }
        blocks
    }

    /// Code within sentences and tables, each with its place.
    pub fn inline_code(&self) -> Vec<(String, String)> {
        let code = |(event, range)| match event {
            Event::Code(text) => Some((text.into_string(), self.place(&range))),
            _ => None,
        };
        self.events().filter_map(code).collect()
    }

    fn events(&self) -> impl Iterator<Item = (Event<'_>, Range<usize>)> {
        Parser::new_ext(&self.text, Options::ENABLE_TABLES).into_offset_iter()
    }

    fn place(&self, range: &Range<usize>) -> String {
        let line = self.text[..range.start].matches('\n').count() + 1;
        format!("{}:{line}", self.path.display())
    }
}

/// The anchor of a heading: lowercase, spaces as `-`, punctuation left out.
fn anchor(heading: &str) -> String {
    let kept = |c: char| match c {
        ' ' => Some('-'),
        '-' | '_' => Some(c),
        _ if c.is_alphanumeric() => c.to_lowercase().next(),
        _ => None,
    };
    heading.trim().chars().filter_map(kept).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(text: &str) -> Page {
        Page {
            path: "docs/a.md".into(),
            text: text.into(),
        }
    }

    #[test]
    fn anchors_are_those_of_github() {
        let page = page("# One `--clock`, two\n\n## Networks\n\n## Networks\n");
        let anchors: Vec<String> = page.anchors().into_iter().collect();
        assert_eq!(anchors, ["networks", "networks-1", "one---clock-two"]);
    }

    #[test]
    fn a_block_has_a_language_a_kind_and_a_place() {
        let page = page("text [a](b.md#c)\n\n```toml recipe\n[vm]\n```\n\n    indented\n");
        let blocks = page.blocks();
        assert_eq!(
            (blocks[0].language.as_str(), blocks[0].kind.as_str()),
            ("toml", "recipe")
        );
        assert_eq!(
            (blocks[0].text.as_str(), blocks[0].place.as_str()),
            ("[vm]\n", "docs/a.md:3")
        );
        assert_eq!(blocks[1].text, "indented\n");
        assert_eq!(page.links()[0].target, "b.md#c");
    }
}
