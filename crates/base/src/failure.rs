//! The form of an [`Error`] between processes: one JSON object.
//!
//! The sandbox's helper, a VM's supervisor, `status.json` and a command of ours that another one starts all use it, so
//! that message, causes, notes, hint and exit code arrive whole wherever the error is shown.

use serde::{Deserialize, Serialize};

use crate::{Error, Exit};

/// An [`Error`] on its way to another process.
///
/// ```
/// use kindling_base::{Error, Failure};
/// let failure = Failure::from(&Error::user("no such VM").hint("see `kindling ps`"));
/// let json = serde_json::to_string(&failure)?;
/// assert_eq!(json, r#"{"exit":2,"message":"no such VM","hint":"see `kindling ps`"}"#);
/// # Ok::<_, serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The exit code of a command that ends with this error ([`Exit`]).
    exit: u8,
    /// The error's message: the operation that failed, and its place.
    message: String,
    /// The lower-level causes, outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    causes: Vec<String>,
    /// Facts that help to understand, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
    /// A step that may help.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        let mut causes = Vec::new();
        let mut cause = std::error::Error::source(error);
        while let Some(error) = cause {
            causes.push(error.to_string());
            cause = error.source();
        }
        Self {
            exit: error.exit() as u8,
            message: error.to_string(),
            causes,
            notes: error.notes().to_vec(),
            hint: error.advice().map(str::to_owned),
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        let mut error = match failure.exit {
            code if code == Exit::User as u8 => Error::user(failure.message),
            code if code == Exit::External as u8 => Error::external(failure.message),
            _ => Error::internal(failure.message),
        };
        if let Some(cause) = Cause::chain(failure.causes) {
            error = error.because(cause);
        }
        for note in failure.notes {
            error = error.note(note);
        }
        match failure.hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

/// A cause that was an error of another process.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
struct Cause {
    text: String,
    #[source]
    source: Option<Box<Cause>>,
}

impl Cause {
    /// The causes as a chain of sources, outermost first.
    fn chain(texts: Vec<String>) -> Option<Box<Self>> {
        texts
            .into_iter()
            .rev()
            .fold(None, |source, text| Some(Box::new(Self { text, source })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Context;

    #[test]
    fn an_error_survives_the_journey() {
        let refused: std::io::Result<()> = Err(std::io::Error::from_raw_os_error(28));
        let full = refused.context("cannot write x").unwrap_err();
        let error = Error::external("the postinst of x failed")
            .because(full)
            .note("log:\nline")
            .hint("try again");
        for error in [error, Error::user("a"), Error::internal("b")] {
            let json = serde_json::to_string(&Failure::from(&error)).unwrap();
            let arrived: Failure = serde_json::from_str(&json).unwrap();
            assert_eq!(Failure::from(&error), arrived);
            let arrived = Error::from(arrived);
            assert_eq!(arrived.report(), error.report());
            assert_eq!(arrived.exit(), error.exit());
        }
    }

    #[test]
    fn an_unknown_exit_code_is_internal() {
        let failure: Failure = serde_json::from_str(r#"{"exit":77,"message":"m"}"#).unwrap();
        assert_eq!(Error::from(failure).exit(), Exit::Internal);
    }
}
