//! Findings: a registry, a folder of crates, or the reason why a place has neither.

use std::path::PathBuf;

use crate::template::Template;

/// The result of a look at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    /// A registry, and the place that names it.
    Registry { place: String, at: At },
    /// A folder with files `NAME-VERSION.crate`.
    Folder(PathBuf),
    /// No registry: the place and the reason.
    Nothing(String),
}

/// The address of a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum At {
    /// That of a sparse index, without a slash at its end.
    Index(String),
    /// That of downloads.
    Downloads(Template),
}

impl Finding {
    /// The index at an address of cargo's configuration.
    pub(crate) fn index(url: &str, place: &str) -> Self {
        match url.strip_prefix("sparse+") {
            Some(url) => Self::sparse(url, place),
            None => Self::Nothing(format!(
                "{place}: `{}` is an index in git, which only cargo reads",
                url.escape_debug()
            )),
        }
    }

    /// The sparse index at an address, with the prefix `sparse+` or without it.
    pub(crate) fn sparse(url: &str, place: &str) -> Self {
        let url = url.strip_prefix("sparse+").unwrap_or(url);
        let known = ["http://", "https://", "file:///"];
        match known.iter().any(|scheme| url.starts_with(scheme)) {
            true => Self::Registry {
                place: place.to_owned(),
                at: At::Index(url.trim_end_matches('/').to_owned()),
            },
            false => Self::Nothing(format!(
                "{place}: `{}` is no address of a sparse index",
                url.escape_debug()
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_cargo_writes_it() {
        let at = |finding| match finding {
            Finding::Registry {
                at: At::Index(url),
                place,
            } if place == "x" => Ok(url),
            other => Err(format!("{other:?}")),
        };
        let url = Ok("http://r.example/index".to_owned());
        assert_eq!(
            at(Finding::index("sparse+http://r.example/index/", "x")),
            url
        );
        assert_eq!(
            at(Finding::sparse("sparse+http://r.example/index/", "x")),
            url
        );
        assert_eq!(at(Finding::sparse("http://r.example/index", "x")), url);
        assert_eq!(
            Finding::index("http://r.example/index", "x"),
            Finding::Nothing(
                "x: `http://r.example/index` is an index in git, which only cargo reads".into()
            )
        );
        assert_eq!(
            Finding::index("sparse+ftp://r.example", "x"),
            Finding::Nothing("x: `ftp://r.example` is no address of a sparse index".into())
        );
    }
}
