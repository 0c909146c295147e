//! Little helpers on foreign bytes.

use core::fmt::{self, Write};

/// Shows bytes as text on one line: what is not UTF-8 and every control character becomes `?`.
#[derive(Clone, Copy, Debug)]
pub struct Lossy<'a>(pub &'a [u8]);

impl fmt::Display for Lossy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for c in chunk.valid().chars() {
                f.write_char(if c.is_control() { '?' } else { c })?;
            }
            if !chunk.invalid().is_empty() {
                f.write_char('?')?;
            }
        }
        Ok(())
    }
}

/// `N` bytes at `at`, or `None` where the slice is shorter.
pub(crate) fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

/// The decimal number that `text` is, without anything around it but a sign.
pub(crate) fn decimal(text: &[u8]) -> Option<i32> {
    core::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_stays_on_its_line() {
        assert_eq!(Lossy(b"a\n\x1b[31m\xff\xfeb").to_string(), "a??[31m??b");
    }

    #[test]
    fn a_short_slice_is_no_panic() {
        assert_eq!(array::<4>(b"abc", 0), None);
        assert_eq!(array::<4>(b"abc", usize::MAX), None);
        assert_eq!(array::<2>(b"abc", 1), Some(*b"bc"));
    }
}
