//! The end of a console's log, for a person.

use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use kindling_base::files;

use super::line::{Line, Pushed};

/// Lines shown when a guest fails; the rest is in its `console.log`.
const TAIL_LINES: usize = 15;

/// The last lines of a console log that say something, safe to show on a terminal.
pub(crate) fn tail(log: &Path) -> String {
    // A log that cannot be read must not hide why its tail is wanted.
    let bytes = read_end(log, 16 << 10).unwrap_or_default();
    tail_of(&bytes)
}

fn tail_of(bytes: &[u8]) -> String {
    let mut lines = Vec::new();
    let mut line = Line::default();
    for &byte in bytes.iter().chain(b"\n") {
        if let Pushed::End = line.push(byte) {
            let text = String::from_utf8_lossy(&line.text).trim_end().to_owned();
            if !text.is_empty() {
                lines.push(text);
            }
            line.text.clear();
        }
    }
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}

fn read_end(path: &Path, most: u64) -> Option<Vec<u8>> {
    let mut file = files::open(path).ok()?;
    let length = file.seek(SeekFrom::End(0)).ok()?;
    file.seek(SeekFrom::Start(length.saturating_sub(most)))
        .ok()?;
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_tail_is_clean_and_short() {
        let long: String = (0..40)
            .map(|n| format!("\x1b[1mline {n}\x07\r\n\r\n"))
            .collect();
        let tail = tail_of(long.as_bytes());
        assert_eq!(tail.lines().count(), TAIL_LINES);
        assert!(tail.ends_with("\nline 39"), "{tail}");
        assert!(!tail.contains('\x1b'));
    }

    proptest! {
        #[test]
        fn any_log_has_a_tail_within_bounds(bytes: Vec<u8>) {
            prop_assert!(tail_of(&bytes).lines().count() <= TAIL_LINES);
        }
    }
}
