//! The header of a module begins with a noun or a verb, so that one reading is enough.

use super::source::Source;

/// Beginnings that make a reader search for the subject.
const REFUSED: [&str; 5] = ["What", "Which", "Whose", "Who", "From"];

/// One finding for each file whose header begins with a word of [`REFUSED`].
pub(super) fn check(files: &[Source]) -> Vec<String> {
    let refused = |file: &&Source| {
        let header = file.text.strip_prefix("//! ").unwrap_or_default();
        let word = header.split([' ', '\'', '’', '\n']).next();
        word.is_some_and(|word| REFUSED.contains(&word))
    };
    let told = files.iter().filter(refused).map(|file| {
        let header = file.text.lines().next().unwrap_or_default();
        format!(
            "{}: begin the header with a noun or a verb: {header}",
            file.path.display()
        )
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_that_begins_with_a_question_is_found() {
        let file = |path: &str, text: &str| Source {
            path: path.into(),
            text: text.into(),
        };
        let files = [
            file("a.rs", "//! What it is.\n"),
            file("b.rs", "//! Whatever it takes.\n"),
            file("c.rs", "//! Parses. What it is.\nfn f() {}\n"),
            file("d.rs", "/// What it is.\nfn f() {}\n"),
            file("e.rs", "//! What\n//! it is.\n"),
        ];
        let found = check(&files);
        assert_eq!(found.len(), 2, "{found:#?}");
        assert!(found[0].starts_with("a.rs: ") && found[1].starts_with("e.rs: "));
    }
}
