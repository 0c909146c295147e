//! The same input gives the same bytes, and a small change moves few blocks.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use kindling_ext4::{BLOCK, Options};
use kindling_tree::{Content, Kind, Tree};

use crate::support::{add_directory, add_file, assert_clean, empty, options, write};

/// 4,000 files of up to ten blocks in 100 directories, none of them zero.
fn system() -> Tree {
    let mut tree = empty();
    for directory in 0..100_usize {
        add_directory(&mut tree, &format!("d{directory:02}"));
        for file in 0..40_usize {
            let number = directory * 40 + file;
            let length = 1 + number * 7919 % (10 * BLOCK);
            let word = (number as u32 | 1 << 31).to_le_bytes();
            let bytes = word.into_iter().cycle().take(length).collect::<Vec<u8>>();
            add_file(&mut tree, &format!("d{directory:02}/f{file:02}"), bytes);
        }
    }
    tree
}

fn resize(tree: &mut Tree, path: &str, change: impl Fn(usize) -> usize) {
    let entry = tree.get_mut(path.as_bytes()).unwrap();
    let Kind::File(content) = &mut entry.kind else {
        panic!("{path} is no file");
    };
    let length = change(content.len() as usize);
    *content = Content::Bytes(vec![0xc5; length].into());
}

/// Blocks that differ between two images; what one has more counts as different.
fn changed(a: &Path, b: &Path) -> u64 {
    let (a, b) = (File::open(a).unwrap(), File::open(b).unwrap());
    let lengths = [&a, &b].map(|file| file.metadata().unwrap().len());
    let (mut left, mut right) = (vec![0; BLOCK], vec![0; BLOCK]);
    let blocks = lengths[0].min(lengths[1]) / BLOCK as u64;
    let different = (0..blocks).filter(|at| {
        a.read_exact_at(&mut left, at * BLOCK as u64).unwrap();
        b.read_exact_at(&mut right, at * BLOCK as u64).unwrap();
        left != right
    });
    different.count() as u64 + lengths[0].abs_diff(lengths[1]) / BLOCK as u64
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let [a, b] = ["a", "b"].map(|name| folder.path().join(name));
    write(&system(), &options(), &a);
    std::fs::write(&b, vec![0xff; 1 << 20]).unwrap(); // an earlier file at the path leaves no trace
    write(&system(), &options(), &b);
    assert_eq!(changed(&a, &b), 0);
}

#[test]
fn another_seed_or_uuid_gives_other_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let [a, b] = ["a", "b"].map(|name| folder.path().join(name));
    write(&empty(), &options(), &a);
    let other = Options {
        hash_seed: [9; 16],
        ..options()
    };
    write(&empty(), &other, &b);
    assert!(changed(&a, &b) > 0);
}

#[test]
fn a_changed_file_moves_few_blocks() {
    let folder = tempfile::tempdir().unwrap();
    let [before, after] = ["before", "after"].map(|name| folder.path().join(name));
    let tree = system();
    let summary = write(&tree, &options(), &before);

    // Other bytes, as many: the file's own block and nothing else.
    let mut same_size = tree.clone();
    resize(&mut same_size, "d50/f00", |length| length);
    write(&same_size, &options(), &after);
    let moved = changed(&before, &after);
    assert!((1..=10).contains(&moved), "{moved} blocks");

    // One block more, for sixteen files one after the other.
    let mut moved: Vec<u64> = (0..16)
        .map(|file| {
            let mut grown = tree.clone();
            let path = format!("d{:02}/f{file:02}", file * 6);
            resize(&mut grown, &path, |length| length + BLOCK);
            write(&grown, &options(), &after);
            changed(&before, &after)
        })
        .collect();
    assert_clean(&after);
    moved.sort_unstable();
    let (median, mean) = (moved[8], moved.iter().sum::<u64>() / 16);
    let content = summary.blocks - (1 << 20) / BLOCK as u64;
    println!(
        "of {content} blocks: median {median}, mean {mean}, most {}",
        moved[15]
    );
    assert!(
        median < content / 50,
        "median {median} of {content}: {moved:?}"
    );
    assert!(mean < content / 10, "mean {mean} of {content}: {moved:?}");
}

#[test]
fn a_new_file_moves_few_blocks() {
    let folder = tempfile::tempdir().unwrap();
    let [before, after] = ["before", "after"].map(|name| folder.path().join(name));
    let tree = system();
    let summary = write(&tree, &options(), &before);
    let mut moved: Vec<u64> = (0..10)
        .map(|directory| {
            let mut grown = tree.clone();
            add_file(&mut grown, &format!("d{:02}/new", directory * 10), "new");
            write(&grown, &options(), &after);
            changed(&before, &after)
        })
        .collect();
    moved.sort_unstable();
    let (median, mean) = (moved[5], moved.iter().sum::<u64>() / 10);
    let content = summary.blocks - (1 << 20) / BLOCK as u64;
    println!(
        "of {content} blocks: median {median}, mean {mean}, most {}",
        moved[9]
    );
    assert!(
        median < content / 25,
        "median {median} of {content}: {moved:?}"
    );
    assert!(mean < content / 8, "mean {mean} of {content}: {moved:?}");
}

#[test]
fn progress_rises_to_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let mut told = Vec::new();
    let mut progress = |done, total| told.push((done, total));
    kindling_ext4::write(
        &system(),
        &options(),
        &folder.path().join("image"),
        &mut progress,
    )
    .unwrap();
    let (done, total) = told[told.len() - 1];
    assert!(done == total && told.len() > 3, "{told:?}");
    assert!(
        told.is_sorted() && told.iter().all(|(_, t)| *t == total),
        "{told:?}"
    );
}
