//! Requests for a package: a range of versions or a tag, by its own name or by an alias.

use std::fmt;

use kindling_npm_tree::is_name;
use nodejs_semver::{Range, Version};

/// A package of a registry and which of its versions are meant.
#[derive(Clone, Debug)]
pub struct Spec {
    /// The package's name in the registry; the folder that it goes to may be called otherwise.
    pub name: String,
    /// The versions that are meant.
    pub wanted: Wanted,
}

/// The versions of a package that a request means.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// Unspecified: the newest release that fits the machine.
    Any,
    /// A range of versions, and the text that it was written as.
    Range(Range, String),
    /// The version that the registry gives this tag: `next`.
    Tag(String),
}

impl Spec {
    /// Parses what a person writes: `@scope/name`, `name@^1.2`, `name@next`. `None` for anything else.
    pub fn requested(text: &str) -> Option<Self> {
        let (name, wanted) = split_name(text);
        let wanted = match wanted {
            None => Wanted::Any,
            // npm takes an empty text for any version; a person has forgotten something.
            Some(wanted) if wanted.trim().is_empty() => return None,
            Some(wanted) => Wanted::parse(wanted)?,
        };
        is_name(name).then(|| Self {
            name: name.to_owned(),
            wanted,
        })
    }

    /// Parses the text beside the name of a dependency in `package.json`: `^1.2`, `next`, `npm:other@^1.2`. `None` for
    /// sources outside of a registry: git, files, addresses.
    pub fn dependency(key: &str, text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some(alias) = text.strip_prefix("npm:") {
            return Self::requested(alias);
        }
        // npm takes an empty text for `*`.
        let wanted = match text {
            "" => Wanted::parse("*")?,
            text => Wanted::parse(text)?,
        };
        is_name(key).then(|| Self {
            name: key.to_owned(),
            wanted,
        })
    }

    /// Whether a version of the package of this name will do. Tags are met by whatever was chosen for them.
    pub fn accepts(&self, name: &str, version: &Version) -> bool {
        self.name == name
            && match &self.wanted {
                Wanted::Range(range, _) => range.satisfies(version),
                Wanted::Any | Wanted::Tag(_) => true,
            }
    }
}

impl Wanted {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Ok(range) = Range::parse(text) {
            return Some(Self::Range(range, text.to_owned()));
        }
        // npm's rule for a tag: what `encodeURIComponent` leaves as it is.
        let tag = |c: char| c.is_ascii_alphanumeric() || "-_.!~*'()".contains(c);
        (!text.is_empty() && text.chars().all(tag)).then(|| Self::Tag(text.to_owned()))
    }
}

impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.wanted {
            Wanted::Any => f.write_str(&self.name),
            Wanted::Range(_, text) | Wanted::Tag(text) => write!(f, "{}@{text}", self.name),
        }
    }
}

/// `@scope/name@wanted` in two; the first character begins a scope, not a version.
pub fn split_name(text: &str) -> (&str, Option<&str>) {
    let at = text
        .char_indices()
        .skip(1)
        .find(|(_, c)| *c == '@')
        .map(|(at, _)| at);
    match at {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(spec: Option<Spec>) -> String {
        spec.map_or("none".into(), |spec| format!("{spec}"))
    }

    #[test]
    fn requests_name_a_package_and_maybe_its_versions() {
        for text in ["@a/b", "a@^1.2", "@a/b@1.x || >=2.5.0 <3", "a@next", "a@1"] {
            assert_eq!(shown(Spec::requested(text)), text);
        }
        for text in [
            "",
            "@a",
            "a@",
            "../a",
            "a/b",
            ".a",
            "_a",
            "a b",
            "node_modules",
            "a@git+ssh://x/y",
            "a@file:../b",
        ] {
            assert_eq!(shown(Spec::requested(text)), "none", "{text}");
        }
    }

    #[test]
    fn dependencies_may_be_aliases_and_not_addresses() {
        let dependency = |text| shown(Spec::dependency("a", text));
        assert_eq!(dependency(""), "a@*");
        assert_eq!(dependency(" >=1  <2 "), "a@>=1  <2");
        assert_eq!(dependency("npm:@x/y@1.0.0-linux"), "@x/y@1.0.0-linux");
        assert_eq!(dependency("npm:b"), "b");
        for text in [
            "git://x/y.git",
            "user/repo",
            "file:b",
            "workspace:*",
            "http://x/y.tgz",
        ] {
            assert_eq!(dependency(text), "none", "{text}");
        }
    }

    #[test]
    fn ranges_are_npms() {
        let cases = [
            ("^0.2.3", "0.2.9", true),
            ("^0.2.3", "0.3.0", false),
            ("~1.2", "1.2.9", true),
            ("1.x", "1.9.0", true),
            ("1.2 - 2", "2.9.9", true),
            (">=1.0.0 <2 || 3", "3.4.5", true),
            ("*", "1.0.0-rc.1", false),
            ("^1.0.0-rc.1", "1.0.0-rc.2", true),
            ("^1.0.0-rc.1", "1.1.0-rc.2", false),
            ("=v1.2.3", "1.2.3", true),
            ("> 1.0", "1.0.5", false),
        ];
        for (range, version, fits) in cases {
            let spec = Spec::dependency("a", range).unwrap();
            let version = Version::parse(version).unwrap();
            assert_eq!(spec.accepts("a", &version), fits, "{range} {version}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "\\PC{0,40}") {
            let _ = (Spec::requested(&text), Spec::dependency("a", &text));
        }

        #[test]
        fn what_is_a_name_is_a_plain_path(text in "[@./_a-z\\\\%~-]{0,12}") {
            if is_name(&text) {
                let plain = text.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
                prop_assert!(plain && text.split('/').count() <= 2);
            }
        }
    }
}
