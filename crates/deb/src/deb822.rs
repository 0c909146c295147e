//! Paragraphs of `Field: value` lines, as in `Packages`, `Release`, `*.sources` and dpkg's status file.
//!
//! The grammar is that of deb822(5): paragraphs are separated by blank lines, a line that begins with a
//! space or tab continues the field above, and field names do not depend on case.

/// The paragraphs of `text`, in order. Lines that are not fields are skipped, so that reading never fails.
pub fn paragraphs(text: &str) -> impl Iterator<Item = Paragraph<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let start = rest
            .split_inclusive('\n')
            .take_while(|line| is_blank(line))
            .map(str::len)
            .sum();
        rest = &rest[start..];
        if rest.is_empty() {
            return None;
        }
        let end = end_of_paragraph(rest);
        let (paragraph, after) = rest.split_at(end);
        rest = after;
        Some(Paragraph { text: paragraph })
    })
}

/// One paragraph, not yet split into fields.
#[derive(Clone, Copy, Debug)]
pub struct Paragraph<'a> {
    text: &'a str,
}

impl<'a> Paragraph<'a> {
    /// The fields, in order: the name as written, and the value without the blanks around it. The lines of a
    /// folded value stay separated by `\n`; comment lines stand outside of values only.
    pub fn fields(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let mut rest = self.text;
        std::iter::from_fn(move || {
            loop {
                if rest.is_empty() {
                    return None;
                }
                let end = end_of_field(rest);
                let (field, after) = rest.split_at(end);
                rest = after;
                if field.starts_with('#') {
                    continue;
                }
                if let Some((name, value)) = field.split_once(':') {
                    return Some((name.trim_end(), value.trim()));
                }
            }
        })
    }

    /// The value of the first field of this name, whatever the case of its letters.
    pub fn get(self, name: &str) -> Option<&'a str> {
        self.fields()
            .find(|(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }
}

/// Length of the paragraph at the beginning of `text`: up to the first blank line.
fn end_of_paragraph(text: &str) -> usize {
    let mut at = 0;
    while let Some(newline) = text[at..].find('\n') {
        at += newline + 1;
        let blank = match text.as_bytes().get(at) {
            Some(b'\n') => true,
            // Only a line that begins with a blank can consist of blanks.
            Some(b' ' | b'\t' | b'\r') => {
                let line = text[at..].split('\n').next().unwrap_or_default();
                is_blank(line)
            }
            _ => false,
        };
        if blank {
            return at;
        }
    }
    text.len()
}

/// deb822(5): a line of spaces and tabs separates paragraphs as an empty one does.
fn is_blank(line: &str) -> bool {
    line.bytes()
        .all(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n'))
}

/// Length of the field at the beginning of `text`: its line and those that continue it.
fn end_of_field(text: &str) -> usize {
    let mut at = 0;
    while let Some(newline) = text[at..].find('\n') {
        at += newline + 1;
        if !text[at..].starts_with([' ', '\t']) {
            return at;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Vec<Vec<(String, String)>> {
        paragraphs(text)
            .map(|p| {
                p.fields()
                    .map(|(n, v)| (n.to_owned(), v.to_owned()))
                    .collect()
            })
            .collect()
    }

    #[test]
    fn folded_fields_comments_and_several_paragraphs() {
        let text = "\n\nPackage: a\nDescription: one\n two\n .\n# no field\nDepends: b,\n c\n\n \nPackage: z\nVersion:1";
        let all = parse(text);
        assert_eq!(all.len(), 2);
        assert_eq!(all[0][1], ("Description".into(), "one\n two\n .".into()));
        assert_eq!(all[0][2], ("Depends".into(), "b,\n c".into()));
        assert_eq!(all[1][1], ("Version".into(), "1".into()));
        let second = paragraphs(text).nth(1).unwrap();
        assert_eq!(second.get("version"), Some("1"));
        assert_eq!(second.get("depends"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "(?s).{0,200}") {
            for paragraph in paragraphs(&text) {
                prop_assert!(paragraph.fields().count() <= text.len());
            }
        }

        #[test]
        fn what_is_written_is_read(
            stanzas in prop::collection::vec(
                prop::collection::vec(("[A-Za-z][A-Za-z0-9-]{0,8}", "[!-~]([ -~]{0,10}[!-~])?(\n [!-~]{1,8})?"), 1..5), 0..5)
        ) {
            let text: String = stanzas
                .iter()
                .map(|fields| fields.iter().map(|(n, v)| format!("{n}: {v}\n")).collect::<String>() + "\n")
                .collect();
            prop_assert_eq!(parse(&text), stanzas);
        }
    }
}
