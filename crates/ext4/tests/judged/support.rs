//! Helpers of all tests of images: building them, and judges that know nothing of our code.

use std::path::Path;

use kindling_base::Command;
use kindling_ext4::{JournalSize, Options, Summary};
use kindling_tree::{Content, Entry, Kind, Timestamp, Tree};

/// Seconds of the tests' epoch, a time in the past as `e2fsck` wants it.
pub(crate) const EPOCH: i64 = 1_700_000_000;

/// A time with nanoseconds.
pub(crate) const TIME: Timestamp = Timestamp {
    seconds: EPOCH + 5,
    nanoseconds: 123_456_789,
};

/// Options with little room and no journal.
pub(crate) fn options() -> Options {
    Options {
        uuid: *b"\x01\x02kindling\xaa\xbb\xcc\xdd\xee\xff",
        hash_seed: *b"\x10 hash seed 0123",
        label: "kindling-test".to_owned(),
        epoch: EPOCH,
        free_bytes: 1 << 20,
        journal: None,
    }
}

/// Options with a journal.
pub(crate) fn with_journal() -> Options {
    Options {
        journal: Some(JournalSize::Auto),
        ..options()
    }
}

/// A tree that has only the root.
pub(crate) fn empty() -> Tree {
    Tree::new(TIME)
}

/// Adds root's file with these bytes.
pub(crate) fn add_file(tree: &mut Tree, path: &str, bytes: impl Into<Vec<u8>>) {
    let content = Content::Bytes(bytes.into().into());
    add(tree, path.as_bytes(), Kind::File(content), 0o644);
}

/// Adds root's directory.
pub(crate) fn add_directory(tree: &mut Tree, path: &str) {
    add(tree, path.as_bytes(), Kind::Directory, 0o755);
}

/// Adds an entry of root's.
pub(crate) fn add(tree: &mut Tree, path: &[u8], kind: Kind, mode: u16) {
    tree.insert(path, Entry::new(kind, mode, TIME)).unwrap();
}

/// Writes an image.
pub(crate) fn write(tree: &Tree, options: &Options, image: &Path) -> Summary {
    if options.free_bytes > 1 << 30 {
        return kindling_ext4::write(tree, options, image, &mut |_, _| {}).unwrap();
    }
    let written = kindling_ext4::write_hashed(tree, options, image, &mut |_, _| {});
    let (summary, sha256) = written.unwrap();
    assert_eq!(sha256, kindling_base::sparse::hash(image).unwrap());
    summary
}

/// Whether a judge is installed; says so when not.
pub(crate) fn has(program: &str) -> bool {
    let found = Command::new(program).arg("-V").output().is_ok();
    if !found {
        println!("skipped: {program} is not installed");
    }
    found
}

/// `e2fsck -fn` must have nothing to say but the names of its passes and its closing line.
pub(crate) fn assert_clean(image: &Path) {
    if !has("e2fsck") {
        return;
    }
    let output = Command::new("e2fsck")
        .arg("-fn")
        .arg(image)
        .output()
        .unwrap();
    let text = output.text();
    let complaints: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with("Pass ") && !line.contains(" files ("))
        .collect();
    assert!(
        output.status.success() && complaints.is_empty(),
        "{text}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// The output of `debugfs` for one request; `None` if it is not installed.
pub(crate) fn debugfs(image: &Path, request: &str) -> Option<String> {
    has("debugfs").then(|| {
        let output = Command::new("debugfs")
            .args(["-R", request])
            .arg(image)
            .run()
            .unwrap();
        output.text()
    })
}

/// Bytes on the disk that a file takes.
pub(crate) fn allocated(path: &Path) -> u64 {
    std::os::unix::fs::MetadataExt::blocks(&std::fs::metadata(path).unwrap()) * 512
}
