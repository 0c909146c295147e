//! Forms of names in a recipe: each name becomes part of a path, a command or a file format.

/// A rule for a name and how to say it.
pub(super) struct Rule {
    /// Whether a text obeys it.
    pub(super) accepts: fn(&str) -> bool,
    /// The rule in words, as a hint.
    pub(super) words: &'static str,
}

/// Fingerprints of OpenPGP keys of version 4, as RFC 9580 makes them: 160 bits.
pub(super) const FINGERPRINT: Rule = Rule {
    accepts: |text| {
        text.len() == 40
            && text
                .chars()
                .all(|c| c.is_ascii_digit() || ('A'..='F').contains(&c))
    },
    words: "a fingerprint is 40 digits and letters from `A` to `F`, without spaces",
};

/// Files and folders beside the recipes, suites and components: safe as one part of a path and of a URL.
pub(super) const PLAIN: Rule = Rule {
    accepts: |text| {
        let mut chars = text.chars();
        chars.next().is_some_and(|c| c.is_ascii_alphanumeric())
            && chars.all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
    },
    words: "a name begins with a letter or digit and goes on with letters, digits, `.`, `_` and `-`",
};

/// One part of a path: a file's name.
pub(super) const FILE: Rule = Rule {
    accepts: |text| {
        !["", ".", ".."].contains(&text) && text.chars().all(|c| c.is_ascii_graphic() && c != '/')
    },
    words: "a file's name has letters, digits and signs, and no `/`",
};

/// Debian Policy 5.6.1.
pub(super) const PACKAGE: Rule = Rule {
    accepts: |text| {
        let mut chars = text.chars();
        text.len() >= 2
            && chars
                .next()
                .is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
            && chars.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "+-.".contains(c))
    },
    words: "a package name has two or more lowercase letters, digits, `+`, `-` and `.`, and begins with a letter or digit",
};

/// A package that npm can install from a registry.
pub(super) const NPM: Rule = Rule {
    accepts: |text| kindling_npm::Spec::requested(text).is_some(),
    words: "write `name` or `@scope/name`, and `@` with a range of versions or a tag if not the newest is wanted: `name@^1.2`",
};

/// Names of users and groups: what `useradd` of Debian takes without `--badname`, without a trailing `$`.
pub(super) const USER: Rule = Rule {
    accepts: |text| {
        text.len() <= 32
            && text.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
            && text
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(c))
    },
    words: "a user or group name begins with a lowercase letter or `_` and goes on with those, digits and `-`",
};

/// An absolute path of the guest, perhaps with `*` in it; no `:`, which separates the fields of passwd.
pub(super) const PATH: Rule = Rule {
    accepts: |text| {
        let parts = || text.split('/').skip(1);
        text.starts_with('/')
            && !text.chars().any(|c| c.is_control() || c == ':')
            && parts().all(|part| !["", ".", ".."].contains(&part))
    },
    words: "a path is absolute and has no empty parts, `.`, `..` or `:`",
};

/// RFC 1123, and Linux's limit of 64 characters (`__NEW_UTS_LEN`).
pub(super) const HOSTNAME: Rule = Rule {
    accepts: |text| {
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        };
        text.len() <= 64 && text.split('.').all(label)
    },
    words: "a host name has lowercase letters, digits and inner `-`, in labels separated by `.`, at most 64 characters in all",
};

/// Names that a minijinja template can use.
pub(super) const VARIABLE: Rule = Rule {
    accepts: |text| {
        !text.starts_with(|c: char| c.is_ascii_digit())
            && !text.is_empty()
            && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    },
    words: "a variable has letters, digits and `_`, and does not begin with a digit",
};

/// SHA-256 as `sha256sum` prints it.
pub(super) const SHA256: Rule = Rule {
    accepts: |text| {
        text.len() == 64
            && text
                .chars()
                .all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c))
    },
    words: "a SHA-256 has 64 lowercase hexadecimal digits, as `sha256sum` prints it",
};

/// An address that our downloader can fetch.
pub(super) const URL: Rule = Rule {
    accepts: |text| {
        let rest = text
            .strip_prefix("http://")
            .or_else(|| text.strip_prefix("https://"));
        rest.is_some_and(|rest| {
            rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[')
                && text.chars().all(|c| c.is_ascii_graphic())
        })
    },
    words: "an address begins with http:// or https:// and has no spaces",
};

/// A line of text for people or for the console.
pub(super) const LINE: Rule = Rule {
    accepts: |text| !text.trim().is_empty() && !text.chars().any(char::is_control),
    words: "write one line of text that is not empty",
};

/// A field of passwd(5), which `:` separates.
pub(super) const COMMENT: Rule = Rule {
    accepts: |text| (LINE.accepts)(text) && !text.contains(':'),
    words: "write one line of text that is not empty and has no `:`, which separates the fields of passwd",
};

/// Any text at all.
pub(super) const TEXT: Rule = Rule {
    accepts: |_| true,
    words: "any text",
};
