//! The guest as its answers need it.

use std::path::PathBuf;

use super::Slots;

/// Pages that may be waited for at a time: fewer than connections, so that the guest's health can always be asked for.
const PAGES: usize = 8;

/// The guest's image, and the program that opens pages.
#[derive(Debug)]
pub struct Guest {
    /// Hash of the image that it was made of.
    pub(super) image: String,
    /// The program that opens pages.
    pub(super) opener: PathBuf,
    pub(super) pages: Slots,
}

impl Guest {
    /// A guest of the image with this hash, whose desktop `opener` opens pages in.
    pub fn new(image: String, opener: PathBuf) -> Self {
        Self {
            image,
            opener,
            pages: Slots::new(PAGES),
        }
    }
}
