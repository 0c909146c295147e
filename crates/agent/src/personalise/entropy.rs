//! The kernel's random number generator, which a clone shares with its siblings until it is reseeded.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

use kindling_protocol::Outcome;

/// The most bytes that are taken at once.
const LIMIT: usize = 512;

/// `struct rand_pool_info` of `include/uapi/linux/random.h`, with room for the bytes.
#[repr(C)]
struct PoolInfo {
    entropy_count: libc::c_int,
    buf_size: libc::c_int,
    buf: [u8; LIMIT],
}

/// `_IOW('R', 0x03, int[2])` and `_IO('R', 0x07)` of the same file.
const RNDADDENTROPY: libc::Ioctl = 0x4008_5203;
const RNDRESEEDCRNG: libc::Ioctl = 0x5207;

/// Adds bytes, given in hexadecimal, as fully random, and lets the generator start afresh from them.
pub(super) fn reseed(hex: &str) -> io::Result<Outcome> {
    let bytes = decode(hex)
        .ok_or_else(|| io::Error::other(format!("not 1 to {LIMIT} bytes in hexadecimal")))?;
    let mut info = PoolInfo {
        entropy_count: (bytes.len() * 8) as libc::c_int,
        buf_size: bytes.len() as libc::c_int,
        buf: [0; LIMIT],
    };
    info.buf[..bytes.len()].copy_from_slice(&bytes);
    let device = File::options().write(true).open("/dev/urandom")?;
    #[expect(unsafe_code, reason = "no crate wraps these requests")]
    // SAFETY: the kernel reads the header and `buf_size` bytes behind it, which are there.
    let added = unsafe { libc::ioctl(device.as_raw_fd(), RNDADDENTROPY, &raw const info) };
    check(added)?;
    #[expect(unsafe_code, reason = "no crate wraps these requests")]
    // SAFETY: the request takes no argument.
    let reseeded = unsafe { libc::ioctl(device.as_raw_fd(), RNDRESEEDCRNG) };
    check(reseeded)?;
    Ok(Outcome::Done)
}

fn check(result: libc::c_int) -> io::Result<()> {
    match result {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

fn decode(hex: &str) -> Option<Vec<u8>> {
    let pairs = hex.as_bytes().chunks_exact(2);
    let fits = pairs.remainder().is_empty() && (1..=LIMIT).contains(&pairs.len());
    let byte = |pair: &[u8]| {
        let digit = |at: usize| char::from(pair[at]).to_digit(16);
        u8::try_from(digit(0)? << 4 | digit(1)?).ok()
    };
    fits.then(|| pairs.map(byte).collect()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_is_read_or_refused() {
        assert_eq!(decode("00fF1a"), Some(vec![0, 255, 26]));
        for wrong in ["", "0", "0g", "+1", &"00".repeat(LIMIT + 1)] {
            assert_eq!(decode(wrong), None, "{wrong}");
        }
    }
}
