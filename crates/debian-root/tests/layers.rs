//! Packages added to a tree are the tree of all of them together.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test's helpers fail as the test does"
)]

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kindling_base::{Command, Silent, hash};
use kindling_debian_root::{Assembly, TREE, assemble, layer};
use kindling_testkit::Deb;
use kindling_tree::{Entry, Kind, Tree};

/// What a later layer gets: nothing of the first layer needs it.
const LATER: [&str; 2] = ["netbase", "iproute2"];
/// What depends on the order of installation and on nothing else: dpkg's own records.
const ORDERED: [&str; 3] = [
    "var/lib/dpkg/status",
    "var/lib/dpkg/triggers/File",
    "var/lib/dpkg/triggers/Lock",
];

/// Assembles `debs`, on top of `base` if there is one, and returns the folder of the result.
fn add(folder: &Path, debs: &[PathBuf], base: &[PathBuf], below: &[PathBuf]) -> PathBuf {
    let out = folder.join("out");
    let assembly = Assembly {
        debs,
        base,
        below,
        epoch: common::EPOCH,
        work: &folder.join("work"),
        out: &out,
        log: &folder.join("log"),
        helper: common::helper(),
        keep_root: false,
    };
    assemble(&assembly, &Silent).unwrap_or_else(|error| panic!("{}", error.report()));
    out
}

fn name(deb: &Path) -> String {
    let ran = Command::new("dpkg-deb")
        .arg("-f")
        .arg(deb)
        .arg("Package")
        .run();
    ran.unwrap().text().trim().to_owned()
}

/// Everything of each entry but its time, which a layer's folders have of their own.
fn contents(tree: &Tree) -> BTreeMap<String, String> {
    let show = |entry: &Entry| {
        let kind = match &entry.kind {
            Kind::File(content) => hash::bytes(&content.read().unwrap()),
            other => format!("{other:?}"),
        };
        format!(
            "{kind} {:o} {}:{} {:?}",
            entry.mode, entry.uid, entry.gid, entry.xattrs
        )
    };
    let all = tree
        .iter()
        .map(|(path, entry)| (String::from_utf8_lossy(path).into_owned(), show(entry)));
    all.filter(|(path, _)| !ORDERED.contains(&path.as_str()))
        .collect()
}

#[test]
fn a_layer_on_top_is_the_tree_of_all_and_a_file_of_another_package_makes_it_whole() {
    if !common::is_root() {
        return println!("skipped: dpkg-deb and devices as root only");
    }
    let debs = match common::debs() {
        Ok(debs) => debs,
        Err(reason) => return println!("skipped: {reason}"),
    };
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let at = |name: &str| folder.path().join(name);
    let (later, first): (Vec<PathBuf>, Vec<PathBuf>) = debs
        .iter()
        .cloned()
        .partition(|deb| LATER.contains(&name(deb).as_str()));
    assert_eq!(later.len(), 2);

    let whole = add(&at("whole"), &debs, &[], &[]);
    let base = add(&at("base"), &first, &[], &[]);
    let above = add(&at("above"), &later, std::slice::from_ref(&base), &first);
    assert!(!above.join(TREE).exists(), "it is a layer, not a tree");
    let layers = [base.clone(), above];
    let (all, layered) = (
        contents(&layer::tree(&[whole]).unwrap()),
        contents(&layer::tree(&layers).unwrap()),
    );
    let differ = all
        .iter()
        .filter(|(path, entry)| layered.get(*path) != Some(entry));
    assert_eq!(differ.collect::<Vec<_>>(), Vec::new());
    assert_eq!(all.len(), layered.len());

    // The same bytes each time.
    let again = add(&at("again"), &later, std::slice::from_ref(&base), &first);
    for file in ["delta.tar", "removed"] {
        let read = |folder: &Path| std::fs::read(folder.join(file)).unwrap();
        assert!(read(&again) == read(&layers[1]), "{file}");
    }

    // A package that takes over another's file: who has it depends on what is below.
    let thief =
        Deb::new("thief", "1")
            .field("Replaces: netbase")
            .file("etc/protocols", 0o644, b"none\n");
    let thief_path = at("thief.deb");
    std::fs::write(&thief_path, thief.build()).unwrap();
    let top = add(&at("top"), &[thief_path], &layers, &debs);
    assert!(top.join(TREE).exists(), "it is a whole tree");
    let tree = layer::tree(&[layers.as_slice(), &[top]].concat()).unwrap();
    assert_eq!(common::text(&tree, "etc/protocols"), "none\n");
    assert!(!common::text(&tree, "var/lib/dpkg/info/netbase.list").contains("/etc/protocols"));
}
