//! The watcher of a guest's console, which finds the readiness marker and the line with which a guest gives up.

use super::line::{Line, Pushed};

/// Lines that mean that the guest has failed: the kernel's, and that of our PID 1 in the initramfs.
const FAILURES: [&str; 2] = ["Kernel panic - not syncing", "kindling-init: failed"];

/// A line of the console that matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    /// The readiness marker at the beginning of a line.
    Ready,
    /// The line with which the guest gave up.
    Failed(String),
}

/// Follows the console's bytes, in whatever pieces they come. Each finding is made once.
#[derive(Debug)]
pub(crate) struct Watcher {
    marker: String,
    line: Line,
    ready: bool,
    failed: bool,
}

impl Watcher {
    /// Waits for a line that begins with `marker`.
    pub(crate) fn new(marker: &str) -> Self {
        Self {
            marker: marker.to_owned(),
            line: Line::default(),
            ready: false,
            failed: false,
        }
    }

    /// Takes the next bytes; returns what they complete. The marker counts as soon as its last byte is there.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Vec<Finding> {
        let mut findings = Vec::new();
        for &byte in bytes {
            match self.line.push(byte) {
                Pushed::Nothing => {}
                Pushed::Text => {
                    if !self.ready && self.marker.as_bytes().last() == Some(&byte) {
                        self.ready = message(&self.line.text).starts_with(self.marker.as_bytes());
                        findings.extend(self.ready.then_some(Finding::Ready));
                    }
                }
                Pushed::End => {
                    findings.extend(self.end_of_line());
                    self.line.text.clear();
                }
            }
        }
        findings
    }

    /// The console has ended: what the last, unfinished line says.
    pub(crate) fn finish(&mut self) -> Option<Finding> {
        self.end_of_line()
    }

    fn end_of_line(&mut self) -> Option<Finding> {
        let text = message(&self.line.text);
        let failed = FAILURES.iter().any(|f| text.starts_with(f.as_bytes()));
        if !failed || self.failed {
            return None;
        }
        self.failed = true;
        Some(Finding::Failed(String::from_utf8_lossy(text).into_owned()))
    }
}

/// A line without the kernel's time stamp, `[    1.234567] `.
fn message(line: &[u8]) -> &[u8] {
    let stamp = |rest: &[u8]| {
        let end = rest.iter().position(|b| *b == b']')?;
        let inside = rest[..end].iter();
        let digits = inside.clone().any(u8::is_ascii_digit);
        let only = inside
            .copied()
            .all(|b| b.is_ascii_digit() || b == b' ' || b == b'.');
        (digits && only && rest.get(end + 1) == Some(&b' ')).then_some(end + 2)
    };
    match line
        .strip_prefix(b"[")
        .and_then(|rest| Some(&rest[stamp(rest)?..]))
    {
        Some(message) => message,
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::super::line::LINE_LIMIT;
    use super::*;
    use proptest::prelude::*;

    fn findings(pieces: &[&[u8]]) -> Vec<Finding> {
        let mut watcher = Watcher::new("KINDLING READY");
        let mut all: Vec<Finding> = pieces.iter().flat_map(|p| watcher.feed(p)).collect();
        all.extend(watcher.finish());
        all
    }

    #[test]
    fn the_marker_is_found_at_the_beginning_of_a_line_only() {
        assert_eq!(findings(&[b"x\nKINDLING ", b"READY"]), [Finding::Ready]);
        assert_eq!(
            findings(&[b"\x1b[0;32mKINDLING READY after 3 s\r\n"]),
            [Finding::Ready]
        );
        assert_eq!(
            findings(&[b"[    4.100000] KINDLING READY\n"]),
            [Finding::Ready]
        );
        assert_eq!(findings(&[b"echo KINDLING READY\n"]), []);
        assert_eq!(
            findings(&[b"KINDLING READY\nKINDLING READY\n"]),
            [Finding::Ready]
        );
    }

    #[test]
    fn a_panic_is_reported_once_with_its_line() {
        let said = b"[    1.5] Kernel panic - not syncing: VFS\r\n[    1.6] ---[ end Kernel panic - not syncing: VFS ]---\r\n";
        let panic = Finding::Failed("Kernel panic - not syncing: VFS".to_owned());
        assert_eq!(findings(&[said]), [panic]);
        let init = Finding::Failed("kindling-init: failed: no root".to_owned());
        assert_eq!(findings(&[b"kindling-init: failed: no root"]), [init]);
        assert_eq!(findings(&[b"journal: Kernel panic - not syncing\n"]), []);
    }

    proptest! {
        #[test]
        fn the_pieces_do_not_matter(
            text in "(KINDLING READY|\\n|\\x1b\\[1m|Kernel panic - not syncing|x|\\[ 1.0\\] ){0,12}",
            cuts in proptest::collection::vec(0usize..200, 0..6),
        ) {
            let bytes = text.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|c| c.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|w| &bytes[w[0]..w[1]]).collect();
            prop_assert_eq!(findings(&pieces), findings(&[bytes]));
        }

        #[test]
        fn any_bytes_are_followed_within_bounds(bytes: Vec<u8>) {
            let mut watcher = Watcher::new("M");
            watcher.feed(&bytes);
            prop_assert!(watcher.line.text.len() <= LINE_LIMIT);
        }
    }
}
