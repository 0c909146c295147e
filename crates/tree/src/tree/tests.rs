//! Invariants of a tree under insertion and removal.

use super::*;
use crate::Content;

fn file(text: &str) -> Entry {
    Entry::new(
        Kind::File(Content::Bytes(text.as_bytes().into())),
        0o644,
        Timestamp::default(),
    )
}

fn directory() -> Entry {
    Entry::new(Kind::Directory, 0o755, Timestamp::default())
}

fn link(target: &str) -> Entry {
    Entry::new(
        Kind::HardLink(target.as_bytes().to_vec()),
        0,
        Timestamp::default(),
    )
}

#[test]
fn paths_must_be_plain_and_have_a_parent() {
    let mut tree = Tree::new(Timestamp::default());
    for bad in ["/etc", "a/../b", "a//b", ".", "etc/", "no/parent"] {
        assert!(tree.insert(bad.as_bytes(), file("x")).is_err(), "{bad}");
    }
    tree.insert(b"a", file("x")).unwrap();
    assert!(tree.insert(b"a/b", file("x")).is_err());
    assert!(tree.insert(b"b", link("zz")).is_err());
}

#[test]
fn removing_a_file_keeps_its_other_names() {
    let mut tree = Tree::new(Timestamp::default());
    tree.insert(b"d", directory()).unwrap();
    tree.insert(b"d/a", file("x")).unwrap();
    tree.insert(b"e", link("d/a")).unwrap();
    tree.insert(b"f", link("d/a")).unwrap();
    tree.remove(b"d");
    let paths: Vec<&[u8]> = tree.iter().map(|(path, _)| path).collect();
    assert_eq!(paths, [b"".as_slice(), b"e", b"f"]);
    assert!(
        matches!(&tree.get(b"e").unwrap().kind, Kind::File(content) if content.read().unwrap() == b"x")
    );
    assert!(matches!(&tree.get(b"f").unwrap().kind, Kind::HardLink(target) if target == b"e"));
}

#[test]
fn the_last_name_of_a_file_keeps_it() {
    let mut tree = Tree::new(Timestamp::default());
    tree.insert(b"a", file("x")).unwrap();
    tree.insert(b"b", link("a")).unwrap();
    tree.insert(b"c", link("a")).unwrap();
    tree.remove(b"a");
    tree.insert(b"a", file("y")).unwrap();
    tree.remove(b"a");
    tree.remove(b"b");
    let paths: Vec<&[u8]> = tree.iter().map(|(path, _)| path).collect();
    assert_eq!(paths, [b"".as_slice(), b"c"]);
    assert!(
        matches!(&tree.get(b"c").unwrap().kind, Kind::File(content) if content.read().unwrap() == b"x")
    );
}

#[test]
fn replacing_a_file_leaves_its_other_names_as_they_were() {
    let mut tree = Tree::new(Timestamp::default());
    tree.insert(b"a", file("old")).unwrap();
    tree.insert(b"b", link("a")).unwrap();
    tree.insert(b"a", file("new")).unwrap();
    assert!(
        matches!(&tree.get(b"b").unwrap().kind, Kind::File(content) if content.read().unwrap() == b"old")
    );
    assert!(
        matches!(&tree.get(b"a").unwrap().kind, Kind::File(content) if content.read().unwrap() == b"new")
    );
}

#[test]
fn removal_takes_what_is_below_and_no_neighbour() {
    let mut tree = Tree::new(Timestamp::default());
    for path in ["a", "a-b", "a/c"] {
        tree.insert(path.as_bytes(), directory()).unwrap();
    }
    tree.remove(b"a");
    let paths: Vec<&[u8]> = tree.iter().map(|(path, _)| path).collect();
    assert_eq!(paths, [b"".as_slice(), b"a-b"]);
}
