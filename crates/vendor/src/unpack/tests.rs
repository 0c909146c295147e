use std::io::Write;
use std::os::unix::fs::PermissionsExt;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use tar::{Builder, Header};

use super::*;

/// A member of a tar. The path is written as it is, whatever it is.
fn member(tar: &mut Builder<Vec<u8>>, path: &str, kind: EntryType, mode: u32, content: &[u8]) {
    let mut header = Header::new_gnu();
    header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(content.len() as u64);
    if matches!(kind, EntryType::Symlink | EntryType::Link) {
        header.set_link_name("/etc").unwrap();
    }
    header.set_cksum();
    tar.append(&header, content).unwrap();
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut gz = GzEncoder::new(Vec::new(), Compression::fast());
    gz.write_all(bytes).unwrap();
    gz.finish().unwrap()
}

/// Unpacks bytes into a folder of a folder, and looks that nothing else is in the latter.
fn unpacked(bytes: &[u8]) -> (tempfile::TempDir, Result<()>) {
    let outer = tempfile::tempdir().unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), bytes).unwrap();
    let into = outer.path().join("into");
    fs::create_dir(&into).unwrap();
    let result = unpack(file.path(), &into, "a-1.0.0");
    assert_eq!(
        files::list(outer.path()).unwrap(),
        std::slice::from_ref(&into)
    );
    assert!(files::list(&into).unwrap().len() <= 1);
    (outer, result)
}

fn one(path: &str, kind: EntryType) -> Result<()> {
    let mut tar = Builder::new(Vec::new());
    member(&mut tar, path, kind, 0o644, b"");
    unpacked(&gz(&tar.into_inner().unwrap())).1
}

#[test]
fn files_and_folders_are_unpacked_with_two_modes() {
    let mut tar = Builder::new(Vec::new());
    member(&mut tar, "a-1.0.0/", EntryType::Directory, 0o700, b"");
    member(
        &mut tar,
        "a-1.0.0/Cargo.toml",
        EntryType::Regular,
        0o600,
        b"x",
    );
    member(
        &mut tar,
        "a-1.0.0/src/bin/run",
        EntryType::Regular,
        0o6711,
        b"run",
    );
    member(&mut tar, "a-1.0.0/src/", EntryType::Directory, 0o777, b"");
    let long = format!("a-1.0.0/{}/b", "long".repeat(40));
    let mut header = Header::new_gnu();
    header.set_size(1);
    tar.append_data(&mut header, &long, &b"y"[..]).unwrap();
    let (outer, result) = unpacked(&gz(&tar.into_inner().unwrap()));
    result.unwrap();
    let folder = outer.path().join("into");
    let mode = |path: &str| {
        files::metadata(&folder.join(path))
            .unwrap()
            .permissions()
            .mode()
    };
    assert_eq!(mode("a-1.0.0"), 0o40755);
    assert_eq!(mode("a-1.0.0/src"), 0o40755);
    assert_eq!(mode("a-1.0.0/Cargo.toml"), 0o100_644);
    assert_eq!(mode("a-1.0.0/src/bin/run"), 0o100_755);
    assert_eq!(
        files::read(&folder.join("a-1.0.0/src/bin/run")).unwrap(),
        b"run"
    );
    assert_eq!(files::read(&folder.join(long)).unwrap(), b"y");
}

#[test]
fn nothing_leaves_the_folder_of_its_crate() {
    for path in [
        "/a-1.0.0/x",
        "../x",
        "a-1.0.0/../x",
        "a-1.0.0/src/../../x",
        "a-1.0.0/./x",
        "a-1.0.0//x",
        "b-1.0.0/x",
        "a-1.0.00",
        "x",
        "..",
    ] {
        let report = one(path, EntryType::Regular).unwrap_err().report();
        let told = format!("has the path `{path}`, which is not below `a-1.0.0/`");
        assert!(report.contains(&told), "{path}: {report}");
    }
    let report = one("a-1.0.0", EntryType::Regular).unwrap_err().report();
    assert!(
        report.contains("has a file in place of its folder"),
        "{report}"
    );
}

#[test]
fn links_and_special_files_are_refused() {
    for (kind, letter) in [
        (EntryType::Symlink, '2'),
        (EntryType::Link, '1'),
        (EntryType::Char, '3'),
        (EntryType::Fifo, '6'),
    ] {
        let report = one("a-1.0.0/x", kind).unwrap_err().report();
        let told = format!("has a member of the type `{letter}`");
        assert!(report.contains(&told), "{report}");
    }
}

#[test]
fn what_is_too_long_or_cut_off_is_refused() {
    let mut header = Header::new_gnu();
    header.set_path("a-1.0.0/x").unwrap();
    header.set_size(LONGEST_FILE + 1);
    header.set_cksum();
    let report = unpacked(&gz(header.as_bytes())).1.unwrap_err().report();
    assert!(
        report.contains("has a file of 67108865 bytes, more than 67108864"),
        "{report}"
    );
    header.set_size(5);
    header.set_cksum();
    let cut = unpacked(&gz(&[header.as_bytes(), &b"four"[..]].concat())).1;
    assert!(cut.unwrap_err().report().contains("is no sound .crate"));
    let mut limited = Limited {
        inner: io::repeat(0),
        left: 100,
    };
    let report = limited
        .read_to_end(&mut Vec::new())
        .unwrap_err()
        .to_string();
    assert!(
        report.contains("unzips to more than 536870912 bytes"),
        "{report}"
    );
}

proptest! {
    #[test]
    fn any_bytes_are_unpacked_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..1500), zipped: bool) {
        let bytes = if zipped { gz(&bytes) } else { bytes };
        let _ = unpacked(&bytes);
    }

    #[test]
    fn any_members_are_unpacked_or_refused(
        members in proptest::collection::vec(("(a-1.0.0)?/?([a-c.]{0,3}/){0,3}[a-c.]{0,2}", "[0-7gxKLS]"), 0..6),
        at in 0..3072_usize,
        byte: u8,
    ) {
        let mut tar = Builder::new(Vec::new());
        for (path, kind) in &members {
            member(&mut tar, path, EntryType::new(kind.as_bytes()[0]), 0o644, path.as_bytes());
        }
        let mut bytes = tar.into_inner().unwrap();
        let _ = unpacked(&gz(&bytes));
        if let Some(one) = bytes.get_mut(at) {
            *one = byte;
        }
        let _ = unpacked(&gz(&bytes));
    }
}
