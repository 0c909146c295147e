//! Checks of the kernel's command line.

use super::Initramfs;
use kindling_located::{Located, Problem};

/// x86's `COMMAND_LINE_SIZE` (2048 with the final zero; longer lines are cut without a word) less what a
/// launcher adds: one `ip=` of at most 160 bytes for each of up to four network cards.
const LONGEST: usize = 2047 - 4 * 160;

/// Everything that would keep such a command line from booting.
pub(super) fn check(cmdline: &Located<String>, initramfs: Option<Initramfs>) -> Vec<Problem> {
    let text = &cmdline.value;
    let mut problems = Vec::new();
    let mut problem = |place: Option<&str>, message: String, hint: &str| {
        let at = place.map_or_else(|| cmdline.at.clone(), |word| cmdline.at.word(word));
        problems.push(Problem::new(&at, message, hint));
    };
    if !text.chars().all(|c| c == ' ' || c.is_ascii_graphic()) {
        problem(
            None,
            "the command line has a character that is not printable ASCII".to_owned(),
            "use letters, digits, punctuation and spaces, all on one line",
        );
    }
    if text.len() > LONGEST {
        problem(
            None,
            format!(
                "the command line has {} bytes, more than {LONGEST}",
                text.len()
            ),
            "the kernel cuts longer ones without a word: remove what is not needed",
        );
    }
    let mut root = None;
    for word in text.split_ascii_whitespace() {
        if word == "--" {
            break; // the rest is for PID 1
        }
        match word.split_once('=') {
            Some(("root", device)) => root = Some((word, device)),
            Some(("ip", _)) => problem(
                Some(word),
                format!("`{word}` is the launcher's to add"),
                "remove it: each VM gets its own address when it starts",
            ),
            _ => {}
        }
    }
    match root {
        None | Some((_, "")) => problem(
            None,
            "the command line does not say where the root filesystem is".to_owned(),
            "add root=/dev/vda: the first virtio disk is the root filesystem",
        ),
        Some((word, device)) if initramfs == Some(Initramfs::None) => {
            if device.starts_with("UUID=") || device.starts_with("LABEL=") {
                problem(
                    Some(word),
                    format!("without an initramfs nothing can resolve {word}"),
                    "the kernel itself knows root=/dev/vda and root=PARTUUID=; or set initramfs.mode = \"minimal\"",
                );
            }
        }
        Some(_) => {}
    }
    problems
}
