//! Parameters of kernel modules, which the command line names as `MODULE.PARAMETER=VALUE`.
//!
//! The kernel hands them to drivers that are built in. A module gets them from the program that loads it: modprobe in a
//! distribution, and we here.

use arrayvec::ArrayVec;

use crate::cmdline::words;

/// As many bytes of parameters as one module gets. `COMMAND_LINE_SIZE` is 2048 on x86.
pub const PARAMETER_BYTES: usize = 2048;

/// The words of a command line that are for this module, without its name, with a space between them and a NUL at the
/// end. As in the kernel, `-` and `_` are the same in names, and what follows `--` is for the real init.
///
/// A word that does not fit any more is left out.
pub fn parameters(cmdline: &[u8], module: &[u8]) -> ArrayVec<u8, PARAMETER_BYTES> {
    let mut found = ArrayVec::new();
    for word in words(cmdline).take_while(|word| word != b"--") {
        let Some(parameter) = of_module(word, module) else {
            continue;
        };
        let separator = usize::from(!found.is_empty());
        if separator + parameter.len() < found.remaining_capacity() {
            let space: &[u8] = b" ";
            let _ = found.try_extend_from_slice(space.get(..separator).unwrap_or_default());
            let _ = found.try_extend_from_slice(parameter);
        }
    }
    let _ = found.try_push(0); // there is room: words were added only where one byte was left
    found
}

/// `max=3` of the word `loop.max=3` for the module `loop`.
fn of_module<'a>(word: &'a [u8], module: &[u8]) -> Option<&'a [u8]> {
    let (name, rest) = word.split_at_checked(module.len())?;
    let parameter = rest.strip_prefix(b".")?;
    let same = |(a, b): (&u8, &u8)| a == b || (is_dash(*a) && is_dash(*b));
    (!parameter.is_empty() && name.iter().zip(module).all(same)).then_some(parameter)
}

fn is_dash(byte: u8) -> bool {
    matches!(byte, b'-' | b'_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(cmdline: &str, module: &str) -> String {
        let found = parameters(cmdline.as_bytes(), module.as_bytes());
        String::from_utf8(found.to_vec()).unwrap()
    }

    #[test]
    fn each_module_gets_its_own() {
        let line = "quiet virtio_mmio.device=4K@0xd0000000:5 virtio-mmio.device=4K@0xd0001000:6 loop.max=\"3 4\" -- loop.x\n";
        let both = "device=4K@0xd0000000:5 device=4K@0xd0001000:6\0";
        assert_eq!(text(line, "virtio_mmio"), both);
        assert_eq!(text(line, "virtio-mmio"), both);
        assert_eq!(text(line, "loop"), "max=\"3 4\"\0");
        assert_eq!(text(line, "virtio"), "\0");
        assert_eq!(text("loop. loop=3 loop", "loop"), "\0");
    }

    #[test]
    fn what_does_not_fit_is_left_out() {
        let long = "x".repeat(PARAMETER_BYTES - 2);
        assert_eq!(text(&format!("m.a m.{long} m.b"), "m"), "a b\0");
        let exact = "x".repeat(PARAMETER_BYTES - 2);
        assert_eq!(text(&format!("m.{exact}"), "m"), format!("{exact}\0"));
    }

    proptest! {
        #[test]
        fn any_bytes_end_in_their_only_nul(line in "[ -~]{0,200}", module in "[a-z_-]{0,8}") {
            let found = parameters(line.as_bytes(), module.as_bytes());
            prop_assert_eq!(found.iter().position(|&byte| byte == 0), Some(found.len() - 1));
        }
    }
}
