//! The places of a file's blocks: `ext4_extent` lists and trees.

use crate::BLOCK;
use crate::bytes::Put;
use crate::checksum::crc32c;

/// Blocks that one extent can map (`EXT_INIT_MAX_LEN`).
pub(crate) const MAX_LENGTH: u64 = 32768;
/// `EXT4_EXT_MAGIC`.
const MAGIC: u16 = 0xf30a;
/// Bytes of `ext4_extent_header`, `ext4_extent` and `ext4_extent_idx`.
const RECORD: usize = 12;
/// Records in `i_block`, behind the header.
const ROOT_RECORDS: usize = 4;
/// Records in a block of the tree, behind the header and before `ext4_extent_tail`.
const BLOCK_RECORDS: usize = (BLOCK - RECORD) / RECORD;

/// `length` blocks of a file from block `logical` on, at `physical` of the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) logical: u64,
    pub(crate) physical: u64,
    pub(crate) length: u64,
}

/// Adds blocks at the end of a list, which keeps extents as long as they may be.
pub(crate) fn push(extents: &mut Vec<Extent>, mut new: Extent) {
    while new.length > 0 {
        let room = extents.last_mut().filter(|last| {
            last.length < MAX_LENGTH
                && last.logical + last.length == new.logical
                && last.physical + last.length == new.physical
        });
        let taken = match room {
            Some(last) => {
                let taken = new.length.min(MAX_LENGTH - last.length);
                last.length += taken;
                taken
            }
            None => {
                let taken = new.length.min(MAX_LENGTH);
                extents.push(Extent {
                    length: taken,
                    ..new
                });
                taken
            }
        };
        new.logical += taken;
        new.physical += taken;
        new.length -= taken;
    }
}

/// Blocks that the tree of so many extents takes besides the inode.
pub(crate) fn tree_blocks(extents: usize) -> usize {
    let (mut records, mut blocks) = (extents, 0);
    while records > ROOT_RECORDS {
        records = records.div_ceil(BLOCK_RECORDS);
        blocks += records;
    }
    blocks
}

/// An extent tree: `i_block`, and the blocks below it with their places.
pub(crate) struct Map {
    pub(crate) root: [u8; 60],
    pub(crate) blocks: Vec<(u64, Box<[u8; BLOCK]>)>,
}

/// Builds the tree; `places` gives as many block numbers as [`tree_blocks`] says.
/// `seed` is the inode's `i_csum_seed`.
pub(crate) fn map(extents: &[Extent], seed: u32, places: &mut dyn Iterator<Item = u64>) -> Map {
    let mut blocks = Vec::new();
    let mut depth = 0;
    let mut records: Vec<[u8; RECORD]> = extents.iter().map(leaf).collect();
    while records.len() > ROOT_RECORDS {
        let mut above = Vec::with_capacity(records.len().div_ceil(BLOCK_RECORDS));
        for (chunk, place) in records.chunks(BLOCK_RECORDS).zip(&mut *places) {
            let mut block = Box::new([0; BLOCK]);
            fill(block.as_mut_slice(), chunk, BLOCK_RECORDS, depth);
            let tail = RECORD + BLOCK_RECORDS * RECORD;
            let sum = crc32c(seed, &block[..tail]);
            block.put32(tail, sum);
            above.push(index(&chunk[0], place));
            blocks.push((place, block));
        }
        records = above;
        depth += 1;
    }
    let mut root = [0; 60];
    fill(&mut root, &records, ROOT_RECORDS, depth);
    Map { root, blocks }
}

fn fill(bytes: &mut [u8], records: &[[u8; RECORD]], most: usize, depth: u16) {
    bytes.put16(0, MAGIC);
    bytes.put16(2, records.len() as u16);
    bytes.put16(4, most as u16);
    bytes.put16(6, depth);
    for (at, record) in records.iter().enumerate() {
        bytes.put(RECORD + at * RECORD, record);
    }
}

fn leaf(extent: &Extent) -> [u8; RECORD] {
    let mut record = [0; RECORD];
    record.put_lo32(0, extent.logical);
    record.put16(4, extent.length as u16);
    record.put16(6, (extent.physical >> 32) as u16);
    record.put_lo32(8, extent.physical);
    record
}

/// An index record for a block whose first record is `first`: both kinds begin with the logical block.
fn index(first: &[u8; RECORD], place: u64) -> [u8; RECORD] {
    let mut record = [0; RECORD];
    record.put(0, &first[..4]);
    record.put_lo32(4, place);
    record.put16(8, (place >> 32) as u16);
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_merge_up_to_the_limit() {
        let mut extents = Vec::new();
        for at in 0..3 {
            push(
                &mut extents,
                Extent {
                    logical: at * 20_000,
                    physical: 100 + at * 20_000,
                    length: 20_000,
                },
            );
        }
        let lengths: Vec<u64> = extents.iter().map(|e| e.length).collect();
        assert_eq!(lengths, [32768, 60_000 - 32768]);
        assert_eq!(extents[1].physical, 100 + 32768);
    }

    #[test]
    fn a_tree_has_as_many_blocks_as_foretold() {
        for count in [0, 1, 4, 5, 340, 341, 1360, 1361, 200_000] {
            let extents: Vec<Extent> = (0..count as u64)
                .map(|at| Extent {
                    logical: at * 2,
                    physical: 9 + at * 2,
                    length: 1,
                })
                .collect();
            let map = map(&extents, 0, &mut (1_000_000..));
            assert_eq!(map.blocks.len(), tree_blocks(count), "{count} extents");
        }
    }
}
