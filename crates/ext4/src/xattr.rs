//! Extended attributes: in the inode's own tail where they fit, else in a block of their own.

use std::collections::BTreeMap;

use kindling_base::{Error, Result};

use crate::BLOCK;
use crate::acl;
use crate::bytes::Put;
use crate::checksum::crc32c;

/// `EXT4_XATTR_MAGIC`.
const MAGIC: u32 = 0xea02_0000;
/// Bytes of `ext4_xattr_ibody_header` and of `ext4_xattr_header`.
const INODE_HEADER: usize = 4;
const BLOCK_HEADER: usize = 32;
/// Bytes of `ext4_xattr_entry` before the name.
const ENTRY: usize = 16;
/// Four zero bytes end the list of entries.
const END: usize = 4;
/// Bytes of an inode behind its `i_extra_isize` fields.
pub(crate) const INODE_ROOM: usize = crate::inode::SIZE - crate::inode::FIELDS;

/// The prefixes that have a number, `fs/ext4/xattr.h`; a whole name stands before its prefix.
const PREFIXES: [(&[u8], u8); 6] = [
    (b"system.posix_acl_access", 2),
    (b"system.posix_acl_default", 3),
    (b"user.", 1),
    (b"trusted.", 4),
    (b"security.", 6),
    (b"system.", 7),
];

/// Attributes of one inode in their stored form.
#[derive(Debug)]
pub(crate) struct Stored {
    /// The bytes behind the fields of the inode; may be empty.
    pub(crate) inode: Vec<u8>,
    /// The attribute block without its checksum, which depends on where it is.
    pub(crate) block: Option<Box<[u8; BLOCK]>>,
}

/// One attribute; sorts as the kernel wants it in a block.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Attribute<'a> {
    prefix: u8,
    length: usize,
    name: &'a [u8],
    value: Vec<u8>,
}

/// The stored form of `xattrs`, `None` if there are none; `path` is for errors.
///
/// # Errors
/// An unknown prefix, a malformed ACL, or more than the inode and one block hold.
pub(crate) fn store(path: &[u8], xattrs: &BTreeMap<Vec<u8>, Vec<u8>>) -> Result<Option<Stored>> {
    if xattrs.is_empty() {
        return Ok(None);
    }
    let mut attributes = xattrs
        .iter()
        .map(|(name, value)| attribute(path, name, value))
        .collect::<Result<Vec<_>>>()?;
    attributes.sort_unstable();
    let mut room = INODE_ROOM - INODE_HEADER - END;
    let (inside, outside): (Vec<_>, Vec<_>) = attributes.into_iter().partition(|attribute| {
        let fits = attribute.size() <= room;
        room -= if fits { attribute.size() } else { 0 };
        fits
    });
    let needed = outside.iter().map(Attribute::size).sum::<usize>() + BLOCK_HEADER + END;
    if needed > BLOCK {
        return Err(Error::user(format!(
            "the extended attributes of `{}` do not fit into an inode and one block",
            String::from_utf8_lossy(path)
        ))
        .note(format!(
            "needed: {needed} bytes in the block\nroom:   {BLOCK} bytes"
        )));
    }
    Ok(Some(Stored {
        inode: in_inode(&inside),
        block: (!outside.is_empty()).then(|| in_block(&outside)),
    }))
}

/// Puts `h_checksum` into an attribute block that will be at `block`.
pub(crate) fn seal(bytes: &mut [u8; BLOCK], block: u64, file_system_seed: u32) {
    let sum = crc32c(crc32c(file_system_seed, &block.to_le_bytes()), bytes);
    bytes.put32(16, sum);
}

fn attribute<'a>(path: &[u8], name: &'a [u8], value: &[u8]) -> Result<Attribute<'a>> {
    let refused = |why: &str| {
        Error::user(format!(
            "the extended attribute `{}` of `{}` {why}",
            String::from_utf8_lossy(name),
            String::from_utf8_lossy(path)
        ))
    };
    let (prefix, rest) = PREFIXES
        .iter()
        .find_map(|(text, number)| Some((*number, name.strip_prefix(*text)?)))
        .ok_or_else(|| refused("has a prefix that ext4 cannot store"))?;
    let is_acl = matches!(prefix, 2 | 3);
    if is_acl != rest.is_empty() {
        return Err(refused("has a name that ext4 cannot store"));
    }
    if rest.len() > 255 {
        return Err(refused("has a name of more than 255 bytes"));
    }
    let value = if is_acl {
        acl::stored(value).ok_or_else(|| refused("is no POSIX ACL"))?
    } else {
        value.to_vec()
    };
    Ok(Attribute {
        prefix,
        length: rest.len(),
        name: rest,
        value,
    })
}

impl Attribute<'_> {
    fn entry_size(&self) -> usize {
        (ENTRY + self.length).next_multiple_of(4)
    }

    fn size(&self) -> usize {
        self.entry_size() + self.value.len().next_multiple_of(4)
    }

    /// `ext4_xattr_hash_entry`: five bits a byte of the name, sixteen a word of the value.
    fn hash(&self) -> u32 {
        let name = self
            .name
            .iter()
            .fold(0_u32, |hash, &byte| hash.rotate_left(5) ^ u32::from(byte));
        self.value.chunks(4).fold(name, |hash, bytes| {
            let mut word = [0; 4];
            word[..bytes.len()].copy_from_slice(bytes);
            hash.rotate_left(16) ^ u32::from_le_bytes(word)
        })
    }
}

fn in_inode(attributes: &[Attribute<'_>]) -> Vec<u8> {
    if attributes.is_empty() {
        return Vec::new();
    }
    let mut bytes = vec![0; INODE_ROOM];
    bytes.put32(0, MAGIC);
    lay_out(&mut bytes[INODE_HEADER..], 0, attributes);
    bytes
}

fn in_block(attributes: &[Attribute<'_>]) -> Box<[u8; BLOCK]> {
    let mut bytes = Box::new([0; BLOCK]);
    lay_out(bytes.as_mut_slice(), BLOCK_HEADER, attributes);
    let hash = attributes
        .iter()
        .fold(0_u32, |hash, a| hash.rotate_left(16) ^ a.hash());
    bytes.put32(0, MAGIC);
    bytes.put32(4, 1); // h_refcount
    bytes.put32(8, 1); // h_blocks
    bytes.put32(12, hash);
    bytes
}

/// Entries from `at` upwards, values from the end downwards; offsets count from the start of `bytes`.
fn lay_out(bytes: &mut [u8], mut at: usize, attributes: &[Attribute<'_>]) {
    let mut values = bytes.len();
    for attribute in attributes {
        let offset = if attribute.value.is_empty() {
            0
        } else {
            values -= attribute.value.len().next_multiple_of(4);
            bytes.put(values, &attribute.value);
            values
        };
        bytes.put(at, &[attribute.length as u8, attribute.prefix]);
        bytes.put16(at + 2, offset as u16);
        bytes.put32(at + 8, attribute.value.len() as u32);
        bytes.put32(at + 12, attribute.hash());
        bytes.put(at + ENTRY, attribute.name);
        at += attribute.entry_size();
    }
}
