//! The answer, one line of JSON.

use std::fmt;

/// Whether a window shows the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// One does.
    Opened {
        /// Its X11 number.
        window: u32,
        /// Its title.
        title: String,
        /// Milliseconds since the address was taken.
        ms: u128,
    },
    /// None does.
    NotOpened {
        /// The address, for a person to open.
        url: String,
        /// The kind of failure.
        reason: Reason,
        /// The cause, for a person.
        error: String,
        /// Milliseconds since the address was taken.
        ms: u128,
    },
}

/// The kinds of failure, for a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// No session takes addresses, or its display is not there.
    NoDesktop,
    /// None came in time.
    Timeout,
    /// The browser did not start, or ended.
    Failed,
}

impl Reason {
    /// All of them.
    const ALL: [Self; 3] = [Self::NoDesktop, Self::Timeout, Self::Failed];

    /// Its word in JSON, and between the session and its callers.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::NoDesktop => "no-desktop",
            Self::Timeout => "timeout",
            Self::Failed => "failed",
        }
    }

    /// The reason of this word.
    pub(crate) fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.word() == word)
    }
}

impl Answer {
    /// Whether there is a window.
    pub(crate) fn is_opened(&self) -> bool {
        matches!(self, Self::Opened { .. })
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opened { window, title, ms } => write!(
                f,
                "{{\"opened\":true,\"window\":\"{window:#x}\",\"title\":{},\"ms\":{ms}}}",
                Quoted(title)
            ),
            Self::NotOpened {
                url,
                reason,
                error,
                ms,
            } => write!(
                f,
                "{{\"opened\":false,\"url\":{},\"reason\":\"{}\",\"error\":{},\"ms\":{ms}}}",
                Quoted(url),
                reason.word(),
                Quoted(error)
            ),
        }
    }
}

/// A string as JSON, RFC 8259 section 7.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for char in self.0.chars() {
            match char {
                '"' | '\\' => write!(f, "\\{char}")?,
                char if char < ' ' || char == '\u{7f}' => write!(f, "\\u{:04x}", u32::from(char))?,
                char => write!(f, "{char}")?,
            }
        }
        f.write_str("\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_json() {
        let opened = Answer::Opened {
            window: 0x0140_0003,
            title: "a \"page\" \\ in\ttwo".into(),
            ms: 12,
        };
        let expected =
            r#"{"opened":true,"window":"0x1400003","title":"a \"page\" \\ in\u0009two","ms":12}"#;
        assert_eq!(opened.to_string(), expected);
        let not = Answer::NotOpened {
            url: "http://a/".into(),
            reason: Reason::NoDesktop,
            error: "no display".into(),
            ms: 0,
        };
        let expected = r#"{"opened":false,"url":"http://a/","reason":"no-desktop","error":"no display","ms":0}"#;
        assert_eq!(not.to_string(), expected);
    }
}
