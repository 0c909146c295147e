//! Properties of an assembled tree that need real packages.

mod common;

use common::text;
use kindling_base::{Command, hash};
use kindling_tree::{Kind, Tree};

#[test]
fn the_same_packages_are_the_same_bytes() {
    if !common::is_root() {
        return println!("skipped: tests change the host name as root only");
    }
    let mut debs = match common::debs() {
        Ok(debs) => debs,
        Err(reason) => return println!("skipped: {reason}"),
    };
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let first = common::assemble_in(&folder.path().join("a"), &debs)
        .unwrap_or_else(|error| panic!("{}", error.report()));
    check(&Tree::from_tar(&first).unwrap());

    // Another order, folder, umask, time zone, locale and host name.
    debs.reverse();
    let other = folder.path().join("another/and-longer");
    let run = "umask 077; hostname elsewhere; exec \"$@\"";
    Command::new("unshare")
        .args(["--uts", "sh", "-c", run, "sh"])
        .arg(common::helper())
        .arg(common::EPOCH.to_string())
        .args([other.join("work"), other.join("out")])
        .args(&debs)
        .env("TZ", "Pacific/Apia")
        .env("LC_ALL", "C")
        .env("HOME", "/nonexistent")
        .run()
        .unwrap_or_else(|error| panic!("{}", error.report()));
    let second = other.join("out/tree.tar");
    if hash::file(&first).unwrap() != hash::file(&second).unwrap() {
        let difference = Command::new("cmp")
            .args([&first, &second])
            .output()
            .unwrap()
            .text();
        let (first, second) = (
            Tree::from_tar(&first).unwrap(),
            Tree::from_tar(&second).unwrap(),
        );
        let show = |tree: &Tree, path: &[u8]| {
            tree.get(path).map(|entry| match &entry.kind {
                Kind::File(content) => {
                    format!("{entry:?} {}", hash::bytes(&content.read().unwrap()))
                }
                _ => format!("{entry:?}"),
            })
        };
        for (path, _) in first.iter() {
            let strip = |shown: Option<String>| {
                shown.map(|s| s.split("offset").last().unwrap_or("").to_owned())
            };
            let (a, b) = (strip(show(&first, path)), strip(show(&second, path)));
            if a.as_ref().map(|s| s.rsplit(' ').next().unwrap().to_owned())
                != b.as_ref().map(|s| s.rsplit(' ').next().unwrap().to_owned())
            {
                println!("{}\n {a:?}\n {b:?}", String::from_utf8_lossy(path));
            }
        }
        panic!("{difference}");
    }
}

/// Nothing of this machine or moment is in the tree.
fn check(tree: &Tree) {
    let late: Vec<_> = tree
        .iter()
        .filter(|(_, entry)| entry.mtime.seconds > common::EPOCH || entry.mtime.nanoseconds > 0)
        .map(|(path, _)| String::from_utf8_lossy(path).into_owned())
        .collect();
    assert!(late.is_empty(), "{late:?}");
    for absent in [
        "usr/sbin/policy-rc.d",
        "etc/resolv.conf",
        "etc/hostname",
        "var/log/dpkg.log",
        "dev/null",
    ] {
        assert!(tree.get(absent.as_bytes()).is_none(), "{absent}");
    }
    let day = (common::EPOCH / 86400).to_string();
    let shadow = text(tree, "etc/shadow");
    for line in shadow.lines() {
        assert_eq!(line.split(':').nth(2), Some(day.as_str()), "{line}");
    }
    let status = text(tree, "var/lib/dpkg/status");
    let states: Vec<&str> = status
        .lines()
        .filter(|line| line.starts_with("Status: "))
        .collect();
    assert!(
        states.len() > 100
            && states
                .iter()
                .all(|state| *state == "Status: install ok installed")
    );
}
