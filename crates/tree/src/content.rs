//! The bytes of a regular file, in memory or on disk.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use kindling_base::{Context, Result};

/// The bytes of a regular file, read only when somebody asks.
#[derive(Clone, Debug)]
pub enum Content {
    /// In memory: rendered templates and small generated files.
    Bytes(Arc<[u8]>),
    /// `length` bytes of an open file from `offset`: a member of a tar.
    Range {
        /// The file that holds them.
        file: Arc<File>,
        /// Its name, for error messages.
        path: Arc<Path>,
        /// First byte.
        offset: u64,
        /// Number of bytes.
        length: u64,
    },
}

impl Content {
    /// Number of bytes.
    pub fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Range { length, .. } => *length,
        }
    }

    /// Whether the file is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fills `buffer` with the bytes from `at`; the caller stays within [`Content::len`].
    ///
    /// # Errors
    /// The file cannot be read or is shorter than promised.
    pub fn read_at(&self, at: u64, buffer: &mut [u8]) -> Result<()> {
        match self {
            Self::Bytes(bytes) => {
                let start = usize::try_from(at).unwrap_or(usize::MAX);
                let from = bytes.get(start..).and_then(|rest| rest.get(..buffer.len()));
                let from = from
                    .ok_or(std::io::Error::from(std::io::ErrorKind::UnexpectedEof))
                    .context("cannot read past the end of a file in memory")?;
                buffer.copy_from_slice(from);
                Ok(())
            }
            Self::Range {
                file, path, offset, ..
            } => file.read_exact_at(buffer, offset + at).context(format!(
                "cannot read {} at byte {}",
                path.display(),
                offset + at
            )),
        }
    }

    /// All bytes.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn read(&self) -> Result<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(self.len()).unwrap_or(usize::MAX)];
        self.read_at(0, &mut bytes)?;
        Ok(bytes)
    }
}
