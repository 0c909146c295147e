//! The syntax of `Depends` and its kin, deb-control(5) and Debian Policy chapter 7.

use std::cmp::Ordering;
use std::fmt;

use crate::version;

/// How a version has to compare with the one of a relation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operator {
    /// `<<`
    Earlier,
    /// `<=`
    EarlierOrEqual,
    /// `=`
    Equal,
    /// `>=`
    LaterOrEqual,
    /// `>>`
    Later,
}

impl Operator {
    /// Whether `have` fits a relation that asks for `want`.
    pub fn allows(self, have: &str, want: &str) -> bool {
        let order = version::compare(have, want);
        match self {
            Self::Earlier => order == Ordering::Less,
            Self::EarlierOrEqual => order != Ordering::Greater,
            Self::Equal => order == Ordering::Equal,
            Self::LaterOrEqual => order != Ordering::Less,
            Self::Later => order == Ordering::Greater,
        }
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Earlier => "<<",
            Self::EarlierOrEqual => "<=",
            Self::Equal => "=",
            Self::LaterOrEqual => ">=",
            Self::Later => ">>",
        })
    }
}

/// One package of a relation: `name[:qualifier] [(op version)]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relation<'a> {
    /// Name with its qualifier, such as `python3:any`; apt treats that as a name of its own.
    pub name: &'a str,
    /// The versions that are meant; unset, any version will do.
    pub version: Option<(Operator, &'a str)>,
    /// Whether the next relation is an alternative to this one.
    pub or_next: bool,
}

/// The relations of a field's value, alternatives marked by [`Relation::or_next`].
///
/// Those whose `[architectures]` do not list `architecture` are left out, and so are those restricted to a
/// build profile, because binary packages are built without one. Malformed relations are skipped, as apt does with
/// an index that was checked already.
pub fn parse<'a>(value: &'a str, architecture: &str) -> impl Iterator<Item = Relation<'a>> {
    value.split(',').flat_map(move |group| {
        let mut alternatives: Vec<Relation<'a>> = group
            .split('|')
            .filter_map(|one| parse_one(one, architecture))
            .collect();
        if let Some((_, before)) = alternatives.split_last_mut() {
            before.iter_mut().for_each(|r| r.or_next = true);
        }
        alternatives
    })
}

/// Reads one relation; `None` if it is empty or not meant for `architecture`.
fn parse_one<'a>(text: &'a str, architecture: &str) -> Option<Relation<'a>> {
    let text = text.trim();
    let end = text
        .find(|c: char| c.is_whitespace() || "([<".contains(c))
        .unwrap_or(text.len());
    let (name, mut rest) = text.split_at(end);
    let mut version = None;
    while let Some(open) = rest.trim_start().chars().next() {
        let inner = &rest.trim_start()[open.len_utf8()..];
        let close = match open {
            '(' => ')',
            '[' => ']',
            '<' => '>',
            _ => return None,
        };
        let (inside, after) = inner.split_once(close)?;
        match open {
            '(' => version = Some(parse_version(inside)?),
            '[' if !architecture_fits(inside, architecture) => return None,
            // `<!profile>` is met because no profile is active, `<profile>` is not.
            '<' if inside.split_whitespace().any(|p| !p.starts_with('!')) => return None,
            _ => {}
        }
        rest = after;
    }
    (!name.is_empty()).then_some(Relation {
        name,
        version,
        or_next: false,
    })
}

fn parse_version(text: &str) -> Option<(Operator, &str)> {
    let text = text.trim();
    let at = text
        .find(|c| !"<>=".contains(c))
        .filter(|at| *at > 0)
        .unwrap_or(text.len());
    let (operator, version) = text.split_at(at);
    let operator = match operator {
        "<<" => Operator::Earlier,
        // Policy 7.1: the obsolete `<` and `>` mean "or equal".
        "<=" | "<" => Operator::EarlierOrEqual,
        "=" => Operator::Equal,
        ">=" | ">" => Operator::LaterOrEqual,
        ">>" => Operator::Later,
        _ => return None,
    };
    let version = version.trim();
    (!version.is_empty()).then_some((operator, version))
}

fn architecture_fits(list: &str, architecture: &str) -> bool {
    let named = |word: &str| {
        word == architecture
            || word == "any"
            || word
                .strip_prefix("linux-")
                .is_some_and(|cpu| cpu == "any" || cpu == architecture)
            || word.strip_prefix("any-") == Some(architecture)
    };
    let mut words = list.split_whitespace().peekable();
    if words.peek().is_some_and(|w| w.starts_with('!')) {
        !words.filter_map(|w| w.strip_prefix('!')).any(named)
    } else {
        words.any(named)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn list(value: &str) -> Vec<Relation<'_>> {
        parse(value, "amd64").collect()
    }

    #[test]
    fn alternatives_versions_and_qualifiers() {
        let all = list("a, b (>= 1:2.0-1) | c:any(<<3) | d ,\n e ( = 1 ),");
        let names: Vec<_> = all.iter().map(|r| (r.name, r.or_next)).collect();
        assert_eq!(
            names,
            [
                ("a", false),
                ("b", true),
                ("c:any", true),
                ("d", false),
                ("e", false)
            ]
        );
        assert_eq!(all[1].version, Some((Operator::LaterOrEqual, "1:2.0-1")));
        assert_eq!(all[2].version, Some((Operator::Earlier, "3")));
        assert_eq!(all[4].version, Some((Operator::Equal, "1")));
    }

    #[test]
    fn architectures_and_profiles() {
        let names = |value| -> Vec<&str> { parse(value, "amd64").map(|r| r.name).collect() };
        assert_eq!(
            names("a [amd64 i386], b [arm64], c [!amd64], d [linux-any]"),
            ["a", "d"]
        );
        assert_eq!(
            names("a <!nocheck>, b <cross>, c (>= 1) [any] <!x !y>"),
            ["a", "c"]
        );
        // The alternative that goes leaves no mark behind.
        assert!(!list("a | b [arm64]")[0].or_next);
    }

    #[test]
    fn operators() {
        assert!(Operator::Earlier.allows("1~", "1"));
        assert!(Operator::EarlierOrEqual.allows("1", "1"));
        assert!(!Operator::Later.allows("1", "1"));
        assert!(Operator::LaterOrEqual.allows("1.1", "1"));
        assert!(!Operator::Equal.allows("1.1", "1"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(value in "[ -~\n]{0,60}|.{0,30}") {
            for relation in parse(&value, "amd64") {
                prop_assert!(!relation.name.is_empty());
            }
        }
    }
}
