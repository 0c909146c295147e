//! The reasons why a mirror did not give a file.

use std::io;

use kindling_base::Error;

/// The reason why one mirror did not give a file.
#[derive(Debug, thiserror::Error)]
#[error("{url}: {reason}{}", if *.attempts > 1 { format!(", {attempts} times") } else { String::new() })]
pub struct GetError {
    pub(crate) url: String,
    pub(crate) attempts: u32,
    pub(crate) reason: Reason,
}

/// The last try's failure.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Reason {
    #[error("the mirror does not have it")]
    Missing,
    #[error("the mirror answers with status {0}")]
    Status(u16),
    #[error("truncated download: expected {expected} bytes, received {received}")]
    Truncated { expected: u64, received: u64 },
    #[error("longer than the {0} bytes that it should have")]
    TooLong(u64),
    #[error("cannot reach the mirror: {0}")]
    Unreachable(String),
    #[error("{0}")]
    Unusable(String),
    #[error("{0}")]
    Local(Error),
}

impl GetError {
    /// Whether the mirror works and has no such file.
    pub fn is_missing(&self) -> bool {
        matches!(self.reason, Reason::Missing)
    }

    /// Whether the reason is on this machine, so that no other mirror would help.
    pub fn is_local(&self) -> bool {
        matches!(self.reason, Reason::Local(_))
    }
}

impl Reason {
    /// The failure that the HTTP library reports.
    pub(crate) fn from_transport(error: ureq::Error) -> Self {
        use ureq::Error as E;
        match error {
            // rustls reports what is wrong with a certificate so; it will be wrong the next time too.
            E::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
                Self::Unusable(format!("cannot trust the mirror: {error}"))
            }
            E::Io(_)
            | E::Timeout(_)
            | E::HostNotFound
            | E::ConnectionFailed
            | E::Protocol(_)
            | E::ConnectProxyFailed(_) => Self::Unreachable(error.to_string()),
            other => Self::Unusable(other.to_string()),
        }
    }

    /// Whether the same request may well succeed a moment later.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Truncated { .. } => true,
            // RFC 9110: 408 Request Timeout; RFC 6585: 429 Too Many Requests.
            Self::Status(status) => *status >= 500 || matches!(status, 408 | 429),
            _ => false,
        }
    }
}

/// The error of a fetch that failed on every mirror, with the reason of each.
pub fn all_failed(what: &str, failures: Vec<GetError>) -> Error {
    let mut error = Error::external(format!("cannot fetch {what}"));
    for failure in failures {
        match failure.reason {
            Reason::Local(local) => return local.within(format!("cannot fetch {what}")),
            _ => error = error.note(failure.to_string()),
        }
    }
    error.hint("check the network and the mirror, or name another one with `--mirror NAME=URL`")
}
