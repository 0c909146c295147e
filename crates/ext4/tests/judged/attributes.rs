//! Asks `debugfs` for all that `ext4-view` does not show: link counts, device numbers, flags, xattrs and all times.

use std::collections::BTreeMap;

use kindling_ext4::{JournalSize, Options};
use kindling_tree::{Content, Entry, Kind, Timestamp};

use crate::read_back;
use crate::support::{
    TIME, add, add_directory, add_file, assert_clean, debugfs, empty, has, options, with_journal,
    write,
};

#[test]
fn devices_in_both_encodings() {
    let mut tree = empty();
    let wide = Kind::BlockDevice {
        major: 259,
        minor: 70_000,
    };
    let narrow = Kind::CharDevice { major: 5, minor: 1 };
    add(&mut tree, b"wide", wide, 0o660);
    add(&mut tree, b"console", narrow, 0o600);
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("image");
    write(&tree, &options(), &image);
    assert_clean(&image);
    for (path, number) in [
        ("/console", "05:01 (hex 05:01)"),
        ("/wide", "259:70000 (hex 103:11170)"),
    ] {
        if let Some(text) = debugfs(&image, &format!("stat {path}")) {
            assert!(text.contains(number), "{path}: {text}");
        }
    }
}

#[test]
fn hard_links_share_an_inode() {
    let mut tree = empty();
    add_directory(&mut tree, "d");
    add_file(&mut tree, "a", "shared");
    for name in ["b", "d/c"] {
        add(&mut tree, name.as_bytes(), Kind::HardLink(b"a".to_vec()), 0);
    }
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("image");
    let summary = write(&tree, &options(), &image);
    assert_eq!(summary.inodes, 4); // root, lost+found, d and the file
    assert_clean(&image);
    read_back::assert_same(&tree, &image);
    if let Some(text) = debugfs(&image, "stat /d/c") {
        assert!(text.contains("Links: 3"), "{text}");
        assert!(debugfs(&image, "stat /a").unwrap().contains("Links: 3"));
    }
}

#[test]
fn times_before_1970_and_after_2038() {
    let mut tree = empty();
    let times = [
        -2_147_483_648,
        -1,
        2_147_483_648,
        4_294_967_295,
        10_737_418_239,
    ];
    for (at, seconds) in times.into_iter().enumerate() {
        let file = Kind::File(Content::Bytes(b"x"[..].into()));
        let time = Timestamp {
            seconds,
            nanoseconds: 999_999_999,
        };
        let path = format!("f{at}");
        tree.insert(path.as_bytes(), Entry::new(file, 0o644, time))
            .unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("image");
    write(&tree, &options(), &image);
    assert_clean(&image);
    let shown = [
        "Fri Dec 13 20:45:52 1901",
        "Wed Dec 31 23:59:59 1969",
        "Tue Jan 19 03:14:08 2038",
        "Sun Feb  7 06:28:15 2106",
        "Mon Apr  4 16:10:39 2310",
    ];
    for (at, shown) in shown.into_iter().enumerate() {
        let Some(text) = debugfs(&image, &format!("stat /f{at}")) else {
            return;
        };
        for time in ["ctime", "atime", "mtime", "crtime"] {
            let is_right = |line: &str| line.trim().starts_with(time) && line.contains(shown);
            assert!(text.lines().any(is_right), "{time} of f{at}: {text}");
        }
    }
}

#[test]
fn xattrs_in_the_inode_in_a_block_and_in_both() {
    // CAP_NET_RAW as `setcap cap_net_raw+ep` stores it; an ACL for user 1000.
    let capability = [&[1, 0, 0, 2, 0, 32][..], &[0; 14]].concat();
    let acl: Vec<u8> = [
        &[2, 0, 0, 0][..],
        &[1, 0, 6, 0, 255, 255, 255, 255],
        &[2, 0, 4, 0, 0xe8, 3, 0, 0],
        &[4, 0, 4, 0, 255, 255, 255, 255],
        &[0x10, 0, 4, 0, 255, 255, 255, 255],
        &[0x20, 0, 4, 0, 255, 255, 255, 255],
    ]
    .concat();
    let sets: [&[(&str, &[u8])]; 5] = [
        &[("security.capability", &capability)],
        &[("system.posix_acl_access", &acl), ("user.a", b"1")],
        &[
            ("user.large", &[7; 3900]),
            ("security.capability", &capability),
        ],
        &[("trusted.overlay.opaque", b"y"), ("user.empty", b"")],
        &[
            ("user.b", &[1; 100]),
            ("user.a", &[2; 100]),
            ("user.aa", &[3; 50]),
            ("trusted.z", &[4; 61]),
        ],
    ];
    let mut tree = empty();
    add_directory(&mut tree, "directory");
    for (at, set) in sets.into_iter().enumerate() {
        let file = Kind::File(Content::Bytes(b"x"[..].into()));
        let mut entry = Entry::new(file, 0o755, TIME);
        let owned = set.iter().map(|(k, v)| (k.as_bytes().to_vec(), v.to_vec()));
        entry.xattrs = owned.collect::<BTreeMap<_, _>>();
        tree.insert(format!("directory/{at}").as_bytes(), entry)
            .unwrap();
    }
    let mut directory = Entry::new(Kind::Directory, 0o700, TIME);
    directory
        .xattrs
        .insert(b"system.posix_acl_default".to_vec(), acl);
    tree.insert(b"shared", directory).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("image");
    write(&tree, &options(), &image);
    assert_clean(&image);
    let compared = read_back::assert_same_xattrs(&tree, &image, folder.path());
    assert!(compared == 11 + 1 || !has("debugfs"), "{compared}");
    if let Some(text) = debugfs(&image, "ea_list /directory/2") {
        assert!(text.contains("security.capability (20)"), "{text}");
        assert!(text.contains("user.large (3900)"), "{text}");
    }
}

#[test]
fn features_and_labels_are_those_of_mke2fs() {
    if !has("dumpe2fs") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("image");
    write(&empty(), &with_journal(), &image);
    let output = kindling_base::Command::new("dumpe2fs")
        .arg(&image)
        .run()
        .unwrap();
    let text = output.text();
    for line in [
        "Filesystem volume name:   kindling-test",
        "Filesystem UUID:          01026b69-6e64-6c69-6e67-aabbccddeeff",
        "Filesystem features:      has_journal ext_attr resize_inode dir_index filetype extent 64bit flex_bg sparse_super large_file huge_file dir_nlink extra_isize metadata_csum",
        "Filesystem flags:         signed_directory_hash ",
        "Default mount options:    user_xattr acl",
        "Filesystem state:         clean",
        "Reserved block count:     0",
        "Filesystem created:       Tue Nov 14 22:13:20 2023",
        "Default directory hash:   half_md4",
        "Journal features:         journal_64bit journal_checksum_v3",
        "Journal checksum type:    crc32c",
    ] {
        assert!(
            text.lines().any(|l| l.trim_end() == line.trim_end()),
            "no `{line}` in\n{text}"
        );
    }
}

#[test]
fn journals_of_all_sizes() {
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("image");
    for mib in [0, 4, 5, 127, 128, 129, 256] {
        let options = Options {
            journal: Some(JournalSize::Mib(mib)),
            ..options()
        };
        write(&empty(), &options, &image);
        assert_clean(&image);
        if let Some(text) = debugfs(&image, "stat <8>") {
            let bytes = u64::from(mib.max(4)) << 20;
            assert!(text.contains(&format!("Size: {bytes}\n")), "{mib}: {text}");
        }
    }
}
