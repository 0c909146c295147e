//! Packages files, sound and strange, and pins that left the archive.

use kindling_deb::LockedPackage;
use proptest::prelude::*;

use super::Index;
use super::table::Priority;

const HASH: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

#[test]
fn names_are_numbered_as_apt_meets_them() {
    let mut index = Index::new("amd64");
    let stanza = format!(
        "Package: a\nVersion: 1\nArchitecture: amd64\nSHA256: {HASH}\nProvides: v\nSuggests: s\nDepends: d | e:any, f:amd64\nPre-Depends: p\n"
    );
    index.add("one", 500, &stanza);
    let names: Vec<&str> = (0..index.names.len() as u32)
        .map(|id| index.names.get(id))
        .collect();
    assert_eq!(names, ["a", "p", "d", "e:any", "f", "s", "v"]);
}

#[test]
fn what_is_incomplete_foreign_or_known_is_skipped() {
    let mut index = Index::new("amd64");
    let good = format!("Package: a\nVersion: 1\nArchitecture: all\nSHA256: {HASH}\n");
    for (from, to) in [
        ("Package", "X"),
        ("Version", "X"),
        ("SHA256", "MD5"),
        (": all", ": arm64"),
    ] {
        index.add("one", 500, &good.replace(from, to));
    }
    assert!(index.is_empty());
    index.add("one", 500, &good);
    index.add("two", 500, &good);
    assert_eq!(index.len(), 1);
    assert_eq!(index.candidate("a").unwrap().suite, "one");
}

#[test]
fn an_update_that_only_some_machines_get_waits_unless_it_is_a_security_fix() {
    let version = |version: &str, more: &str| {
        format!("Package: a\nVersion: {version}\nArchitecture: all\nSHA256: {HASH}\n{more}\n")
    };
    let candidate = |index: &Index| index.candidate("a").unwrap().version;
    let mut index = Index::new("amd64");
    index.add("jammy", 500, &version("1", ""));
    index.add(
        "jammy-updates",
        500,
        &version("3", "Phased-Update-Percentage: 10\n"),
    );
    assert_eq!(candidate(&index), "1");
    index.add(
        "jammy-updates",
        500,
        &version("2", "Phased-Update-Percentage: 100\n"),
    );
    assert_eq!(candidate(&index), "2");
    index.add("jammy-security", 500, &version("3", ""));
    assert_eq!(candidate(&index), "3");
    // The only version there is serves all the same.
    let mut only = Index::new("amd64");
    only.add(
        "jammy-updates",
        500,
        &version("4", "Phased-Update-Percentage: 0\n"),
    );
    assert_eq!(candidate(&only), "4");
}

#[test]
fn a_pin_that_left_the_archive_is_chosen_again_with_its_own_dependencies() {
    let stanza = |name: &str, version: &str, more: &str| {
        format!("Package: {name}\nVersion: {version}\nArchitecture: all\nSHA256: {HASH}\n{more}\n")
    };
    let mut index = Index::new("amd64");
    let newer = stanza("a", "2", "Priority: important\n") + &stanza("b", "1", "");
    index.add("stable", 500, &newer);
    let pin = |suite: &str| LockedPackage {
        name: "a".into(),
        version: "1".into(),
        architecture: "all".into(),
        size: 7,
        sha256: HASH.replace('b', "c"),
        path: "pool/a_1.deb".into(),
        suite: suite.into(),
        layer: 2,
    };
    let control = "Package: a\nVersion: 1\nArchitecture: all\nPriority: required\nDepends: b\n";
    let (foreign, departed) = (pin("testing"), pin("stable"));
    assert!(!index.has(&departed));
    index.add_departed([(&foreign, control)]);
    assert!(!index.has(&foreign), "the index has no such suite");
    index.add_departed([
        (&departed, control),
        (&departed, "Package: x\nVersion: 1\n"),
    ]);
    assert!(index.has(&departed));
    assert_eq!(
        index.candidate("a").unwrap().version,
        "2",
        "not yet preferred"
    );
    index.prefer([&departed]);
    let request = crate::Request {
        packages: vec!["a".into()],
        recommends: false,
    };
    let set = crate::solve(&index, &request).unwrap();
    let expected = LockedPackage {
        layer: 0,
        ..departed
    };
    assert_eq!(set.len(), 2, "with b");
    assert_eq!(set[0], expected);
    let id = index.candidate_of(index.names.find("a").unwrap()).unwrap();
    assert_eq!(
        index.package(id).priority,
        Priority::Important,
        "the archive's word"
    );
}

proptest! {
    #[test]
    fn any_index_is_read_and_solved_without_a_panic(
        stanzas in prop::collection::vec(("[a-d]", "[0-9]", "([a-d]( \\([<>=]{1,2} [0-9]\\))?( [|,] )?){0,4}", "[a-d, ]{0,6}", "[a-d, ]{0,6}"), 0..8)
    ) {
        let mut index = Index::new("amd64");
        for (name, version, depends, conflicts, provides) in &stanzas {
            index.add("one", 500, &format!(
                "Package: {name}\nVersion: {version}\nArchitecture: all\nSHA256: {HASH}\nDepends: {depends}\nConflicts: {conflicts}\nProvides: {provides}\n"
            ));
        }
        let request = crate::Request { packages: stanzas.iter().take(2).map(|s| s.0.clone()).collect(), recommends: true };
        match crate::solve(&index, &request) {
            Ok(set) => prop_assert!(set.is_sorted_by(|a, b| a.name < b.name)),
            Err(error) => prop_assert_eq!(error.exit(), kindling_base::Exit::User),
        }
    }
}
