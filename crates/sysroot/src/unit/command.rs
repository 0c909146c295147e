//! Command lines of units (systemd.service(5), "COMMAND LINES").

/// The program of a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// A path or a bare name.
    pub name: String,
    /// Whether a failure to start it is ignored (`-`).
    pub may_fail: bool,
}

/// The program that a value of `ExecStart=` and its like names; `None` for an empty value and where the name is only
/// known at run time (specifiers but `%%`).
pub fn program(value: &str) -> Option<Program> {
    let first = words(value).into_iter().next()?;
    let name = first.trim_start_matches(['@', '-', ':', '+', '!', '|']);
    let prefix = &first[..first.len() - name.len()];
    let name = name.replace("%%", "\0");
    if name.is_empty() || name.contains(['%', '$']) {
        return None;
    }
    Some(Program {
        name: name.replace('\0', "%"),
        may_fail: prefix.contains('-'),
    })
}

/// Splits a value at blanks; quotes keep blanks and `\` keeps the next character.
pub fn words(value: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut letters = value.chars();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (Some(open), letter) if letter == open => quote = None,
            (None, '"' | '\'') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (_, '\\') => word.get_or_insert_default().extend(letters.next()),
            (None, letter) if letter.is_whitespace() => words.extend(word.take()),
            (_, letter) => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn prefixes_quotes_and_specifiers() {
        let name = |value: &str| program(value).map(|p| (p.name, p.may_fail));
        assert_eq!(name("/bin/a b"), Some(("/bin/a".into(), false)));
        assert_eq!(name("-!/bin/a"), Some(("/bin/a".into(), true)));
        assert_eq!(name("@/bin/a argv0"), Some(("/bin/a".into(), false)));
        assert_eq!(name("\"/opt/a b\" c"), Some(("/opt/a b".into(), false)));
        assert_eq!(name("/bin/100%%"), Some(("/bin/100%".into(), false)));
        assert_eq!(name("/home/%i/a"), None);
        assert_eq!(name(""), None);
        assert_eq!(words("a 'b c' d\\ e \"\""), ["a", "b c", "d e", ""]);
    }

    proptest! {
        #[test]
        fn any_value_splits(value in "\\PC{0,100}") {
            let _ = program(&value);
            let plain: Vec<&str> = value.split_whitespace().collect();
            if !value.contains(['"', '\'', '\\']) {
                prop_assert_eq!(words(&value), plain);
            }
        }
    }
}
