//! Tars of packages, sound and hostile.

use proptest::prelude::*;

use super::*;

/// A tar with these members: type, name, mode, content (of a link: its target).
fn tar(members: &[(EntryType, &str, u32, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (kind, name, mode, content) in members {
        let mut header = ::tar::Header::new_ustar();
        header.set_entry_type(*kind);
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_mode(*mode);
        let is_link = matches!(kind, EntryType::Symlink | EntryType::Link);
        if is_link {
            header.as_old_mut().linkname[..content.len()].copy_from_slice(content.as_bytes());
        }
        let content = if is_link { "" } else { content };
        header.set_size(content.len() as u64);
        header.set_cksum(); // owner and time stay empty, as some publish them
        bytes.extend(header.as_bytes());
        bytes.extend(content.as_bytes());
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.extend([0; 1024]);
    bytes
}

/// The tree after the unpacking, or the error.
fn unpacked_tree(bytes: &[u8]) -> Result<Tree> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    let mut tree = Tree::new(Timestamp::default());
    tree.insert(
        b"p",
        Entry::new(Kind::Directory, 0o755, Timestamp::default()),
    )?;
    let mtime = Timestamp {
        seconds: 7,
        nanoseconds: 0,
    };
    unpack(&mut tree, b"p", file.path(), mtime)?;
    Ok(tree)
}

/// The files below the package's folder, a line each, or the error.
fn unpacked(bytes: &[u8]) -> Result<Vec<String>> {
    let show = |(path, entry): (&[u8], &Entry)| {
        let content = match &entry.kind {
            Kind::File(content) => String::from_utf8_lossy(&content.read().unwrap()).into_owned(),
            Kind::Directory => "/".into(),
            other => format!("{other:?}"),
        };
        assert_eq!((entry.uid, entry.gid), (0, 0));
        format!(
            "{} {:o} {content}",
            String::from_utf8_lossy(path),
            entry.mode
        )
    };
    Ok(unpacked_tree(bytes)?.iter().skip(2).map(show).collect())
}

#[test]
fn files_are_normalised_and_links_left_out() {
    use EntryType::{Directory, Link, Regular, Symlink, XGlobalHeader};
    let bytes = tar(&[
        (
            XGlobalHeader,
            "pax_global_header",
            0o644,
            "17 comment=abcdef\n",
        ),
        (Regular, "package/package.json", 0o600, "{}"),
        (Regular, "package/bin/x", 0o4775, "x"),
        (Regular, "other/./lib//y", 0o666, "y"),
        (Symlink, "package/link", 0o777, "/etc/passwd"),
        (Link, "package/hard", 0o777, "package/bin/x"),
        (Directory, "package/lib/", 0o700, ""),
        (Regular, "README", 0o644, "beside the package's folder"),
    ]);
    insta::assert_snapshot!(unpacked(&bytes).unwrap().join("\n"), @r"
    p/bin 755 /
    p/bin/x 755 x
    p/lib 755 /
    p/lib/y 644 y
    p/package.json 644 {}
    ");
}

#[test]
fn paths_that_lead_out_are_refused() {
    use EntryType::{Char, Fifo, Regular};
    let cases = [
        (Regular, "package/../../etc/passwd", "goes up"),
        (Regular, "../x", "goes up"),
        (Regular, "/etc/passwd", "absolute path"),
        (Char, "package/null", "type `3`"),
        (Fifo, "package/pipe", "type `6`"),
    ];
    for (kind, name, part) in cases {
        let report = unpacked(&tar(&[(kind, name, 0o644, "")]))
            .unwrap_err()
            .report();
        assert!(report.contains(part), "{report}");
        assert!(report.contains("p is no sound package"), "{report}");
    }
    // A file cannot be above others.
    let report = unpacked(&tar(&[
        (Regular, "p/a", 0o644, ""),
        (Regular, "p/a/b", 0o644, ""),
    ]));
    assert!(report.unwrap_err().report().contains("is no directory"));
}

/// Members that an attacker might write.
fn members() -> impl Strategy<Value = Vec<(EntryType, String, u32, String)>> {
    let kind = prop::sample::select(vec![
        EntryType::Regular,
        EntryType::Directory,
        EntryType::Symlink,
        EntryType::Link,
        EntryType::XGlobalHeader,
        EntryType::GNULongName,
        EntryType::XHeader,
    ]);
    let name = prop::sample::select(vec!["p", "..", ".", "", "a", "b"]);
    let name = prop::collection::vec(name, 1..5).prop_map(|parts| parts.join("/"));
    prop::collection::vec((kind, name, any::<u32>(), "[ -~]{0,20}"), 0..6)
}

proptest! {
    #[test]
    fn nothing_is_ever_outside_the_folder(members in members()) {
        let members: Vec<_> = members.iter().map(|(k, n, m, c)| (*k, n.as_str(), *m & 0o7777, c.as_str())).collect();
        if let Ok(tree) = unpacked_tree(&tar(&members)) {
            for (path, entry) in tree.iter() {
                prop_assert!(path.is_empty() || path == b"p" || path.starts_with(b"p/"), "{:?}", path);
                prop_assert!(!path.split(|byte| *byte == b'/').any(|part| part == b".."), "{:?}", path);
                let sound = match &entry.kind {
                    Kind::File(content) => content.read().is_ok(),
                    kind => matches!(kind, Kind::Directory),
                };
                prop_assert!(sound, "{:?}", path);
            }
        }
    }

    #[test]
    fn damaged_bytes_are_read_without_a_panic(at in 0usize..2048, byte: u8, cut in 0usize..2048) {
        let mut bytes = tar(&[(EntryType::Regular, "p/a", 0o644, "content"), (EntryType::Directory, "p/d", 0o755, "")]);
        let at = at % bytes.len();
        bytes[at] = byte;
        bytes.truncate(bytes.len() - cut.min(bytes.len()));
        let _ = unpacked(&bytes);
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..2048)) {
        let _ = unpacked(&bytes);
    }
}
