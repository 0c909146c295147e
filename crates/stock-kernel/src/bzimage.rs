//! The kernel inside of a bzImage: Linux's Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header".

use thiserror::Error;

use kindling_decompress::decompress;

/// Places in the header.
const SETUP_SECTORS: usize = 0x1f1;
const MAGIC: usize = 0x202;
const VERSION: usize = 0x206;
const PAYLOAD_OFFSET: usize = 0x248;
const PAYLOAD_LENGTH: usize = 0x24c;

/// The first version of the boot protocol that says where the payload is: Linux 2.6.26.
const FIRST_WITH_PAYLOAD: u32 = 0x0208;

/// The reason why no kernel can be taken from a file.
#[derive(Debug, Error)]
pub(super) enum Fault {
    #[error("it is neither an ELF file nor a bzImage")]
    NoKernel,
    #[error("it is of version {:#06x} of the boot protocol, and only {FIRST_WITH_PAYLOAD:#06x} and later say where the kernel is", .0)]
    TooOld(u32),
    #[error("it is cut short: its header points outside of the file")]
    Short,
    #[error(transparent)]
    Payload(#[from] kindling_decompress::Fault),
}

/// The ELF file that was compressed into `image`; one that is an ELF file already is returned as it is.
pub(super) fn unpack(image: &[u8]) -> Result<Vec<u8>, Fault> {
    if image.starts_with(b"\x7fELF") {
        return Ok(image.to_vec());
    }
    if image.get(MAGIC..MAGIC + 4) != Some(b"HdrS") {
        return Err(Fault::NoKernel);
    }
    let version = number(image, VERSION, 2)?;
    if version < FIRST_WITH_PAYLOAD {
        return Err(Fault::TooOld(version));
    }
    let sectors = match number(image, SETUP_SECTORS, 1)? {
        0 => 4, // by the protocol
        sectors => sectors,
    };
    let setup = 512 * (sectors as usize + 1); // the boot sector comes first
    let start = setup + number(image, PAYLOAD_OFFSET, 4)? as usize;
    let length = number(image, PAYLOAD_LENGTH, 4)? as usize;
    let payload = image.get(start..).and_then(|rest| rest.get(..length));
    Ok(decompress(payload.ok_or(Fault::Short)?)?)
}

/// A little-endian number of up to four bytes.
fn number(image: &[u8], at: usize, bytes: usize) -> Result<u32, Fault> {
    let bytes = image.get(at..at + bytes).ok_or(Fault::Short)?;
    let digits = bytes.iter().rev();
    Ok(digits.fold(0, |value, byte| value << 8 | u32::from(*byte)))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use kindling_testkit::compressed;
    use proptest::prelude::*;

    /// A bzImage with a payload.
    pub(crate) fn bzimage(payload: &[u8]) -> Vec<u8> {
        let mut image = vec![0; 0x400 + 0x30];
        image[SETUP_SECTORS] = 1;
        image[MAGIC..MAGIC + 4].copy_from_slice(b"HdrS");
        image[VERSION..VERSION + 2].copy_from_slice(&0x020f_u16.to_le_bytes());
        image[PAYLOAD_OFFSET] = 0x30;
        let length = u32::try_from(payload.len() + 4).unwrap();
        image[PAYLOAD_LENGTH..PAYLOAD_LENGTH + 4].copy_from_slice(&length.to_le_bytes());
        image.extend_from_slice(payload);
        image.extend_from_slice(&[0, 0, 1, 0]); // the length when decompressed, which the kernel's build appends
        image.extend_from_slice(b"relocations");
        image
    }

    #[test]
    fn the_kernel_is_found_however_it_is_compressed() {
        let kernel = b"\x7fELF and more".repeat(50);
        assert_eq!(unpack(&kernel).unwrap(), kernel);
        for (format, payload) in compressed(&kernel) {
            assert_eq!(unpack(&bzimage(&payload)).unwrap(), kernel, "{format}");
        }
    }

    #[test]
    fn what_is_no_kernel_says_why() {
        let text = |image: &[u8]| unpack(image).unwrap_err().to_string();
        assert_eq!(text(b"MZ"), "it is neither an ELF file nor a bzImage");
        let mut image = bzimage(b"BZh9");
        assert!(text(&image).contains("bzip2"));
        image[VERSION..VERSION + 2].copy_from_slice(&0x0204_u16.to_le_bytes());
        assert_eq!(
            text(&image),
            "it is of version 0x0204 of the boot protocol, and only 0x0208 and later say where the kernel is"
        );
        image[VERSION..VERSION + 2].copy_from_slice(&0x020f_u16.to_le_bytes());
        image[PAYLOAD_LENGTH + 3] = 0xff;
        assert_eq!(
            text(&image),
            "it is cut short: its header points outside of the file"
        );
    }

    proptest! {
        #[test]
        fn damaged_headers_never_panic(edits in prop::collection::vec((0x1f0usize..0x250, any::<u8>()), 0..6), length in 0usize..2000) {
            let mut image = bzimage(&compressed(b"kernel")[1].1);
            for (at, byte) in edits {
                image[at] = byte;
            }
            let _ = unpack(&image);
            let _ = unpack(&image[..length.min(image.len())]);
        }
    }
}
