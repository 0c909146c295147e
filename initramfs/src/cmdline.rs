//! The kernel command line.

use arrayvec::ArrayVec;

use crate::bytes::decimal;

/// Seconds to wait for the root device where `kindling.root_timeout=` says nothing. A virtio disk is there before
/// PID 1 starts; this leaves room for a slow emulated bus.
const ROOT_TIMEOUT_S: u32 = 10;

/// The words of the command line for PID 1. The last word of a kind wins, as in the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options<'a> {
    /// The value of `root=`.
    pub root: Option<&'a [u8]>,
    /// The value of `rootfstype=`: names separated by commas.
    pub fstype: Option<&'a [u8]>,
    /// The value of `rootflags=`: mount options separated by commas.
    pub flags: &'a [u8],
    /// `ro` or `rw`; like the kernel, read-only where neither is given.
    pub read_only: bool,
    /// The value of `init=`.
    pub init: Option<&'a [u8]>,
    /// The value of `panic=` in seconds: restart after so many, at once where negative, never where 0.
    pub panic_s: i32,
    /// The value of `kindling.root_timeout=` in seconds.
    pub root_timeout_s: u32,
    /// Words that were meant for us and make no sense; they are reported and otherwise ignored.
    pub ignored: ArrayVec<&'a [u8], 4>,
}

impl<'a> Options<'a> {
    /// Reads a command line, with or without its final newline.
    pub fn parse(cmdline: &'a [u8]) -> Self {
        let mut options = Self {
            root: None,
            fstype: None,
            flags: b"",
            read_only: true,
            init: None,
            panic_s: 0,
            root_timeout_s: ROOT_TIMEOUT_S,
            ignored: ArrayVec::new(),
        };
        for word in words(cmdline) {
            let Some((key, value)) = split(word) else {
                match word {
                    b"ro" => options.read_only = true,
                    b"rw" => options.read_only = false,
                    b"--" => break, // what follows is for the real init
                    _ => {}
                }
                continue;
            };
            match key {
                b"root" => options.root = Some(value),
                b"rootfstype" => options.fstype = Some(value),
                b"rootflags" => options.flags = value,
                b"init" => options.init = Some(value),
                b"panic" => match decimal(value) {
                    Some(seconds) => options.panic_s = seconds,
                    None => options.ignore(word),
                },
                b"kindling.root_timeout" => match decimal(value).map(u32::try_from) {
                    Some(Ok(seconds)) => options.root_timeout_s = seconds,
                    _ => options.ignore(word),
                },
                _ => {}
            }
        }
        options
    }

    fn ignore(&mut self, word: &'a [u8]) {
        let _ = self.ignored.try_push(word); // a fifth one adds nothing
    }
}

/// The words of a command line. White space separates them except between double quotes, as in `next_arg` of the
/// kernel's lib/cmdline.c.
pub fn words(cmdline: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = cmdline;
    core::iter::from_fn(move || {
        rest = rest.trim_ascii_start();
        if rest.is_empty() {
            return None;
        }
        let mut quoted = false;
        let end = rest.iter().position(|&byte| {
            quoted ^= byte == b'"';
            byte.is_ascii_whitespace() && !quoted
        });
        let (word, after) = rest.split_at_checked(end.unwrap_or(rest.len()))?;
        rest = after;
        Some(word)
    })
}

/// Splits `key=value`; quotes around the whole word or the whole value are dropped.
fn split(word: &[u8]) -> Option<(&[u8], &[u8])> {
    let word = unquote(word);
    let equals = word.iter().position(|&byte| byte == b'=')?;
    let (key, value) = word.split_at_checked(equals)?;
    Some((key, unquote(value.get(1..)?)))
}

/// Drops a pair of double quotes around `text`.
pub(crate) fn unquote(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\"")
        .map(|text| text.strip_suffix(b"\"").unwrap_or(text))
        .unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_usual_line() {
        let options = Options::parse(
            b"console=ttyS0 root=UUID=ab rootfstype=ext4 rootflags=noatime rw init=/bin/sh panic=-1 kindling.root_timeout=3 -- ro\n",
        );
        assert_eq!(options.root, Some(&b"UUID=ab"[..]));
        assert_eq!(options.fstype, Some(&b"ext4"[..]));
        assert_eq!(options.flags, b"noatime");
        assert!(!options.read_only);
        assert_eq!(options.init, Some(&b"/bin/sh"[..]));
        assert_eq!((options.panic_s, options.root_timeout_s), (-1, 3));
        assert!(options.ignored.is_empty());
    }

    #[test]
    fn nothing_said_means_what_the_kernel_means() {
        let options = Options::parse(b"");
        assert_eq!((options.root, options.read_only), (None, true));
        assert_eq!(
            (options.panic_s, options.root_timeout_s),
            (0, ROOT_TIMEOUT_S)
        );
    }

    #[test]
    fn the_last_word_wins_and_quotes_hold_spaces() {
        let options = Options::parse(br#"root=/dev/vda "root=LABEL=my root" rw ro"#);
        assert_eq!(options.root, Some(&b"LABEL=my root"[..]));
        assert!(options.read_only);
        let options = Options::parse(br#"root="LABEL=my root" rw"#);
        assert_eq!(options.root, Some(&b"LABEL=my root"[..]));
        assert!(!options.read_only);
    }

    #[test]
    fn nonsense_is_remembered_and_ignored() {
        let options = Options::parse(b"panic=soon kindling.root_timeout=-5 other=x");
        assert_eq!(
            options.ignored.as_slice(),
            [&b"panic=soon"[..], b"kindling.root_timeout=-5"]
        );
        assert_eq!(
            (options.panic_s, options.root_timeout_s),
            (0, ROOT_TIMEOUT_S)
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_fine(line in proptest::collection::vec(any::<u8>(), 0..300)) {
            Options::parse(&line);
        }

        #[test]
        fn words_without_quotes_are_what_splitting_gives(line in "[ -!#-~\t\n]{0,200}") {
            let ours: Vec<&[u8]> = words(line.as_bytes()).collect();
            let theirs: Vec<&[u8]> = line.split_ascii_whitespace().map(str::as_bytes).collect();
            prop_assert_eq!(ours, theirs);
        }
    }
}
