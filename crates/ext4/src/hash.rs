//! The hash that orders a large directory: `half_md4` of a name, as in the kernel's `fs/ext4/hash.c`.

/// The position of a name in its directory: by `hash`, and by `minor` among equals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NameHash {
    pub(crate) hash: u32,
    pub(crate) minor: u32,
}

/// Bytes of a name that one transformation takes.
const CHUNK: usize = 32;
/// The largest hash stands for the end of a directory in `readdir` and is never a name's.
const END: u32 = 0xffff_fffe;

/// `DX_HASH_HALF_MD4` of a name, whose bytes count as signed on every machine.
///
/// The superblock says so. x86 is where most images are made, and not every reader knows the other way.
pub(crate) fn half_md4(name: &[u8], seed: &[u8; 16]) -> NameHash {
    let mut state = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
    if seed.iter().any(|&b| b != 0) {
        for (word, bytes) in state.iter_mut().zip(seed.chunks_exact(4)) {
            *word = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        }
    }
    let mut rest = name;
    while !rest.is_empty() {
        transform(&mut state, &words(rest));
        rest = rest.get(CHUNK..).unwrap_or_default();
    }
    let hash = match state[1] & !1 {
        END => END - 2,
        hash => hash,
    };
    NameHash {
        hash,
        minor: state[2],
    }
}

/// Eight words of a name, padded with its remaining length.
fn words(rest: &[u8]) -> [u32; 8] {
    let length = rest.len() as u32; // a name has 255 bytes at most
    let pad = (length | length << 8) | (length | length << 8) << 16;
    let mut words = [pad; 8];
    for (word, bytes) in words
        .iter_mut()
        .zip(rest[..rest.len().min(CHUNK)].chunks(4))
    {
        *word = bytes.iter().fold(pad, |word, &byte| {
            (word << 8).wrapping_add_signed(i32::from(byte.cast_signed()))
        });
    }
    words
}

/// Three rounds of eight steps each: MD4 (RFC 1320) on half a block.
fn transform(state: &mut [u32; 4], words: &[u32; 8]) {
    type Mix = fn(u32, u32, u32) -> u32;
    let rounds: [(Mix, u32, [usize; 8], [u32; 4]); 3] = [
        (
            |x, y, z| z ^ (x & (y ^ z)),
            0,
            [0, 1, 2, 3, 4, 5, 6, 7],
            [3, 7, 11, 19],
        ),
        (
            |x, y, z| (x & y).wrapping_add((x ^ y) & z),
            0x5a82_7999,
            [1, 3, 5, 7, 0, 2, 4, 6],
            [3, 5, 9, 13],
        ),
        (
            |x, y, z| x ^ y ^ z,
            0x6ed9_eba1,
            [3, 7, 2, 6, 1, 5, 0, 4],
            [3, 9, 11, 15],
        ),
    ];
    let [mut a, mut b, mut c, mut d] = *state;
    for (mix, constant, order, shifts) in rounds {
        for (step, index) in order.into_iter().enumerate() {
            let sum = a
                .wrapping_add(mix(b, c, d))
                .wrapping_add(words[index])
                .wrapping_add(constant);
            (a, b, c, d) = (d, sum.rotate_left(shifts[step % 4]), b, c);
        }
    }
    for (word, add) in state.iter_mut().zip([a, b, c, d]) {
        *word = word.wrapping_add(add);
    }
}
