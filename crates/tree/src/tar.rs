//! Trees as tar archives: POSIX pax interchange format, so that every path, owner and xattr has a place.

mod member;
mod writer;

use std::io::{self, BufReader, Write};
use std::path::Path;
use std::sync::Arc;

use kindling_base::{Context, Error, Result, files};

use crate::{Content, Kind, Timestamp, Tree};

pub use member::read_member;
pub use writer::Writer;

/// The key under which GNU tar, star and others keep an xattr as it is.
const XATTR: &str = "SCHILY.xattr.";

/// libarchive's key for an xattr in base64. We write it for values with a newline, at which the reader of
/// the `tar` crate splits records although pax counts their bytes.
const XATTR_BASE64: &str = "LIBARCHIVE.xattr.";

impl Tree {
    /// The tree that a tar holds. Contents stay in the file and are read when somebody asks for them.
    ///
    /// # Errors
    /// The file cannot be read or is no tar; a path leads out of the root; a member's parent comes after
    /// it or not at all; a hard link's target is no earlier file.
    pub fn from_tar(path: &Path) -> Result<Self> {
        let file = Arc::new(files::open(path)?);
        let shared: Arc<Path> = path.into();
        let unsound = |error: io::Error| {
            Error::external(format!("{} is no sound tar", path.display())).because(error)
        };
        let end = file
            .metadata()
            .context(format!("cannot read {}", path.display()))?
            .len();
        let mut tree = Self::new(Timestamp::default());
        let mut archive = ::tar::Archive::new(BufReader::new(&*file));
        for member in archive.entries_with_seek().map_err(unsound)? {
            let mut member = member.map_err(unsound)?;
            let content = Content::Range {
                file: file.clone(),
                path: shared.clone(),
                offset: member.raw_file_position(),
                length: member.size(),
            };
            let inside = member.raw_file_position().checked_add(member.size());
            if inside.is_none_or(|last| last > end) {
                return Err(unsound(io::ErrorKind::UnexpectedEof.into()));
            }
            let (name, entry) = read_member(&mut member, content).map_err(unsound)?;
            tree.insert(&name, entry)
                .map_err(|error| error.within(path.display()))?;
        }
        Ok(tree)
    }

    /// Writes the tree as a tar and returns `out`: the same bytes for the same tree, wherever it is made.
    ///
    /// # Errors
    /// A content cannot be read or `out` cannot be written.
    pub fn write_tar<W: Write>(&self, out: W) -> Result<W> {
        let mut writer = Writer::new(out);
        for (path, entry) in self.iter() {
            let bytes = match &entry.kind {
                Kind::File(content) => content.read()?,
                _ => Vec::new(),
            };
            writer
                .append(path, entry, bytes.len() as u64, &mut bytes.as_slice())
                .context(format!(
                    "cannot write `{}` to a tar",
                    String::from_utf8_lossy(path)
                ))?;
        }
        writer.finish().context("cannot write the end of a tar")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Entry;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn kind() -> impl Strategy<Value = Kind> {
        prop_oneof![
            Just(Kind::Directory),
            prop::collection::vec(any::<u8>(), 0..1500)
                .prop_map(|bytes| Kind::File(Content::Bytes(bytes.into()))),
            prop::collection::vec((1u8..).prop_filter("no newline", |b| *b != b'\n'), 1..150)
                .prop_map(Kind::Symlink),
            (0u32..2_000_000, 0u32..2_000_000)
                .prop_map(|(major, minor)| Kind::CharDevice { major, minor }),
            (0u32..4096, 0u32..4096).prop_map(|(major, minor)| Kind::BlockDevice { major, minor }),
            Just(Kind::Fifo),
        ]
    }

    fn entry() -> impl Strategy<Value = Entry> {
        let xattrs = prop::collection::btree_map(
            "(user|security)\\.[a-z]{1,8}".prop_map(String::into_bytes),
            prop::collection::vec(prop_oneof![any::<u8>(), Just(b'\n')], 0..20),
            0..3,
        );
        let seconds = prop_oneof![-10i64..10, 1_600_000_000i64..1_800_000_000, Just(1 << 40)];
        let time = (seconds, prop_oneof![Just(0), 0u32..1_000_000_000]);
        (
            kind(),
            0u16..0o10000,
            any::<u32>(),
            0u32..3_000_000,
            time,
            xattrs,
        )
            .prop_map(
                |(kind, mode, uid, gid, (seconds, nanoseconds), xattrs)| Entry {
                    mode,
                    uid,
                    gid,
                    mtime: Timestamp {
                        seconds,
                        nanoseconds,
                    },
                    xattrs,
                    kind,
                },
            )
    }

    /// Any tree: entries at depth one and two, and hard links to the files among them.
    fn tree() -> impl Strategy<Value = Tree> {
        let name = prop::collection::vec(
            (1u8..).prop_filter("no slash", |b| !b"/\n".contains(b)),
            1..140,
        )
        .prop_filter("plain", |name| name != b"." && name != b"..");
        let names = prop::collection::vec((name.clone(), entry(), prop::option::of(name)), 0..6);
        (entry(), names).prop_map(|(root, names)| {
            let mut tree = Tree::new(Timestamp::default());
            *tree.get_mut(b"").unwrap() = Entry {
                kind: Kind::Directory,
                ..root
            };
            for (name, entry, second) in names {
                if tree.insert(&name, entry.clone()).is_err() {
                    continue;
                }
                let Some(second) = second else { continue };
                let _ = match entry.kind {
                    Kind::Directory => tree.insert(
                        &[name, second].join(&b'/'),
                        Entry::new(Kind::Fifo, 0, Timestamp::default()),
                    ),
                    Kind::File(_) => tree.insert(
                        &second,
                        Entry {
                            kind: Kind::HardLink(name),
                            ..entry
                        },
                    ),
                    _ => Ok(()),
                };
            }
            tree
        })
    }

    /// Everything that a tar keeps of an entry.
    fn facts(tree: &Tree) -> BTreeMap<Vec<u8>, String> {
        let describe = |entry: &Entry| {
            let kind = match &entry.kind {
                Kind::File(content) => format!("file {:?}", content.read().unwrap()),
                other => format!("{other:?}"),
            };
            format!(
                "{kind} {:o} {}:{} {:?} {:?}",
                entry.mode, entry.uid, entry.gid, entry.mtime, entry.xattrs
            )
        };
        tree.iter()
            .map(|(path, entry)| (path.to_vec(), describe(entry)))
            .collect()
    }

    fn read(bytes: &[u8]) -> Result<Tree> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tree.tar");
        std::fs::write(&path, bytes).unwrap();
        Tree::from_tar(&path)
    }

