//! SHA-256 in lowercase hexadecimal.

use std::io::{Read, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::{Context, Result, files};

/// Computes the SHA-256 of bytes, as 64 lowercase hexadecimal digits.
pub fn bytes(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Computes the SHA-256 of a file, as 64 lowercase hexadecimal digits.
///
/// # Errors
/// It cannot be read.
pub fn file(path: &Path) -> Result<String> {
    let mut file = files::open(path)?;
    let mut hasher = Hasher::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = file
            .read(&mut buffer)
            .context(format!("cannot read {}", path.display()))?;
        if read == 0 {
            return Ok(hasher.finish());
        }
        hasher.update(&buffer[..read]);
    }
}

/// Writes bytes as lowercase hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// A SHA-256 that is computed piece by piece; it is a [`Write`].
#[derive(Clone, Debug, Default)]
pub struct Hasher(Sha256);

impl Hasher {
    /// A hash of no bytes yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Adds a field with its length, so that two lists of fields never hash alike by accident.
    pub fn field(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        let bytes = bytes.as_ref();
        self.update(&(bytes.len() as u64).to_le_bytes());
        self.update(bytes);
        self
    }

    /// The hash as 32 bytes.
    pub fn digest(self) -> [u8; 32] {
        self.0.finalize().into()
    }

    /// The hash as 64 lowercase hexadecimal digits.
    pub fn finish(self) -> String {
        hex(&self.0.finalize())
    }
}

impl Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A UUID that a text determines: version 8 (RFC 9562), so that nobody takes it for random.
pub fn uuid(seed: &str) -> [u8; 16] {
    let mut bytes = derive(seed, "uuid");
    bytes[6] = (bytes[6] & 0x0f) | 0x80;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    bytes
}

/// A UUID as people write it.
pub fn format_uuid(uuid: &[u8; 16]) -> String {
    let hex = hex(uuid);
    [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ]
    .join("-")
}

/// Sixteen bytes that a text determines, others for each purpose.
pub fn derive(seed: &str, purpose: &str) -> [u8; 16] {
    let mut hasher = Hasher::new();
    hasher.field(seed).field(purpose);
    let digest = hasher.digest();
    std::array::from_fn(|at| digest[at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answer() {
        // FIPS 180-2, appendix B.1.
        assert_eq!(
            bytes(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn uuids_are_well_formed_and_stable() {
        let text = format_uuid(&uuid("key"));
        assert_eq!(text.len(), 36);
        assert_eq!(&text[14..15], "8");
        assert_eq!(text, format_uuid(&uuid("key")));
        assert_ne!(text, format_uuid(&uuid("other")));
    }
}
