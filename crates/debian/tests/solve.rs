//! The solver on small archives, case by case.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use kindling_base::Exit;
use kindling_debian::{Index, Request, solve};

const HASH: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

/// An index of packages written one a line: `name version | Field: value | Field: value`.
fn index(suites: &[&str]) -> Index {
    let mut index = Index::new("amd64");
    for (number, packages) in suites.iter().enumerate() {
        let mut text = String::new();
        for line in packages.lines().map(str::trim).filter(|l| !l.is_empty()) {
            let mut parts = line.split(" ; ");
            let (name, version) = parts.next().unwrap().split_once(' ').unwrap();
            text.push_str(&format!(
                "Package: {name}\nVersion: {version}\nArchitecture: amd64\nSize: 1\nSHA256: {HASH}\nFilename: pool/{name}.deb\n"
            ));
            parts.for_each(|field| text.push_str(&format!("{field}\n")));
            text.push('\n');
        }
        index.add(&format!("suite{number}"), 500, &text);
    }
    index
}

fn request(packages: &[&str], recommends: bool) -> Request {
    Request {
        packages: packages.iter().map(|p| (*p).to_owned()).collect(),
        recommends,
    }
}

/// What is chosen, as `name=version` separated by blanks.
fn chosen(index: &Index, packages: &[&str]) -> String {
    let set = solve(index, &request(packages, false))
        .unwrap_or_else(|error| panic!("{}", error.report()));
    let names: Vec<String> = set
        .iter()
        .map(|p| format!("{}={}", p.name, p.version))
        .collect();
    names.join(" ")
}

fn refused(index: &Index, packages: &[&str]) -> String {
    let error = solve(index, &request(packages, false)).unwrap_err();
    assert_eq!(error.exit(), Exit::User);
    error.report()
}

#[test]
fn the_base_is_always_there() {
    let index = index(&[
        "a 1 ; Essential: yes\n b 1 ; Priority: required ; Depends: c\n c 1\n d 1 ; Priority: important",
    ]);
    assert_eq!(chosen(&index, &[]), "a=1 b=1 c=1");
}

#[test]
fn the_newest_version_of_all_suites_wins() {
    let index = index(&["a 1 ; Depends: b\n b 1.0~rc1\n c 2", "b 1.0", "b 0.9\n c 1"]);
    assert_eq!(chosen(&index, &["a", "c"]), "a=1 b=1.0 c=2");
    assert_eq!(index.candidate("b").unwrap().suite, "suite1");
}

#[test]
fn a_suite_of_lower_priority_is_for_requests_by_version() {
    let mut index = index(&["a 1"]);
    index.add(
        "backports",
        100,
        &format!("Package: a\nVersion: 2\nArchitecture: all\nSHA256: {HASH}\n"),
    );
    assert_eq!(chosen(&index, &["a"]), "a=1");
    assert_eq!(chosen(&index, &["a=2"]), "a=2");
}

#[test]
fn a_request_may_name_a_version() {
    let index = index(&["a 1 ; Depends: b (= 1)\n a 2 ; Depends: b (= 2)\n b 1\n b 2"]);
    assert_eq!(chosen(&index, &["a=1"]), "a=1 b=1");
    assert_eq!(
        refused(&index, &["a=3"]),
        "error: the package a has no version 3\n  the archive has 2, 1\nhint: ask for `a`, or for `a=2`"
    );
}

#[test]
fn the_first_alternative_that_works_is_taken() {
    let index = index(&[
        "a 1 ; Depends: gone | broken | c | d\n broken 1 ; Depends: gone\n c 1\n d 1\n e 1 ; Depends: d",
    ]);
    assert_eq!(chosen(&index, &["a"]), "a=1 c=1");
    assert_eq!(chosen(&index, &["e", "a"]), "a=1 d=1 e=1");
}

#[test]
fn providers_are_chosen_as_apt_chooses() {
    // The real package, then by priority, then the one that the index names last.
    let index = index(&[
        "a 1 ; Depends: virtual\n p 1 ; Provides: virtual\n q 1 ; Provides: virtual\n r 1 ; Priority: optional ; Provides: virtual\n \
         x 1 ; Depends: real\n real 1 ; Priority: extra\n s 1 ; Provides: real",
    ]);
    assert_eq!(chosen(&index, &["a"]), "a=1 q=1");
    assert_eq!(chosen(&index, &["x"]), "real=1 x=1");
    assert_eq!(chosen(&index, &["x", "s"]), "s=1 x=1");
}

#[test]
fn versioned_provides_satisfy_versioned_relations_only_then() {
    let index = index(&[
        "a 1 ; Depends: v (>= 2)\n p 1 ; Provides: v\n q 1 ; Provides: v (= 1)\n r 1 ; Provides: v (= 2)",
    ]);
    assert_eq!(chosen(&index, &["a"]), "a=1 r=1");
}

