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

fn write(folder: &Path, deb: &Deb) -> PathBuf {
    let path = folder.join(deb.file_name());
    std::fs::write(&path, deb.build()).unwrap();
    path
}

/// Stands in for fontconfig: its cache lists the fonts there are, also those behind a link into another folder.
fn fonts() -> Deb {
    let cache = "#!/bin/sh\nmkdir -p /var/cache/fontconfig\nfind -L /usr/share/fonts -type f | sort > /var/cache/fontconfig/list\n";
    let link =
        "#!/bin/sh\nmkdir -p /usr/share/elsewhere\nln -s ../elsewhere /usr/share/fonts/linked\n";
    Deb::new("fonts", "1")
        .file("usr/bin/fc-cache", 0o755, cache.as_bytes())
        .file("usr/share/fonts/a.ttf", 0o644, b"a")
        .script("postinst", link)
}

#[test]
fn a_layer_fills_a_cache_anew_only_where_its_sources_changed() {
    let mut debs = match common::debs_for_root() {
        Ok(debs) => debs,
        Err(reason) => return println!("skipped: {reason}"),
    };
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let at = |name: &str| folder.path().join(name);
    debs.push(write(folder.path(), &fonts()));
    let base = add(&at("base"), &debs, &[], &[]);
    let above = |name: &str, path: &str| {
        let deb = write(
            folder.path(),
            &Deb::new(name, "1").file(path, 0o644, b"new"),
        );
        let layer = add(&at(name), &[deb], std::slice::from_ref(&base), &debs);
        let delta = Tree::from_tar(&layer.join("delta.tar")).unwrap();
        let list = "var/cache/fontconfig/list";
        let is_there = delta.get(list.as_bytes()).is_some();
        is_there.then(|| common::text(&delta, list))
    };
    assert_eq!(above("plain", "usr/share/plain"), None);
    // As `fc-cache` sees it: through the link.
    let expected = "/usr/share/fonts/a.ttf\n/usr/share/fonts/linked/b.ttf\n";
    let list = above("more-fonts", "usr/share/elsewhere/b.ttf");
    assert_eq!(list.as_deref(), Some(expected));
}

#[test]
fn a_layer_on_top_is_the_tree_of_all_and_a_file_of_another_package_makes_it_whole() {
    let debs = match common::debs_for_root() {
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
    let thief = Deb::new("thief", "1").field("Replaces: netbase");
    let thief = thief.file("etc/protocols", 0o644, b"none\n");
    let top = add(&at("top"), &[write(folder.path(), &thief)], &layers, &debs);
    assert!(top.join(TREE).exists(), "it is a whole tree");
    let tree = layer::tree(&[layers.as_slice(), &[top]].concat()).unwrap();
    assert_eq!(common::text(&tree, "etc/protocols"), "none\n");
    assert!(!common::text(&tree, "var/lib/dpkg/info/netbase.list").contains("/etc/protocols"));
}
