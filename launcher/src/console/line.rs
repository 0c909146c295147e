//! Lines of a serial console, gathered byte by byte without terminal control sequences.

/// A longer line is cut: markers and panics are short.
pub(super) const LINE_LIMIT: usize = 1024;

/// A line being gathered, without terminal control sequences.
#[derive(Debug, Default)]
pub(super) struct Line {
    pub(super) text: Vec<u8>,
    escape: Escape,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Escape {
    /// Plain text.
    #[default]
    No,
    /// After ESC.
    Begun,
    /// Within a control sequence, which ends at a byte of 0x40 to 0x7e.
    Control,
    /// Within an operating system command (a window's title), which ends at BEL or ESC \.
    Command,
}

/// The effect of a byte on a line.
pub(super) enum Pushed {
    /// It was added to the text.
    Text,
    /// It ended the line.
    End,
    /// It belongs to a control sequence, or the line is full.
    Nothing,
}

impl Line {
    /// Takes the next byte.
    pub(super) fn push(&mut self, byte: u8) -> Pushed {
        if byte == b'\n' || byte == b'\r' {
            self.escape = Escape::No;
            return Pushed::End;
        }
        self.escape = match (self.escape, byte) {
            (_, 0x1b) => Escape::Begun,
            (Escape::Begun, b'[') => Escape::Control,
            (Escape::Begun, b']') => Escape::Command,
            (Escape::Begun, _) | (Escape::Control, 0x40..=0x7e) | (Escape::Command, 0x07) => {
                Escape::No
            }
            (Escape::No, _) => {
                let printable = byte >= 0x20 && byte != 0x7f || byte == b'\t';
                if !printable || self.text.len() >= LINE_LIMIT {
                    return Pushed::Nothing;
                }
                self.text.push(byte);
                return Pushed::Text;
            }
            (inside, _) => inside,
        };
        Pushed::Nothing
    }
}
