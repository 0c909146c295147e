//! A real system: the tar in `KINDLING_TEST_TAR`, such as one of mmdebstrap's.

use std::path::Path;

use kindling_tree::Tree;

use crate::read_back;
use crate::support::{assert_clean, with_journal, write};

#[test]
fn a_system_reads_back() {
    let Some(tar) = std::env::var_os("KINDLING_TEST_TAR") else {
        println!("skipped: KINDLING_TEST_TAR names no tar");
        return;
    };
    let tree = Tree::from_tar(Path::new(&tar)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("image");
    write(&tree, &with_journal(), &image);
    assert_clean(&image);
    read_back::assert_same(&tree, &image);
    let compared = read_back::assert_same_xattrs(&tree, &image, folder.path());
    println!("{} entries, {compared} xattrs", tree.len());
}
