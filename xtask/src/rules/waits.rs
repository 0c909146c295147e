//! A test waits for an event, with a limit, and never for a fixed time: that is too short on a busy machine and too
//! long on every other.

use super::source::Source;

/// The comment of a pause between two looks at something that is awaited: it says what ends the wait.
const ALLOWED: &str = "// bounded wait: ";

/// One finding for each call of a function `sleep` in tests, unless [`ALLOWED`] is behind it or on the line above.
pub(super) fn check(files: &[Source]) -> Vec<String> {
    files.iter().flat_map(in_file).collect()
}

fn in_file(file: &Source) -> Vec<String> {
    let (before, tests) = file.parts();
    let first = before.lines().count() + 1;
    let lines: Vec<&str> = tests.lines().map(str::trim_start).collect();
    let sleeps = |line: &str| line.contains("::sleep(") || line.starts_with("sleep(");
    let allowed = |at: usize| {
        let above = at.checked_sub(1).map(|above| lines[above]);
        lines[at].contains(ALLOWED) || above.is_some_and(|above| above.starts_with(ALLOWED))
    };
    let found = (0..lines.len()).filter(|&at| sleeps(lines[at]) && !allowed(at));
    found
        .map(|at| {
            format!(
                "{}:{}: a test sleeps for a fixed time; wait for an event, or say `{ALLOWED}WHAT ENDS IT`",
                file.path.display(),
                first + at
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sleep_in_tests_is_found_unless_its_wait_is_bounded() {
        let file = |path: &str, text: &str| Source {
            path: path.into(),
            text: text.replace("NAP", "sleep"),
        };
        let text = "fn f() {\n    std::thread::NAP(PAUSE);\n}\n\n#[cfg(test)]\nmod tests {\n    fn g() {\n        \
                    thread::NAP(PAUSE); // bounded wait: until it listens\n        thread::NAP(PAUSE);\n        \
                    // bounded wait: until it ends\n        thread::NAP(PAUSE);\n    }\n}\n";
        let found = check(&[file("src/a.rs", text)]);
        assert_eq!(found.len(), 1, "{found:#?}");
        assert!(found[0].starts_with("src/a.rs:9: "), "{found:#?}");
        let whole = file("tests/b.rs", "fn f() {\n    NAP(PAUSE);\n}\n");
        assert!(check(&[whole])[0].starts_with("tests/b.rs:2: "));
    }
}
