//! The first difference of two files, or of two pieces of memory.

use std::io::Read;
use std::path::Path;

use kindling_base::{Context, Result, files};

/// How many bytes are shown of each side.
const SHOWN: usize = 16;

/// The first difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Bytes that are the same before it.
    pub(super) offset: u64,
    /// Some bytes of each side from there, none where a side has ended.
    pub(super) sides: [Vec<u8>; 2],
}

/// Compares two files; `None` if they are the same.
pub(super) fn files(first: &Path, second: &Path) -> Result<Option<Found>> {
    let mut readers = [files::open(first)?, files::open(second)?];
    let mut buffers = [vec![0; 1 << 20], vec![0; 1 << 20]];
    let mut offset = 0;
    loop {
        let mut lengths = [0; 2];
        for side in 0..2 {
            let path = [first, second][side];
            lengths[side] = fill(&mut readers[side], &mut buffers[side])
                .context(format!("cannot read {}", path.display()))?;
        }
        let [a, b] = [&buffers[0][..lengths[0]], &buffers[1][..lengths[1]]];
        if let Some(mut found) = slices(a, b) {
            found.offset += offset;
            return Ok(Some(found));
        }
        if a.is_empty() {
            return Ok(None);
        }
        offset += a.len() as u64;
    }
}

/// Compares two pieces of memory.
pub(super) fn slices(a: &[u8], b: &[u8]) -> Option<Found> {
    let same = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    if same == a.len() && same == b.len() {
        return None;
    }
    let side = |bytes: &[u8]| bytes[same..].iter().copied().take(SHOWN).collect();
    Some(Found {
        offset: same as u64,
        sides: [side(a), side(b)],
    })
}

/// Bytes as a person reads them: in hexadecimal, then as text.
pub(super) fn show(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "(ends here)".to_owned();
    }
    let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let plain = |byte: &u8| match byte {
        b' '..=b'~' => char::from(*byte),
        _ => '.',
    };
    let text: String = bytes.iter().map(plain).collect();
    format!("{}  {text}", hex.join(" "))
}

/// Reads until the buffer is full or the file ends.
fn fill(from: &mut impl Read, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match from.read(&mut buffer[length..])? {
            0 => break,
            read => length += read,
        }
    }
    Ok(length)
}