    fn sample() -> Vec<u8> {
        let mut tree = Tree::new(Timestamp::default());
        let file = |bytes: &[u8]| Kind::File(Content::Bytes(bytes.into()));
        let mut capable = Entry::new(file(b"elf"), 0o755, Timestamp::default());
        capable.xattrs.insert(
            b"security.capability".to_vec(),
            b"\x01\0\0\x02\n\0".to_vec(),
        );
        tree.insert(b"a", capable).unwrap();
        tree.insert(
            &[b'l'; 200],
            Entry::new(file(&[7; 1000]), 0o600, Timestamp::default()),
        )
        .unwrap();
        tree.write_tar(Vec::new()).unwrap()
    }

    #[test]
    fn gnu_tar_agrees() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tree.tar");
        std::fs::write(&path, sample()).unwrap();
        let listing = kindling_base::Command::new("tar")
            .arg("-tvf")
            .arg(&path)
            .run()
            .unwrap()
            .text();
        let lines: Vec<&str> = listing.lines().collect();
        assert_eq!(lines.len(), 3, "{listing}");
        assert!(
            lines[0].starts_with("drwxr-xr-x 0/0") && lines[0].ends_with(" ./"),
            "{listing}"
        );
        assert!(
            lines[1].starts_with("-rwxr-xr-x 0/0") && lines[1].ends_with(" ./a"),
            "{listing}"
        );
        assert!(lines[2].ends_with(&"l".repeat(200)), "{listing}");
    }

    #[test]
    fn paths_that_lead_out_are_refused() {
        for (path, link) in [
            ("/etc/passwd", None),
            ("a/../../b", None),
            ("a", Some("../b")),
            ("a", Some("/b")),
        ] {
            let mut header = ::tar::Header::new_gnu();
            header.set_size(0);
            header.set_mode(0o644);
            header.set_uid(0);
            header.set_gid(0);
            header.set_mtime(0);
            header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
            if let Some(link) = link {
                header.set_entry_type(::tar::EntryType::Link);
                header.as_old_mut().linkname[..link.len()].copy_from_slice(link.as_bytes());
            }
            header.set_cksum();
            let error = read(&[header.as_bytes().as_slice(), &[0; 1024]].concat()).unwrap_err();
            let report = error.report();
            assert!(
                report.contains("absolute path") || report.contains("which goes up"),
                "{report}"
            );
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn what_is_written_is_read(tree in tree()) {
            let bytes = tree.write_tar(Vec::new()).unwrap();
            prop_assert_eq!(facts(&read(&bytes).unwrap()), facts(&tree));
        }

        #[test]
        fn damaged_bytes_are_read_without_a_panic(at in 0usize..4096, byte: u8, cut in 0usize..4096) {
            let mut bytes = sample();
            let at = at % bytes.len();
            bytes[at] = byte;
            bytes.truncate(bytes.len() - cut.min(bytes.len()));
            if let Ok(tree) = read(&bytes) {
                facts(&tree);
            }
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..2048)) {
            let _ = read(&bytes);
        }
    }
}
