//! The ar container of a .deb, deb(5): a magic line, then members with 60-byte headers of text.

use std::io::{self, Read, Seek, SeekFrom};

const MAGIC: &[u8; 8] = b"!<arch>\n";
const HEADER: usize = 60;

/// Name and place of one member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    /// Name without the blanks and the slash that pad it.
    pub(crate) name: String,
    /// First byte of the content in the container.
    pub(crate) offset: u64,
    /// Number of bytes.
    pub(crate) length: u64,
}

/// The members of an ar container, in order.
///
/// # Errors
/// The container cannot be read, is not an ar, or ends within a member.
pub(crate) fn members(file: &mut (impl Read + Seek)) -> io::Result<Vec<Member>> {
    let end = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(0))?;
    let mut magic = [0; MAGIC.len()];
    file.read_exact(&mut magic)?;
    if &magic != MAGIC {
        return Err(bad("does not begin like an ar container"));
    }
    let mut members = Vec::new();
    let mut at = MAGIC.len() as u64;
    while at < end {
        file.seek(SeekFrom::Start(at))?;
        let mut header = [0; HEADER];
        file.read_exact(&mut header)?;
        let member = parse_header(&header, at + HEADER as u64)?;
        let after = member
            .offset
            .checked_add(member.length)
            .filter(|after| *after <= end)
            .ok_or_else(|| bad(&format!("ends within its member `{}`", member.name)))?;
        members.push(member);
        at = after + after % 2; // contents are padded to even lengths
    }
    Ok(members)
}

/// Fields: name 16, mtime 12, owner 6, group 6, mode 8, size 10 (all text, padded with blanks), magic 2.
fn parse_header(header: &[u8; HEADER], offset: u64) -> io::Result<Member> {
    if &header[58..] != b"`\n" {
        return Err(bad("has a member header without its magic bytes"));
    }
    let text = |range: std::ops::Range<usize>| {
        std::str::from_utf8(&header[range])
            .map(str::trim_end)
            .map_err(|_| bad("has a member header that is no text"))
    };
    let length = text(48..58)?;
    let length = length
        .bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| length.parse().ok())
        .flatten()
        .ok_or_else(|| bad("has a member whose size is no number"))?;
    let name = text(0..16)?;
    Ok(Member {
        name: name.strip_suffix('/').unwrap_or(name).to_owned(),
        offset,
        length,
    })
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Cursor;

    /// An ar container with these members, for tests of what reads them.
    pub(crate) fn ar(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        for (name, content) in members {
            let size = content.len();
            bytes.extend(
                format!(
                    "{name:<16}{0:<12}{0:<6}{0:<6}{1:<8}{size:<10}`\n",
                    0, 100644
                )
                .bytes(),
            );
            bytes.extend(*content);
            if size % 2 == 1 {
                bytes.push(b'\n');
            }
        }
        bytes
    }

    proptest! {
        #[test]
        fn what_is_written_is_found(contents in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..5)) {
            let named: Vec<(String, &[u8])> = contents.iter().enumerate().map(|(i, c)| (format!("m{i}/"), c.as_slice())).collect();
            let refs: Vec<(&str, &[u8])> = named.iter().map(|(n, c)| (n.as_str(), *c)).collect();
            let bytes = ar(&refs);
            let found = members(&mut Cursor::new(&bytes)).unwrap();
            prop_assert_eq!(found.len(), contents.len());
            for (i, (member, content)) in found.iter().zip(&contents).enumerate() {
                prop_assert_eq!(&member.name, &format!("m{i}"));
                let at = member.offset as usize;
                prop_assert_eq!(&bytes[at..at + member.length as usize], content.as_slice());
            }
        }

        #[test]
        fn a_container_cut_short_is_an_error(content in prop::collection::vec(any::<u8>(), 1..40), cut in 1usize..60) {
            let bytes = ar(&[("a", &content)]);
            let kept = MAGIC.len() + (HEADER + content.len()).saturating_sub(cut);
            if kept > MAGIC.len() {
                prop_assert!(members(&mut Cursor::new(&bytes[..kept])).is_err());
            }
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(tail in prop::collection::vec(any::<u8>(), 0..200), magic in any::<bool>()) {
            let bytes = if magic { [MAGIC.as_slice(), &tail].concat() } else { tail };
            let _ = members(&mut Cursor::new(bytes));
        }
    }
}
