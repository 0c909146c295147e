//! The syntax of unit files (systemd.syntax(7)).

/// An assignment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The section, without brackets.
    pub section: String,
    /// The text left of the `=`.
    pub key: String,
    /// The text right of it, continuation lines joined by a space.
    pub value: String,
}

/// A parsed file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnitFile {
    /// Its assignments, in order.
    pub lines: Vec<Line>,
    /// Lines that systemd ignores with a warning: their numbers and what is wrong.
    pub ignored: Vec<(usize, String)>,
}

/// Parses a unit file or drop-in. Whatever it holds, there is a result.
pub fn parse(text: &str) -> UnitFile {
    let mut file = UnitFile::default();
    let mut section: Option<String> = None;
    let mut logical = String::new();
    let mut begun = 0;
    for (at, line) in text.lines().enumerate() {
        let trimmed = line.trim();
        // Comments may stand between the lines of one assignment; an empty line ends it.
        if trimmed.starts_with(['#', ';']) || trimmed.is_empty() && logical.is_empty() {
            continue;
        }
        if logical.is_empty() {
            begun = at + 1;
        }
        if let Some(start) = trimmed.strip_suffix('\\') {
            logical.push_str(start.trim_end());
            logical.push(' ');
            continue;
        }
        logical.push_str(trimmed);
        assign(&mut file, &mut section, logical.trim(), begun);
        logical.clear();
    }
    if !logical.trim().is_empty() {
        assign(&mut file, &mut section, logical.trim(), begun);
    }
    file
}

fn assign(file: &mut UnitFile, section: &mut Option<String>, line: &str, number: usize) {
    if let Some(name) = line.strip_prefix('[') {
        *section = name.strip_suffix(']').map(str::to_owned);
        if section.is_none() {
            let problem = format!("`{line}` is no section");
            file.ignored.push((number, problem));
        }
        return;
    }
    let Some((key, value)) = line.split_once('=') else {
        let problem = format!("`{line}` is no assignment");
        file.ignored.push((number, problem));
        return;
    };
    let Some(section) = section else {
        let problem = format!("`{line}` is in no section");
        file.ignored.push((number, problem));
        return;
    };
    file.lines.push(Line {
        section: section.clone(),
        key: key.trim().to_owned(),
        value: value.trim().to_owned(),
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn continuations_comments_and_mistakes() {
        let file = parse(
            "# c\nStray=1\n[Service]\nExecStart=/bin/a \\\n# between\n  -b \\\n  c\n\nJunk\n; c\nUser = x \n[Open\nA=b",
        );
        let lines: Vec<(&str, &str)> = file
            .lines
            .iter()
            .map(|line| (line.key.as_str(), line.value.as_str()))
            .collect();
        assert_eq!(lines, [("ExecStart", "/bin/a -b c"), ("User", "x")]);
        let ignored: Vec<usize> = file.ignored.iter().map(|(number, _)| *number).collect();
        assert_eq!(ignored, [2, 9, 12, 13]);
    }

    proptest! {
        #[test]
        fn any_text_has_a_result_and_assignments_survive(noise in "\\PC{0,200}", key in "[A-Z][a-z]{1,9}", value in "[a-z /]{0,20}") {
            let _ = parse(&noise);
            let file = parse(&format!("[Unit]\n{key}={value}\n"));
            prop_assert_eq!(&file.lines[0].key, &key);
            prop_assert_eq!(&file.lines[0].value, value.trim());
        }
    }
}
