//! What the helper tells the builder: one JSON value a line, on the socket that is its standard input.

use std::io::stdin;
use std::os::fd::AsFd;

use kindling_base::{Error, Exit};
use serde::{Deserialize, Serialize};

/// One message to the builder.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Message {
    /// The namespaces are made; the user's ids can be mapped.
    Unshared,
    /// So many packages are configured.
    Configured(u64),
    /// The job is done.
    Done,
    /// The job failed.
    Failed(Failure),
}

/// Sends a message. A builder that is gone does not matter: its death ends the helper.
pub(super) fn send(message: &Message) {
    let Ok(mut line) = serde_json::to_vec(message) else {
        return;
    };
    line.push(b'\n');
    let mut rest = line.as_slice();
    while !rest.is_empty() {
        match rustix::io::write(stdin().as_fd(), rest) {
            Ok(written) if written > 0 => rest = &rest[written..],
            Err(rustix::io::Errno::INTR) => {}
            _ => return,
        }
    }
}

/// An [`Error`] on its way to another process.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Failure {
    exit: u8,
    message: String,
    causes: Vec<String>,
    notes: Vec<String>,
    hint: Option<String>,
}

impl Failure {
    pub(super) fn new(error: &Error) -> Self {
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

    pub(super) fn into_error(self) -> Error {
        let mut error = match self.exit {
            code if code == Exit::User as u8 => Error::user(self.message),
            code if code == Exit::External as u8 => Error::external(self.message),
            _ => Error::internal(self.message),
        };
        if !self.causes.is_empty() {
            error = error.because(self.causes.join(": "));
        }
        for note in self.notes {
            error = error.note(note);
        }
        match self.hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_survives_the_journey() {
        let error = Error::external("the postinst of x failed")
            .because(std::io::Error::other("why"))
            .note("log")
            .hint("try again");
        let json = serde_json::to_string(&Failure::new(&error)).unwrap();
        let arrived: Failure = serde_json::from_str(&json).unwrap();
        let arrived = arrived.into_error();
        assert_eq!(arrived.report(), error.report());
        assert_eq!(arrived.exit(), Exit::External);
    }
}
