//! Mistakes in a file, all told in one error.

use std::path::Path;

use kindling_base::Error;

use crate::Location;

/// A mistake in a file and what to do about it.
#[derive(Debug)]
pub struct Problem {
    /// Where it is.
    pub at: Location,
    /// The mistake, without the place.
    pub message: String,
    /// The next thing to do.
    pub hint: String,
}

impl Problem {
    /// A mistake at a place.
    pub fn new(at: &Location, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            at: at.clone(),
            message: message.into(),
            hint: hint.into(),
        }
    }
}

/// One error with every mistake, in the order of files and lines.
pub fn into_error(file: &Path, mut problems: Vec<Problem>) -> Error {
    problems.sort_by(|a, b| (a.at.file(), a.at.start).cmp(&(b.at.file(), b.at.start)));
    if let [only] = problems.as_slice() {
        return only.at.error(&only.message).hint(&only.hint);
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
