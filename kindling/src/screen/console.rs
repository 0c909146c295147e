//! A guest's console and lines of our own on one terminal: neither cuts a line of the other in two.

/// The state of the terminal's last line, and the line of ours that waits for its end.
#[derive(Debug, Default)]
pub(super) struct Console {
    /// The guest has begun a line.
    in_line: bool,
    waiting: Option<String>,
}

/// A piece of what is printed next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// Bytes of the guest.
    Guest(&'a [u8]),
    /// A line of our own, without its end.
    Own(String),
}

impl Console {
    /// Bytes of the guest, with what waited for the end of its line.
    pub(super) fn guest<'a>(&mut self, bytes: &'a [u8]) -> Vec<Piece<'a>> {
        let mut pieces = Vec::new();
        let mut rest = bytes;
        if let Some(end) = bytes.iter().position(|byte| *byte == b'\n')
            && let Some(line) = self.waiting.take()
        {
            let (first, after) = bytes.split_at(end + 1);
            pieces.extend([Piece::Guest(first), Piece::Own(line)]);
            rest = after;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Guest(rest));
        }
        self.in_line = bytes.last().map_or(self.in_line, |last| *last != b'\n');
        pieces
    }

    /// A line of our own about what the guest is writing: it comes after the guest's.
    pub(super) fn after(&mut self, line: String) -> Vec<Piece<'static>> {
        if self.in_line {
            self.waiting = Some(line);
            return Vec::new();
        }
        vec![Piece::Own(line)]
    }

    /// A line of our own at once, though the guest is in the middle of one.
    pub(super) fn now(&mut self, line: String) -> Vec<Piece<'static>> {
        let end = std::mem::take(&mut self.in_line).then(String::new);
        let lines = [end, self.waiting.take(), Some(line)];
        lines.into_iter().flatten().map(Piece::Own).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(pieces: Vec<Piece<'_>>) -> String {
        let text = |piece: Piece<'_>| match piece {
            Piece::Guest(bytes) => String::from_utf8(bytes.to_owned()).unwrap(),
            Piece::Own(line) => format!("[{line}]\n"),
        };
        pieces.into_iter().map(text).collect()
    }

    #[test]
    fn a_line_about_the_marker_follows_the_marker_s() {
        let mut console = Console::default();
        assert_eq!(text(console.guest(b"\nmarker")), "\nmarker");
        assert_eq!(text(console.after("ready".into())), "");
        assert_eq!(text(console.guest(b"")), "");
        assert_eq!(text(console.guest(b" 3.80")), " 3.80");
        assert_eq!(text(console.guest(b"\r\nlog")), "\r\n[ready]\nlog");
        assert_eq!(text(console.guest(b"in: \n")), "in: \n");
        assert_eq!(text(console.after("again".into())), "[again]\n");
    }

    #[test]
    fn what_cannot_wait_has_a_line_of_its_own() {
        let mut console = Console::default();
        assert_eq!(text(console.now("first".into())), "[first]\n");
        console.guest(b"login: ");
        assert_eq!(text(console.now("stopping".into())), "[]\n[stopping]\n");
        assert_eq!(text(console.now("ended".into())), "[ended]\n");
        console.guest(b"marker");
        console.after("ready".into());
        assert_eq!(text(console.now("ended".into())), "[]\n[ready]\n[ended]\n");
    }
}
