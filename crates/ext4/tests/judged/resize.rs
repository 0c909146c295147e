//! `resize2fs` grows an image.

use kindling_base::Command;
use kindling_ext4::Options;

use crate::read_back;
use crate::support::{
    add_directory, add_file, assert_clean, empty, has, options, with_journal, write,
};

#[test]
fn an_image_grows_and_stays_clean() {
    if !has("resize2fs") {
        return;
    }
    let mut tree = empty();
    add_directory(&mut tree, "etc");
    add_file(&mut tree, "etc/hostname", "kindling\n");
    add_file(&mut tree, "large", vec![0x11; 3 << 20]);
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("image");
    // Within the first group, and over many groups with new copies of the superblock.
    for (options, sizes) in [
        (options(), ["64M", "3G"]),
        (with_journal(), ["300M", "40G"]),
        (
            Options {
                free_bytes: 600 << 20,
                ..with_journal()
            },
            ["1100M", "5G"],
        ),
    ] {
        write(&tree, &options, &image);
        for size in sizes {
            Command::new("resize2fs")
                .arg(&image)
                .arg(size)
                .run()
                .unwrap();
            assert_clean(&image);
            read_back::assert_same(&tree, &image);
        }
    }
}

#[test]
fn an_image_shrinks_to_its_least() {
    if !has("resize2fs") {
        return;
    }
    let mut tree = empty();
    add_file(&mut tree, "file", vec![0x11; 3 << 20]);
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("image");
    let options = Options {
        free_bytes: 600 << 20,
        ..options()
    };
    write(&tree, &options, &image);
    Command::new("resize2fs")
        .arg("-M")
        .arg(&image)
        .run()
        .unwrap();
    assert_clean(&image);
    read_back::assert_same(&tree, &image);
}
