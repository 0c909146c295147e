//! Keeps the blocks that are taken, as runs; bitmaps are made of them one group at a time.

use crate::BLOCK;
use crate::geometry::{BlockRun, GROUP_BLOCKS};

/// Taken blocks.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    runs: Vec<BlockRun>,
}

impl Usage {
    /// Takes a run, which nobody took before.
    pub(crate) fn add(&mut self, run: BlockRun) {
        match self.runs.last_mut() {
            Some(last) if last.start + last.length == run.start => last.length += run.length,
            _ => self.runs.push(run),
        }
    }

    /// The runs in order of their places.
    pub(crate) fn sorted(mut self) -> Vec<BlockRun> {
        self.runs.sort_unstable_by_key(|run| run.start);
        self.runs
    }
}

/// A bitmap block.
pub(crate) struct Bitmap(Box<[u8; BLOCK]>);

impl Bitmap {
    pub(crate) fn new() -> Self {
        Self(Box::new([0; BLOCK]))
    }

    /// Sets bits; those already set may be among them.
    pub(crate) fn set(&mut self, from: u64, to: u64) {
        let (mut at, to) = (from as usize, to.min(GROUP_BLOCKS) as usize);
        while at < to {
            if at.is_multiple_of(8) && to - at >= 8 {
                let bytes = (to - at) / 8;
                self.0[at / 8..at / 8 + bytes].fill(0xff);
                at += bytes * 8;
            } else {
                self.0[at / 8] |= 1 << (at % 8);
                at += 1;
            }
        }
    }

    /// Number of set bits.
    pub(crate) fn count(&self) -> u64 {
        self.0.iter().map(|byte| u64::from(byte.count_ones())).sum()
    }

    /// The block.
    pub(crate) fn bytes(&self) -> &[u8; BLOCK] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::Bitmap;

    #[test]
    fn bits_are_set_one_by_one_and_by_bytes() {
        for (from, to) in [(0, 0), (0, 1), (3, 7), (3, 29), (8, 16), (32760, 40000)] {
            let mut bitmap = Bitmap::new();
            bitmap.set(from, to);
            for bit in 0..32768_u64 {
                let set = bitmap.bytes()[bit as usize / 8] >> (bit % 8) & 1 == 1;
                assert_eq!(set, (from..to).contains(&bit), "bit {bit} of {from}..{to}");
            }
        }
    }
}
