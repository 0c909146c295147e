//! Little-endian fields of on-disk structures.

/// Writes little-endian numbers at byte offsets; the caller knows the structure's size.
pub(crate) trait Put {
    /// `__u8` or a byte array.
    fn put(&mut self, at: usize, bytes: &[u8]);

    /// `__le16`.
    fn put16(&mut self, at: usize, value: u16) {
        self.put(at, &value.to_le_bytes());
    }

    /// `__le32`.
    fn put32(&mut self, at: usize, value: u32) {
        self.put(at, &value.to_le_bytes());
    }

    /// The low half of a number whose high half is elsewhere.
    fn put_lo16(&mut self, at: usize, value: u32) {
        self.put16(at, (value & 0xffff) as u16);
    }

    /// The high half of a 32-bit number.
    fn put_hi16(&mut self, at: usize, value: u32) {
        self.put16(at, (value >> 16) as u16);
    }

    /// The low half of a 64-bit number.
    fn put_lo32(&mut self, at: usize, value: u64) {
        self.put32(at, (value & 0xffff_ffff) as u32);
    }

    /// The high half of a 64-bit number.
    fn put_hi32(&mut self, at: usize, value: u64) {
        self.put32(at, (value >> 32) as u32);
    }
}

impl Put for [u8] {
    fn put(&mut self, at: usize, bytes: &[u8]) {
        self[at..at + bytes.len()].copy_from_slice(bytes);
    }
}
