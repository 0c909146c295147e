//! Large directories, files and images.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::sync::Arc;

use kindling_ext4::Options;
use kindling_tree::{Content, Kind, Tree};

use crate::read_back;
use crate::support::{
    add, add_directory, add_file, allocated, assert_clean, debugfs, empty, options, with_journal,
    write,
};

#[test]
fn directories_with_one_and_two_levels_of_index() {
    let mut tree = empty();
    add_directory(&mut tree, "short");
    add_directory(&mut tree, "long");
    let tail = "n".repeat(200);
    for at in 0..20_000 {
        add(
            &mut tree,
            format!("short/{at}").as_bytes(),
            Kind::Fifo,
            0o644,
        );
        add(
            &mut tree,
            format!("long/{at}{tail}").as_bytes(),
            Kind::Fifo,
            0o644,
        );
    }
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("image");
    write(&tree, &options(), &image);
    assert_clean(&image);
    read_back::assert_same(&tree, &image); // looks names up by their hash
    for (path, levels) in [
        ("/short", "Indirect levels: 0"),
        ("/long", "Indirect levels: 1"),
    ] {
        if let Some(text) = debugfs(&image, &format!("htree {path}")) {
            assert!(text.contains(levels), "{path}: {:.600}", text);
        }
    }
}

#[test]
fn names_of_every_length_are_found_by_their_hash() {
    let mut tree = empty();
    add_directory(&mut tree, "d");
    for length in 1..=255_usize {
        let bytes = |byte: u8| [b"d/", [byte].repeat(length).as_slice()].concat();
        for byte in [b'x', 0x80, 0xff] {
            add(&mut tree, &bytes(byte), Kind::Fifo, 0o600);
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("image");
    write(&tree, &options(), &image);
    assert_clean(&image); // compares every name's hash with the leaf that it is in
    read_back::assert_same(&tree, &image); // descends by the hash
}

#[test]
fn more_subdirectories_than_a_link_count_holds() {
    let mut tree = empty();
    for at in 0..65_010 {
        add_directory(&mut tree, &format!("{at}"));
    }
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("image");
    write(&tree, &options(), &image);
    assert_clean(&image);
    if let Some(text) = debugfs(&image, "stat /") {
        assert!(text.contains("Links: 1 "), "{text}");
    }
}

/// A tree with one file that is a hole of this many bytes but for some words.
fn sparse_tree(folder: &std::path::Path, length: u64, words: &[(u64, &[u8])]) -> Tree {
    let path = folder.join("sparse");
    let mut file = File::create(&path).unwrap();
    file.set_len(length).unwrap();
    for (at, word) in words {
        file.seek(SeekFrom::Start(*at)).unwrap();
        file.write_all(word).unwrap();
    }
    let mut tree = empty();
    let content = Content::Range {
        file: Arc::new(File::open(&path).unwrap()),
        path: path.as_path().into(),
        offset: 0,
        length,
    };
    add(&mut tree, b"sparse", Kind::File(content), 0o644);
    tree
}

#[test]
fn a_sparse_file_of_more_than_4_gib() {
    let folder = tempfile::tempdir().unwrap();
    let length = (5 << 30) + 17;
    let words: [(u64, &[u8]); 4] = [
        (0, b"start"),
        ((4 << 30) - 3, b"across 4 GiB"),
        ((4 << 30) + (5 << 20), b"behind"),
        (length - 3, b"end"),
    ];
    let tree = sparse_tree(folder.path(), length, &words);
    let image = folder.path().join("image");
    let summary = write(&tree, &with_journal(), &image);
    assert!(summary.bytes < 32 << 20, "{summary:?}");
    assert_clean(&image);
    read_back::assert_same(&tree, &image);
    let system = ext4_view::Ext4::load_from_path(&image).unwrap();
    let mut file = system.open("/sparse").unwrap();
    for (at, word) in words {
        let mut read = vec![0; word.len()];
        file.seek(SeekFrom::Start(at)).unwrap();
        file.read_exact(&mut read).unwrap();
        assert_eq!(read, word, "at {at}");
    }
}

#[test]
fn a_file_in_so_many_pieces_that_its_extents_need_a_tree() {
    // 64 KiB of data and 16 KiB of zeros in turn: 1,500 extents, five leaves and an index below the root.
    let mut tree = empty();
    let piece: Vec<u8> = [vec![0x5a; 64 << 10], vec![0; 16 << 10]].concat();
    add_file(&mut tree, "pieces", piece.repeat(1500));
    add_file(&mut tree, "five", piece.repeat(5));
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("image");
    write(&tree, &options(), &image);
    assert_clean(&image);
    let copied = folder.path().join("copied");
    let system = ext4_view::Ext4::load_from_path(&image).unwrap();
    assert!(system.read("/pieces").unwrap() == piece.repeat(1500));
    if debugfs(&image, &format!("dump /pieces {}", copied.display())).is_some() {
        assert!(std::fs::read(&copied).unwrap() == piece.repeat(1500));
        let text = debugfs(&image, "ex /pieces").unwrap();
        assert!(text.contains(" 2/ 2"), "{:.300}", text);
    }
}

#[test]
fn content_that_crosses_the_metadata_of_groups() {
    // 300 MiB of data in one file: three groups, a superblock copy in the middle.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    let mut file = File::create(&path).unwrap();
    let mut block = vec![0; 1 << 20];
    for at in 0..300_u32 {
        for (word, bytes) in (0_u32..).zip(block.chunks_exact_mut(4)) {
            bytes.copy_from_slice(&(at << 20 | word).to_le_bytes());
        }
        file.write_all(&block).unwrap();
    }
    let mut tree = empty();
    let content = Content::Range {
        file: Arc::new(File::open(&path).unwrap()),
        path: path.as_path().into(),
        offset: 0,
        length: 300 << 20,
    };
    add(&mut tree, b"data", Kind::File(content), 0o644);
    add_file(&mut tree, "after", "x");
    let image = folder.path().join("image");
    write(&tree, &options(), &image);
    assert_clean(&image);
    let copied = folder.path().join("copied");
    if debugfs(&image, &format!("dump /data {}", copied.display())).is_some() {
        assert!(std::fs::read(&copied).unwrap() == std::fs::read(&path).unwrap());
    }
}

#[test]
fn an_empty_image_of_1_tib_costs_almost_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("image");
    let options = Options {
        free_bytes: 1 << 40,
        ..with_journal()
    };
    let summary = write(&empty(), &options, &image);
    assert!(
        summary.bytes > 1 << 40 && summary.max_inodes > 1 << 26,
        "{summary:?}"
    );
    // Bitmaps of the first group of each flex group, and descriptors with their copies.
    let cost = allocated(&image);
    assert!(cost < 20 << 20, "{cost} bytes");
    assert_clean(&image);
}
