//! Reads an image with the crate `ext4-view`, and xattrs with `debugfs`, and compares with the tree.

use std::collections::BTreeSet;
use std::path::Path;

use ext4_view::{Ext4, FileType, Metadata};
use kindling_tree::{Entry, Kind, Tree};

/// Every entry has its type, mode, owner, times and content, and every directory its names and no others.
pub(crate) fn assert_same(tree: &Tree, image: &Path) {
    let system = Ext4::load_from_path(image).unwrap();
    for (path, entry) in tree.iter() {
        let shown = String::from_utf8_lossy(path).into_owned();
        let absolute = [b"/", path].concat();
        let real = match &entry.kind {
            Kind::HardLink(target) => tree.get(target).unwrap(),
            _ => entry,
        };
        let metadata = system.symlink_metadata(absolute.as_slice()).unwrap();
        assert_attributes(real, &metadata, &shown);
        match &real.kind {
            Kind::Directory => {
                let names = system.read_dir(absolute.as_slice()).unwrap();
                let mut names: BTreeSet<Vec<u8>> = names
                    .map(|entry| entry.unwrap().file_name().as_ref().to_vec())
                    .collect();
                assert!(
                    names.remove(&b"."[..]) && names.remove(&b".."[..]),
                    "{shown}"
                );
                if path.is_empty() && tree.get(b"lost+found").is_none() {
                    assert!(names.remove(&b"lost+found"[..]));
                }
                assert_eq!(names, children(tree, path), "names in `{shown}`");
            }
            Kind::File(content) if content.len() < 64 << 20 => {
                let bytes = system.read(absolute.as_slice()).unwrap();
                assert!(bytes == content.read().unwrap(), "content of `{shown}`");
            }
            Kind::Symlink(text) => {
                let target = system.read_link(absolute.as_slice()).unwrap();
                assert_eq!(target.as_ref(), text.as_slice(), "text of `{shown}`");
            }
            _ => {}
        }
    }
}

fn assert_attributes(entry: &Entry, metadata: &Metadata, shown: &str) {
    let (file_type, length) = match &entry.kind {
        Kind::Directory => (FileType::Directory, metadata.len()),
        Kind::File(content) => (FileType::Regular, content.len()),
        Kind::Symlink(text) => (FileType::Symlink, text.len() as u64),
        Kind::CharDevice { .. } => (FileType::CharacterDevice, 0),
        Kind::BlockDevice { .. } => (FileType::BlockDevice, 0),
        Kind::Fifo => (FileType::Fifo, 0),
        Kind::Socket => (FileType::Socket, 0),
        Kind::HardLink(_) => panic!("{shown} is a link to a link"),
    };
    assert_eq!(metadata.file_type(), file_type, "type of `{shown}`");
    assert_eq!(metadata.len(), length, "length of `{shown}`");
    assert_eq!(metadata.mode(), entry.mode, "mode of `{shown}`");
    let owner = (metadata.uid(), metadata.gid());
    assert_eq!(owner, (entry.uid, entry.gid), "owner of `{shown}`");
    let times = [
        metadata.modified(),
        metadata.accessed(),
        metadata.created().unwrap(),
    ];
    for time in times {
        let time = (time.seconds(), time.nanoseconds());
        let expected = (entry.mtime.seconds, entry.mtime.nanoseconds);
        assert_eq!(time, expected, "times of `{shown}`");
    }
}

fn children(tree: &Tree, directory: &[u8]) -> BTreeSet<Vec<u8>> {
    let prefix = match directory {
        b"" => Vec::new(),
        _ => [directory, b"/"].concat(),
    };
    tree.iter()
        .filter_map(|(path, _)| path.strip_prefix(prefix.as_slice()))
        .filter(|name| !name.is_empty() && !name.contains(&b'/'))
        .map(<[u8]>::to_vec)
        .collect()
}

/// Every xattr of every path that `debugfs` can be told of has its value, and no path has others.
/// Returns how many were compared.
pub(crate) fn assert_same_xattrs(tree: &Tree, image: &Path, folder: &Path) -> usize {
    if !crate::support::has("debugfs") {
        return 0;
    }
    let plain = |path: &[u8]| {
        path.iter()
            .all(|b| b.is_ascii_alphanumeric() || b"/._-+".contains(b))
    };
    let (mut requests, mut expected) = (String::new(), Vec::new());
    for (path, entry) in tree.iter().filter(|(path, _)| plain(path)) {
        if matches!(entry.kind, Kind::HardLink(_)) {
            continue;
        }
        let path = String::from_utf8(path.to_vec()).unwrap();
        for (name, value) in &entry.xattrs {
            let name = String::from_utf8(name.clone()).unwrap();
            let out = folder.join(format!("value-{}", expected.len()));
            requests.push_str(&format!("ea_get -f {} \"/{path}\" {name}\n", out.display()));
            expected.push((format!("{name} of {path}"), value, out));
        }
    }
    let script = folder.join("requests");
    std::fs::write(&script, requests).unwrap();
    kindling_base::Command::new("debugfs")
        .arg("-f")
        .arg(&script)
        .arg(image)
        .run()
        .unwrap();
    for (what, value, out) in &expected {
        let read = std::fs::read(out).unwrap_or_else(|_| panic!("{what} is missing"));
        assert_eq!(read, as_shown(what, value), "{what}");
        std::fs::remove_file(out).unwrap();
    }
    expected.len()
}

/// `debugfs` shows 0 as the id of ACL entries that have none, where the kernel shows -1.
fn as_shown(what: &str, value: &[u8]) -> Vec<u8> {
    let mut shown = value.to_vec();
    if what.starts_with("system.posix_acl") {
        for entry in shown[4..].chunks_exact_mut(8) {
            if entry[4..] == [255; 4] {
                entry[4..].fill(0);
            }
        }
    }
    shown
}
