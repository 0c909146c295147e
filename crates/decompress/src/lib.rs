//! Compressed bytes of the kinds that kernels come in: images, modules, initramfs.

use std::io::{self, Read};

use thiserror::Error;

/// The most that anything here may become: an initramfs with every driver of a distribution is a third of it.
const LIMIT_BYTES: u64 = 1 << 30;

/// Beginnings of the formats of Linux's `lib/decompress.c` that nothing here reads, and their names.
const NOT_READ: [(&[u8], &str); 4] = [
    (b"BZh", "bzip2"),
    (&[0x5d, 0x00, 0x00], "lzma"),
    (&[0x89, 0x4c, 0x5a, 0x4f], "lzo"),
    (&[0x1f, 0x9e], "old gzip"),
];

/// Bytes of each block of a legacy lz4 stream but the last, when decompressed (lz4_Frame_format.md of lz4).
const LZ4_BLOCK: usize = 8 << 20;

/// Why bytes do not decompress.
#[derive(Debug, Error)]
pub enum Fault {
    /// A format that no reader here knows.
    #[error("it is compressed by {0}, which is not supported (gzip, xz, zstd and lz4 are)")]
    Unsupported(&'static str),
    /// No known format.
    #[error("it is compressed in no way that Linux knows")]
    Unknown,
    /// The stream is damaged or cut short.
    #[error("its compressed bytes are damaged")]
    Damaged(#[source] io::Error),
    /// It would fill the memory.
    #[error("it is larger than {LIMIT_BYTES} bytes when decompressed")]
    TooLarge,
}

/// Decompresses the one stream that `bytes` begins with, and ignores the rest.
pub fn decompress(bytes: &[u8]) -> Result<Vec<u8>, Fault> {
    match bytes {
        [0x1f, 0x8b, ..] => read(flate2::bufread::GzDecoder::new(bytes)),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => read(liblzma::bufread::XzDecoder::new(bytes)),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            let decoder = zstd::stream::read::Decoder::with_buffer(bytes);
            read(decoder.map_err(Fault::Damaged)?.single_frame())
        }
        [0x02, 0x21, 0x4c, 0x18, blocks @ ..] => lz4(blocks),
        _ => {
            let known = NOT_READ.iter().find(|(start, _)| bytes.starts_with(start));
            Err(known.map_or(Fault::Unknown, |(_, name)| Fault::Unsupported(name)))
        }
    }
}

/// The blocks of a legacy stream, which is what Linux's `lib/decompress_unlz4.c` reads: a length of four bytes before
/// each, the last shorter than [`LZ4_BLOCK`] or followed by less than a length and a byte.
fn lz4(mut blocks: &[u8]) -> Result<Vec<u8>, Fault> {
    let short = || Fault::Damaged(io::ErrorKind::UnexpectedEof.into());
    let mut out = Vec::new();
    loop {
        let (length, rest) = blocks.split_first_chunk().ok_or_else(short)?;
        let length = u32::from_le_bytes(*length) as usize;
        let (block, rest) = rest.split_at_checked(length).ok_or_else(short)?;
        let start = out.len();
        out.resize(start + LZ4_BLOCK, 0);
        let into = out.get_mut(start..).unwrap_or_default();
        let written = lz4_flex::block::decompress_into(block, into);
        let written = written.map_err(|error| Fault::Damaged(io::Error::other(error)))?;
        out.truncate(start + written);
        if out.len() as u64 > LIMIT_BYTES {
            return Err(Fault::TooLarge);
        }
        if written < LZ4_BLOCK || rest.len() < 5 {
            return Ok(out);
        }
        blocks = rest;
    }
}

fn read(decoder: impl Read) -> Result<Vec<u8>, Fault> {
    let mut out = Vec::new();
    let mut limited = decoder.take(LIMIT_BYTES + 1);
    limited.read_to_end(&mut out).map_err(Fault::Damaged)?;
    match out.len() as u64 > LIMIT_BYTES {
        true => Err(Fault::TooLarge),
        false => Ok(out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kindling_testkit::{compressed, legacy_lz4};
    use proptest::prelude::*;

    #[test]
    fn blocks_of_lz4_follow_each_other_up_to_a_length_of_the_whole() {
        for size in [LZ4_BLOCK - 1, LZ4_BLOCK, LZ4_BLOCK + 1] {
            let content: Vec<u8> = (0..size).map(|at| (at % 251) as u8).collect();
            let mut stream = legacy_lz4(&content);
            stream.extend_from_slice(&u32::try_from(size).unwrap().to_le_bytes());
            assert!(decompress(&stream).unwrap() == content, "{size}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let bzip2 = decompress(b"BZh91AY").unwrap_err();
        assert_eq!(
            bzip2.to_string(),
            "it is compressed by bzip2, which is not supported (gzip, xz, zstd and lz4 are)"
        );
        for bytes in [&b""[..], b"\x7fELF", b"\x1f"] {
            assert!(
                matches!(decompress(bytes), Err(Fault::Unknown)),
                "{bytes:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn a_stream_is_read_and_what_follows_is_not(content in prop::collection::vec(any::<u8>(), 0..500), after in prop::collection::vec(any::<u8>(), 0..9)) {
            for (format, mut bytes) in compressed(&content) {
                let whole = bytes.len();
                // No mark ends a stream of lz4: what follows a block of the full size would be another.
                bytes.extend_from_slice(&after);
                prop_assert_eq!(&decompress(&bytes).unwrap(), &content, "{}", format);
                // A stream that is cut is damage and never less content.
                let cut = decompress(&bytes[..whole * 2 / 3]);
                prop_assert!(!matches!(cut, Ok(ref found) if found != &content), "{}", format);
            }
        }

        #[test]
        fn any_bytes_are_fine(mut bytes in prop::collection::vec(any::<u8>(), 0..200), start in 0usize..5) {
            let starts: [&[u8]; 5] = [&[], &[0x1f, 0x8b], &[0xfd, b'7', b'z', b'X', b'Z', 0], &[0x28, 0xb5, 0x2f, 0xfd], &[2, 0x21, 0x4c, 0x18]];
            bytes.splice(..0, starts[start].iter().copied());
            let _ = decompress(&bytes);
        }
    }
}
