//! Errors for a person: what failed, where, and what to do next.

use std::fmt;
use std::process::{ExitCode, Termination};

/// The result of every operation whose failure a person may have to read about.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The exit codes of every Kindling command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It worked.
    Success = 0,
    /// A bug of ours or a machine that misbehaves; retrying as it is will not help.
    Internal = 1,
    /// The input or the machine's set-up has to change: a recipe, an argument, a missing host package.
    User = 2,
    /// An external program or server failed: make, dpkg, QEMU, a mirror.
    External = 3,
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        ExitCode::from(self as u8)
    }
}

/// An error with a place, a hint and an exit code.
///
/// The message is a lowercase fragment that names the path, the recipe line or the package. The hint is
/// the next thing to do. [`fmt::Display`] prints the message alone; [`Error::report`] prints everything.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    exit: Exit,
    message: String,
    notes: Vec<String>,
    hint: Option<String>,
    subject: Option<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            exit,
            message: message.into(),
            notes: Vec::new(),
            hint: None,
            subject: None,
            source: None,
        }))
    }

    /// Something that the person at the keyboard can change.
    pub fn user(message: impl Into<String>) -> Self {
        Self::new(Exit::User, message)
    }

    /// A bug, or an operating system that refused what should work.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Exit::Internal, message)
    }

    /// A failing external program or server.
    pub fn external(message: impl Into<String>) -> Self {
        Self::new(Exit::External, message)
    }

    /// Adds what to do next, printed after `hint:`.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Adds a fact that helps to understand: both sides of a mismatch, the tail of a log.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.0.notes.push(note.into());
        self
    }

    /// Names the value of the input that is wrong, for a caller that knows where it was written. Not printed.
    #[must_use]
    pub fn about(mut self, subject: impl Into<String>) -> Self {
        self.0.subject = Some(subject.into());
        self
    }

    /// Adds the lower-level cause.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Puts `outer: ` before the message, for a caller that knows the larger picture.
    #[must_use]
    pub fn within(mut self, outer: impl fmt::Display) -> Self {
        self.0.message = format!("{outer}: {}", self.0.message);
        self
    }

    /// Puts the place of what is wrong before the message, and its text before the other notes.
    #[must_use]
    pub fn at(mut self, place: impl fmt::Display, text: impl Into<String>) -> Self {
        self.0.notes.insert(0, text.into());
        self.within(place)
    }

    /// The exit code of a command that ends with this error.
    pub fn exit(&self) -> Exit {
        self.0.exit
    }

    /// The facts added by [`Error::note`], in order.
    pub fn notes(&self) -> &[String] {
        &self.0.notes
    }

    /// The value that [`Error::about`] named.
    pub fn subject(&self) -> Option<&str> {
        self.0.subject.as_deref()
    }

    /// The hint that [`Error::hint`] added.
    pub fn advice(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// The whole text for a person: `error:`, causes, notes, `hint:`, one item a line, without colour.
    pub fn report(&self) -> String {
        let mut text = format!("error: {self}");
        let mut cause = self
            .0
            .source
            .as_deref()
            .map(|e| e as &dyn std::error::Error);
        while let Some(error) = cause {
            text.push_str(&format!("\n  because: {error}"));
            cause = error.source();
        }
        for note in &self.0.notes {
            text.push_str("\n  ");
            text.push_str(&note.replace('\n', "\n  "));
        }
        if let Some(hint) = &self.0.hint {
            text.push_str("\nhint: ");
            text.push_str(&hint.replace('\n', "\n      "));
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0
            .source
            .as_deref()
            .map(|e| e as &dyn std::error::Error)
    }
}

/// Turns a lower error into an [`Error`] that says what was being done and where.
pub trait Context<T> {
    /// Adds `message` to an error of the operating system. A full disk or a forbidden path becomes a user error with a
    /// hint.
    fn context(self, message: impl fmt::Display) -> Result<T>;
}

impl<T> Context<T> for std::io::Result<T> {
    fn context(self, message: impl fmt::Display) -> Result<T> {
        self.map_err(|error| from_io(message.to_string(), error))
    }
}

impl<T> Context<T> for std::result::Result<T, rustix::io::Errno> {
    fn context(self, message: impl fmt::Display) -> Result<T> {
        self.map_err(|errno| from_io(message.to_string(), errno.into()))
    }
}

fn from_io(message: String, error: std::io::Error) -> Error {
    use std::io::ErrorKind as K;
    let (exit, hint) = match error.kind() {
        K::StorageFull | K::QuotaExceeded => (
            Exit::User,
            Some(
                "the disk is full: free some space, or use another one: KINDLING_STORE=DIR for builds, KINDLING_STATE=DIR for VMs",
            ),
        ),
        K::PermissionDenied => (
            Exit::User,
            Some("check who owns this path, or run as a user that may write there"),
        ),
        K::ReadOnlyFilesystem => (
            Exit::User,
            Some("this file system is read-only: choose a folder on another one"),
        ),
        K::NotFound => (Exit::User, None),
        _ => (Exit::Internal, None),
    };
    let wrapped = Error::new(exit, message).because(error);
    match hint {
        Some(hint) => wrapped.hint(hint),
        None => wrapped,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_says_what_why_and_what_next() {
        let error = Error::user("cannot read recipes/x.toml")
            .because(std::io::Error::from_raw_os_error(2))
            .note("expected a file\nfound nothing")
            .hint("create it");
        assert_eq!(
            error.report(),
            "error: cannot read recipes/x.toml\n  because: No such file or directory (os error 2)\n  expected a file\n  found nothing\nhint: create it"
        );
        assert_eq!(error.exit(), Exit::User);
    }

    #[test]
    fn a_full_disk_is_the_users_to_mend() {
        let full: std::io::Result<()> = Err(std::io::Error::from_raw_os_error(28));
        let error = full.context("cannot write x").unwrap_err();
        assert_eq!(error.exit(), Exit::User);
        assert!(
            error.report().contains("the disk is full"),
            "{}",
            error.report()
        );
    }
}
