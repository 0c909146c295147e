//! The paths that a piece of Rust names, found without a compiler: enough to see which module needs which.

/// A path in code, such as `crate::plan::stage`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) path: Vec<String>,
    /// Whether it is re-exported: `pub use`.
    pub(super) exported: bool,
}

/// Every path of at least two names, and every path of a `use`, in the order of the text.
pub(super) fn named(code: &str) -> Vec<Named> {
    let words = words(code);
    let mut found = Vec::new();
    let mut at = 0;
    while at < words.len() {
        if words[at] == "use" {
            let end = (at..words.len())
                .find(|&end| words[end] == ";")
                .unwrap_or(words.len());
            let exported = at > 0 && (words[at - 1] == "pub" || words[at - 1] == ")");
            let mut paths = Vec::new();
            tree(&words[at + 1..end], &[], &mut paths);
            found.extend(paths.into_iter().map(|path| Named { path, exported }));
            at = end;
        } else if is_name(&words[at]) {
            let mut path = vec![words[at].clone()];
            while words.get(at + 1).is_some_and(|word| word == "::")
                && words.get(at + 2).is_some_and(|word| is_name(word))
            {
                path.push(words[at + 2].clone());
                at += 2;
            }
            let exported = false;
            found.extend((path.len() > 1).then_some(Named { path, exported }));
        }
        at += 1;
    }
    found
}

/// Adds the paths of a `use`: `a::{b, c::d}` is `a::b` and `a::c::d`.
fn tree(words: &[String], before: &[String], found: &mut Vec<Vec<String>>) {
    let mut path = before.to_vec();
    let mut at = 0;
    while at < words.len() {
        match words[at].as_str() {
            "{" => {
                let end = matching(words, at);
                let mut start = at + 1;
                let mut depth = 0;
                for inner in at + 1..=end {
                    match words[inner].as_str() {
                        "{" => depth += 1,
                        "}" if inner < end => depth -= 1,
                        _ => {}
                    }
                    if inner == end || (words[inner] == "," && depth == 0) {
                        tree(&words[start..inner], &path, found);
                        start = inner + 1;
                    }
                }
                return;
            }
            "as" => break,
            "::" | "*" => {}
            name => path.push(name.to_owned()),
        }
        at += 1;
    }
    found.extend((path.len() > before.len()).then_some(path));
}

/// The place of the brace that closes the one at `open`.
fn matching(words: &[String], open: usize) -> usize {
    let mut depth = 0;
    for (at, word) in words.iter().enumerate().skip(open) {
        match word.as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    words.len() - 1
}

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
}

/// Names, `::` and single signs, without comments and without the content of strings.
fn words(code: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = code;
    while let Some(first) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if first == '"' {
            string(rest)
        } else if let Some(hashes) = raw(rest) {
            let end = format!("\"{}", "#".repeat(hashes));
            let start = hashes + 2;
            rest[start..]
                .find(&end)
                .map_or(rest.len(), |at| start + at + end.len())
        } else if rest.starts_with("'\"'") || rest.starts_with("'{'") || rest.starts_with("'}'") {
            3
        } else if is_name(rest) {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            let end = end.unwrap_or(rest.len());
            words.push(rest[..end].to_owned());
            end
        } else if rest.starts_with("::") {
            words.push("::".to_owned());
            2
        } else {
            if !first.is_whitespace() {
                words.push(first.to_string());
            }
            first.len_utf8()
        };
        rest = &rest[length..];
    }
    words
}

/// Bytes of the string that the text begins with.
fn string(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 1;
    while at < bytes.len() && bytes[at] != b'"' {
        at += 1 + usize::from(bytes[at] == b'\\');
    }
    (at + 1).min(bytes.len())
}

/// The number of `#` of the raw string that the text begins with.
fn raw(text: &str) -> Option<usize> {
    let rest = text.strip_prefix('r')?;
    let hashes = rest.len() - rest.trim_start_matches('#').len();
    rest[hashes..].starts_with('"').then_some(hashes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(code: &str) -> Vec<String> {
        let shown = named(code).into_iter().map(|one| {
            let mark = if one.exported { "pub " } else { "" };
            format!("{mark}{}", one.path.join("::"))
        });
        shown.collect()
    }

    #[test]
    fn uses_are_taken_apart() {
        let code = "use a::{b, c::{self, D as E}, f::*};\npub(crate) use g;\npub use h::I;";
        let expected = ["a::b", "a::c::self", "a::c::D", "a::f", "pub g", "pub h::I"];
        assert_eq!(shown(code), expected);
    }

    #[test]
    fn paths_are_found_in_code_but_not_in_comments_and_strings() {
        let code = r###"fn f(x: a::B<c::D>) -> 'x' { // e::F
            let s = "g::\"H"; let r = r#"i::"J"#; let q = '"'; k::l::m(n.o) }"###;
        assert_eq!(shown(code), ["a::B", "c::D", "k::l::m"]);
    }
}
