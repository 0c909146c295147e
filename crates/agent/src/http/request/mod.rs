//! Requests of HTTP/1.

mod read;

pub(crate) use read::read;

/// A request whose body has arrived.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Request {
    /// In capitals, as it was sent.
    pub(crate) method: String,
    /// The path, without what follows a `?`.
    pub(crate) path: String,
    /// `Host`, and the page that asks where a browser does; in small letters.
    pub(crate) host: String,
    pub(crate) origin: Option<String>,
    /// `Content-Type`, without parameters and in small letters.
    pub(crate) content_type: String,
    /// All headers as they were sent, names in small letters.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// The value of a header; of several, the first. `name` is in small letters.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(own, _)| own == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Whether a page asks that did not come from `host`, the port included: its browser names its origin. Whoever is no
    /// browser names none.
    pub(crate) fn is_foreign(&self, host: &str) -> bool {
        let own = |origin: &str| origin.split_once("://").is_some_and(|(_, own)| own == host);
        self.origin.as_deref().is_some_and(|origin| !own(origin))
    }

    /// Whether a header, which may be there several times, has this word in its list, in any case of letters.
    pub(crate) fn lists(&self, name: &str, word: &str) -> bool {
        let headers = self.headers.iter().filter(|(own, _)| own == name);
        headers
            .flat_map(|(_, value)| value.split(','))
            .any(|item| item.trim().eq_ignore_ascii_case(word))
    }
}

/// A reason to answer a request with an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The bytes are not a request of HTTP/1.
    Malformed(&'static str),
    /// Its head is longer than [`read::LONGEST_HEAD`], or has too many headers.
    HeadTooLong,
    /// Its body is longer than [`read::LONGEST_BODY`].
    BodyTooLong,
    /// It does not say how long its body is.
    NoLength,
    /// It did not arrive in time.
    TooSlow,
    /// The client has gone and takes no answer.
    Gone,
}

#[cfg(test)]
mod tests;