#[test]
fn any_needs_a_package_that_allows_it() {
    let index =
        index(&["a 1 ; Depends: x:any\n x 1 ; Multi-Arch: allowed\n b 1 ; Depends: y:any\n y 1"]);
    assert_eq!(chosen(&index, &["a"]), "a=1 x=1");
    assert!(refused(&index, &["b"]).contains("b -> y:any: no such package"));
}

#[test]
fn conflicts_are_avoided_where_there_is_a_choice() {
    let index =
        index(&["a 1 ; Depends: x | y\n b 1 ; Conflicts: x\n x 1\n y 1\n c 1 ; Breaks: y (<< 2)"]);
    assert_eq!(chosen(&index, &["a", "b"]), "a=1 b=1 y=1");
    assert_eq!(chosen(&index, &["b", "a"]), "a=1 b=1 y=1");
    assert_eq!(
        refused(&index, &["a", "b", "c"]),
        "error: the packages asked for cannot be installed together\n  \
         b (= 1) conflicts with x; x 1 is wanted by a (= 1) -> x | y\n  \
         c (= 1) conflicts with y (<< 2); y 1 is wanted by a (= 1) -> x | y\n\
         hint: leave out one of those that conflict"
    );
}

#[test]
fn what_marking_alone_cannot_do_the_solver_does() {
    // The choice of x is wrong for a reason that shows only two packages further down.
    let index = index(&[
        "a 1 ; Depends: x | y, z\n x 1 ; Depends: x2\n x2 1 ; Conflicts: w\n y 1\n z 1 ; Depends: w\n w 1",
    ]);
    assert_eq!(chosen(&index, &["a"]), "a=1 w=1 y=1 z=1");
}

#[test]
fn a_package_does_not_conflict_with_itself() {
    let index =
        index(&["a 1 ; Provides: mta ; Conflicts: mta\n b 1 ; Provides: mta ; Conflicts: mta"]);
    assert_eq!(chosen(&index, &["a"]), "a=1");
    assert!(refused(&index, &["a", "b"]).contains("conflicts with mta"));
}

#[test]
fn circles_are_fine() {
    let index = index(&["a 1 ; Depends: b\n b 1 ; Depends: c\n c 1 ; Pre-Depends: a"]);
    assert_eq!(chosen(&index, &["c"]), "a=1 b=1 c=1");
}

#[test]
fn recommended_packages_come_along_where_they_can() {
    let index =
        index(&["a 1 ; Recommends: b, gone, c\n b 1 ; Recommends: d\n c 1 ; Depends: gone\n d 1"]);
    let names = |recommends| {
        let set = solve(&index, &request(&["a"], recommends)).unwrap();
        set.into_iter().map(|p| p.name).collect::<Vec<_>>()
    };
    assert_eq!(names(true), ["a", "b", "d"]);
    assert_eq!(names(false), ["a"]);
}

#[test]
fn an_unknown_package_has_near_names() {
    let index = index(&[
        "openssh-server 1\n openssl 1\n nginx 1\n p 1 ; Provides: mta\n q 1 ; Provides: mta\n only 1 ; Provides: lonely",
    ]);
    assert_eq!(
        refused(&index, &["opensh-server"]),
        "error: there is no package `opensh-server` in suite0\nhint: did you mean `openssh-server`?"
    );
    assert!(refused(&index, &["zzzzzzzz"]).contains("hint: check its spelling"));
    assert_eq!(
        refused(&index, &["mta"]),
        "error: `mta` is provided by several packages, so one of them has to be named\nhint: name one of `p`, `q`"
    );
    assert_eq!(chosen(&index, &["lonely"]), "only=1");
}

#[test]
fn an_unsatisfiable_dependency_shows_the_chain() {
    let index = index(&[
        "a 1 ; Depends: b (>= 2)\n b 2 ; Depends: fine, c (>= 3) | d\n c 1.0\n c 1.1\n fine 1\n x 1 ; Depends: a",
    ]);
    assert_eq!(
        refused(&index, &["x"]),
        "error: x cannot be installed\n  x -> a -> b (>= 2) -> c (>= 3) | d: no version fits; the archive has 1.1, 1.0\n\
         hint: name another package or version, or add the suite or component that has what is missing"
    );
}

#[test]
fn two_versions_of_one_package_are_a_conflict() {
    let index = index(&["a 1 ; Depends: c (= 1)\n b 1 ; Depends: c (= 2)\n c 1\n c 2"]);
    let report = refused(&index, &["a", "b"]);
    assert!(
        report.contains("a (= 1) -> c (= 1)") && report.contains("b (= 1) -> c (= 2)"),
        "{report}"
    );
}
