//! Places in a file that a person writes, and mistakes that point at them.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kindling_base::Error;

/// A file as it was read.
#[derive(Debug)]
pub struct Source {
    /// Its path, as it was named when it was opened.
    pub path: PathBuf,
    /// Its content.
    pub text: String,
}

/// A stretch of a file.
#[derive(Clone, Debug)]
pub struct Place {
    source: Arc<Source>,
    start: usize,
    end: usize,
}

impl Place {
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

    /// The line, from 1.
    pub fn line(&self) -> usize {
        self.before().matches('\n').count() + 1
    }

    /// The column in characters, from 1.
    pub fn column(&self) -> usize {
        let line = self.before().rsplit('\n').next().unwrap_or_default();
        line.chars().count() + 1
    }

    /// The (first) line of the stretch with carets under it, as compilers print it.
    pub fn excerpt(&self) -> String {
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

    fn before(&self) -> &str {
        &self.source.text[..self.start]
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.source.path.display();
        write!(f, "{file}:{}:{}", self.line(), self.column())
    }
}

/// A mistake in a file and what to do about it.
#[derive(Debug)]
pub struct Problem {
    at: Place,
    message: String,
    hint: String,
}

impl Problem {
    /// A mistake at this place.
    pub fn new(at: Place, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            at,
            message: message.into(),
            hint: hint.into(),
        }
    }
}

/// One error for all mistakes in a file, in the order of its lines: each with `FILE:LINE:COLUMN`, its line and carets.
pub fn mistakes(file: &Path, mut problems: Vec<Problem>) -> Error {
    problems.sort_by_key(|problem| problem.at.start);
    if let [only] = problems.as_slice() {
        let error = Error::user(format!("{}: {}", only.at, only.message));
        return error.note(only.at.excerpt()).hint(&only.hint);
    }
    let count = problems.len();
    let error = Error::user(format!("{count} mistakes in {}", file.display()));
    problems.iter().fold(error, |error, problem| {
        error.note(format!(
            "{}: {}\n{}\nhint: {}",
            problem.at,
            problem.message,
            problem.at.excerpt(),
            problem.hint.replace('\n', "\n      ")
        ))
    })
}
