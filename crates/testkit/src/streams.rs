//! Compressed streams of the kinds that Linux reads.

use std::io::Write;

/// Bytes of each block of a legacy lz4 stream but the last, when decompressed (lz4_Frame_format.md of lz4).
const LZ4_BLOCK: usize = 8 << 20;

/// `bytes` in each of the formats.
pub fn compressed(bytes: &[u8]) -> [(&'static str, Vec<u8>); 4] {
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(bytes).unwrap();
    let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 0);
    xz.write_all(bytes).unwrap();
    [
        ("gz", gz.finish().unwrap()),
        ("xz", xz.finish().unwrap()),
        ("zst", zstd::encode_all(bytes, 1).unwrap()),
        ("lz4", legacy_lz4(bytes)),
    ]
}

/// A legacy stream whose blocks hold literals only: a token, the length in bytes of up to 255, the literals
/// (lz4_Block_format.md).
pub fn legacy_lz4(bytes: &[u8]) -> Vec<u8> {
    let mut stream = vec![0x02, 0x21, 0x4c, 0x18];
    let whole = bytes.chunks(LZ4_BLOCK);
    for chunk in whole.chain([&[][..]; 1].into_iter().take(usize::from(bytes.is_empty()))) {
        let mut block = vec![(chunk.len().min(15) as u8) << 4];
        if let Some(more) = chunk.len().checked_sub(15) {
            block.resize(1 + more / 255, 255);
            block.push((more % 255) as u8);
        }
        block.extend_from_slice(chunk);
        stream.extend_from_slice(&u32::try_from(block.len()).unwrap().to_le_bytes());
        stream.extend_from_slice(&block);
    }
    stream
}
