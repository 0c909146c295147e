//! Flow control: what may be sent, and what to grant.

/// Credit that each side has at the start of a stream, in bytes. Enough for what travels while a grant is under way
/// (a round trip through an emulated port takes under a millisecond), and little enough for a small guest to hold for
/// many streams.
pub const WINDOW: u32 = 256 << 10;

/// The credit of a sender.
#[derive(Clone, Copy, Debug)]
pub struct Credit(u32);

impl Default for Credit {
    fn default() -> Self {
        Self(WINDOW)
    }
}

impl Credit {
    /// Takes as much as there is, `wanted` at most; returns how much.
    pub fn spend(&mut self, wanted: usize) -> usize {
        let spent = u32::try_from(wanted).map_or(self.0, |wanted| wanted.min(self.0));
        self.0 -= spent;
        spent as usize
    }

    /// Takes `bytes`; `false` where that is more than there is.
    #[must_use]
    pub fn spend_exactly(&mut self, bytes: usize) -> bool {
        let left = u32::try_from(bytes)
            .ok()
            .and_then(|b| self.0.checked_sub(b));
        self.0 = left.unwrap_or(self.0);
        left.is_some()
    }

    /// Adds a grant.
    pub fn add(&mut self, bytes: u32) {
        self.0 = self.0.saturating_add(bytes);
    }

    /// Whether nothing may be sent.
    pub fn is_spent(self) -> bool {
        self.0 == 0
    }
}

/// Bytes that a receiver has consumed and not granted again.
#[derive(Clone, Copy, Debug, Default)]
pub struct Granted(u32);

impl Granted {
    /// Notes that `bytes` were consumed; returns what to grant, if that is worth a frame by now.
    #[must_use]
    pub fn consume(&mut self, bytes: usize) -> Option<u32> {
        self.0 = self
            .0
            .saturating_add(u32::try_from(bytes).unwrap_or(u32::MAX));
        (self.0 >= WINDOW / 4).then(|| std::mem::take(&mut self.0))
    }
}
