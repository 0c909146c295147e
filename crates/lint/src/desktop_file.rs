//! Desktop entries and lists of MIME handlers (freedesktop.org: Desktop Entry 1.5, MIME applications 1.0).

/// Values of a key in a group of a file: `[Desktop Entry]`, `Exec`.
pub(crate) fn value<'a>(text: &'a str, group: &str, key: &str) -> Option<&'a str> {
    pairs(text, group).find_map(|(name, value)| (name == key).then_some(value))
}

/// All `KEY=VALUE` lines of a group.
pub(crate) fn pairs<'a>(text: &'a str, group: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let header = format!("[{group}]");
    let mut inside = false;
    text.lines().filter_map(move |line| {
        let line = line.trim();
        if line.starts_with('[') {
            inside = line == header;
            return None;
        }
        if !inside || line.starts_with('#') {
            return None;
        }
        let (key, value) = line.split_once('=')?;
        Some((key.trim_end(), value.trim_start()))
    })
}

/// The program of an `Exec` value, quotes removed.
pub(crate) fn program(exec: &str) -> Option<String> {
    kindling_sysroot::unit::words(exec).into_iter().next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn groups_are_kept_apart() {
        let text =
            "[Desktop Entry]\n# x\nExec = \"/opt/a b\" %U\n[Desktop Action new]\nExec=other\n";
        assert_eq!(
            value(text, "Desktop Entry", "Exec"),
            Some("\"/opt/a b\" %U")
        );
        assert_eq!(program("\"/opt/a b\" %U").as_deref(), Some("/opt/a b"));
        assert_eq!(value(text, "Desktop Entry", "TryExec"), None);
    }

    proptest! {
        #[test]
        fn any_text_reads(text in "\\PC{0,200}") {
            let _ = pairs(&text, "Desktop Entry").count();
        }
    }
}
