//! A stretch of a file, and values that stand there.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kindling_base::Error;

/// A value and where in a file it stands.
#[derive(Clone, Debug)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub at: Location,
}

impl<T> Located<T> {
    /// A user error about this value: `FILE:LINE:COLUMN: message` with the line and a caret under the value.
    /// The caller adds the hint.
    pub fn error(&self, message: impl fmt::Display) -> Error {
        self.at.error(message)
    }

    /// Points an error that is about this value at its place in the file.
    pub fn locate(&self, error: Error) -> Error {
        error.at(&self.at, self.at.excerpt())
    }
}

/// A stretch of a file.
#[derive(Clone)]
pub struct Location {
    source: Arc<Source>,
    pub(crate) start: usize,
    end: usize,
}

/// A file as it was read.
#[derive(Debug)]
pub struct Source {
    /// Its path, as it was named.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
}

impl Location {
    /// The stretch between two byte offsets, moved to character boundaries inside the text.
    pub fn new(source: &Arc<Source>, span: Range<usize>) -> Self {
        let boundary = |mut at: usize| {
            while !source.text.is_char_boundary(at) {
                at -= 1; // 0 and the length are boundaries
            }
            at
        };
        let start = boundary(span.start.min(source.text.len()));
        let end = boundary(span.end.min(source.text.len())).max(start);
        Self {
            source: Arc::clone(source),
            start,
            end,
        }
    }

    /// The start of a file of which nothing else is known.
    pub fn start_of(path: &Path) -> Self {
        let (path, text) = (path.to_owned(), String::new());
        Self::new(&Arc::new(Source { path, text }), 0..0)
    }

    /// The file, as it was named when it was opened.
    pub fn file(&self) -> &Path {
        &self.source.path
    }

    /// Line number, from 1.
    pub fn line(&self) -> usize {
        self.before().matches('\n').count() + 1
    }

    /// Column in characters, from 1.
    pub fn column(&self) -> usize {
        let line = self.before().rsplit('\n').next().unwrap_or_default();
        line.chars().count() + 1
    }

    /// A user error: `FILE:LINE:COLUMN: message` with the line and a caret under the stretch.
    pub fn error(&self, message: impl fmt::Display) -> Error {
        Error::user(format!("{self}: {message}")).note(self.excerpt())
    }

    /// The first whole word `word` inside this stretch, or the stretch itself if it is not there as it is (a
    /// string with escapes).
    pub fn word(&self, word: &str) -> Self {
        let text = &self.source.text[self.start..self.end];
        let begins = |at: &usize| text[..*at].ends_with([' ', '"', '\'']);
        let found = text.match_indices(word).map(|(at, _)| at).find(begins);
        found.map_or_else(
            || self.clone(),
            |at| {
                let start = self.start + at;
                Self::new(&self.source, start..start + word.len())
            },
        )
    }

    fn before(&self) -> &str {
        &self.source.text[..self.start]
    }

    /// The (first) line of the stretch with carets under it, as compilers print it.
    pub(crate) fn excerpt(&self) -> String {
        let text = &self.source.text;
        let begin = self.before().rfind('\n').map_or(0, |at| at + 1);
        let rest = &text[self.start..];
        let finish = rest.find('\n').map_or(text.len(), |at| self.start + at);
        let carets = text[self.start..self.end.min(finish)].chars().count();
        // Tabs and control characters would move the carets away or change the terminal's state.
        let plain = |c: char| if c.is_control() { ' ' } else { c };
        let line: String = text[begin..finish].chars().map(plain).collect();
        let number = self.line().to_string();
        format!(
            "{number} | {}\n{:width$} | {:indent$}{}",
            line.trim_end(),
            "",
            "",
            "^".repeat(carets.max(1)),
            width = number.len(),
            indent = self.column() - 1,
        )
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file().display();
        write!(f, "{file}:{}:{}", self.line(), self.column())
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
