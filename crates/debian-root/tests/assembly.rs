//! Properties of an assembled tree that need real packages.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test's helpers fail as the test does"
)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Instant;

use common::text;
use kindling_base::{Command, Exit, hash};
use kindling_debian_root::TREE;
use kindling_tree::{Entry, Kind, Tree};

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
    see_nothing_of_the_machine(
        &folder.path().join("a/work/root"),
        &folder.path().join("log"),
    );

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
    same_bytes(&first, &second);
}

/// Fails with the members that differ.
fn same_bytes(first: &Path, second: &Path) {
    if hash::file(first).unwrap() == hash::file(second).unwrap() {
        return;
    }
    let members = |tar: &Path| -> BTreeMap<Vec<u8>, String> {
        let tree = Tree::from_tar(tar).unwrap();
        let show = |entry: &Entry| {
            let kind = match &entry.kind {
                Kind::File(content) => hash::bytes(&content.read().unwrap()),
                other => format!("{other:?}"),
            };
            let Entry {
                mode,
                uid,
                gid,
                mtime,
                ..
            } = entry;
            format!("{kind} {mode:o} {uid}:{gid} {mtime:?} {:?}", entry.xattrs)
        };
        tree.iter()
            .map(|(path, entry)| (path.to_vec(), show(entry)))
            .collect()
    };
    let (first, second) = (members(first), members(second));
    let paths: BTreeSet<_> = first.keys().chain(second.keys()).collect();
    let mut report = String::new();
    for path in paths
        .into_iter()
        .filter(|path| first.get(*path) != second.get(*path))
    {
        let shown = String::from_utf8_lossy(path);
        report.push_str(&format!(
            "\n{shown}\n  {:?}\n  {:?}",
            first.get(path),
            second.get(path)
        ));
    }
    panic!("two assemblies of the same packages differ:{report}");
}

#[test]
fn an_ordinary_user_makes_the_same_tree_as_root() {
    if !common::is_root() || Command::new("newuidmap").output().is_err() {
        return println!("skipped: needs root, to become an ordinary user, and newuidmap");
    }
    let debs = match common::debs() {
        Ok(debs) => debs,
        Err(reason) => return println!("skipped: {reason}"),
    };
    let folder = tempfile::Builder::new()
        .permissions(PermissionsExt::from_mode(0o755))
        .tempdir()
        .unwrap();
    let ours = common::assemble_in(&folder.path().join("root"), &debs)
        .unwrap_or_else(|error| panic!("{}", error.report()));

    // Where the user can read it; the build's folder may be somebody's home.
    let theirs = folder.path().join("user");
    std::fs::create_dir(&theirs).unwrap();
    std::os::unix::fs::chown(&theirs, Some(USER), Some(USER)).unwrap();
    let helper = folder.path().join("helper");
    std::fs::copy(common::helper(), &helper).unwrap();
    let pool = folder.path().join("pool");
    std::fs::create_dir(&pool).unwrap();
    let mut readable = Vec::new();
    for deb in &debs {
        let copy = pool.join(deb.file_name().unwrap());
        std::fs::copy(deb, &copy).unwrap();
        std::fs::set_permissions(&copy, PermissionsExt::from_mode(0o644)).unwrap();
        readable.push(copy);
    }
    // An account with subordinate ids that exists in a mount namespace only.
    let accounts = std::fs::read_to_string("/etc/passwd").unwrap();
    let account = format!("{accounts}kindling-test:x:{USER}:{USER}::/nonexistent:/bin/sh\n");
    std::fs::write(folder.path().join("passwd"), account).unwrap();
    std::fs::write(folder.path().join("ids"), "kindling-test:500000:65536\n").unwrap();
    let script = format!(
        "mount --bind passwd /etc/passwd; mount --bind ids /etc/subuid; mount --bind ids /etc/subgid
         exec setpriv --reuid {USER} --regid {USER} --clear-groups -- \"$@\""
    );
    let run = Command::new("unshare")
        .args(["--mount", "sh", "-e", "-c", &script, "sh"])
        .arg(&helper)
        .arg(common::EPOCH.to_string())
        .args([theirs.join("work"), theirs.join("out")])
        .args(&readable)
        .directory(folder.path())
        .run();
    match run {
        Err(error)
            if error
                .report()
                .contains("kernel.apparmor_restrict_unprivileged_userns") =>
        {
            println!(
                "skipped: this machine forbids user namespaces: {}",
                error.report()
            );
        }
        Err(error) => panic!("{}", error.report()),
        Ok(_) => same_bytes(&ours, &theirs.join("out/tree.tar")),
    }
}

/// A user id that no account has.
const USER: u32 = 64_321;

/// What a maintainer script finds around it.
fn see_nothing_of_the_machine(root: &Path, log: &Path) {
    let script = "hostname; umask; env | sort | cut -d= -f1 | xargs; ls -x /dev | xargs; \
        ls /sys/class/net 2>&1 | wc -l; tail -n +3 /proc/net/dev | cut -d: -f1 | xargs; \
        ls -d /proc/[0-9]* | wc -l; cut -d' ' -f2 /proc/mounts | sort -u | xargs; \
        echo x > /dev/null && sync && echo written";
    kindling_debian_root::run_in_root(common::helper(), root, &["sh", "-c", script], log)
        .unwrap_or_else(|error| panic!("{}", error.report()));
    let text = std::fs::read_to_string(log).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let expected = [
        "localhost",
        "0022",
        "DEBCONF_NONINTERACTIVE_SEEN DEBIAN_FRONTEND HOME LC_ALL OLDPWD PATH PWD SOURCE_DATE_EPOCH TERM TZ _",
        "fd full null ptmx pts random shm stderr stdin stdout tty urandom zero",
        "1", // no /sys/class/net
        "lo",
    ];
    for (line, expected) in lines.iter().zip(expected) {
        let known: Vec<&str> = expected.split(' ').collect();
        assert!(line.split(' ').all(|word| known.contains(&word)), "{text}");
    }
    assert!(lines[6].parse::<u32>().unwrap() < 10, "{text}");
    let ours = |at: &str| at == "/" || at == "/proc" || at.starts_with("/dev");
    assert!(lines[7].split(' ').all(ours), "{text}");
    assert_eq!(lines[8], "written");
    assert_eq!(std::fs::read_dir(root.join("dev")).unwrap().count(), 0);
}

#[test]
fn a_failing_script_is_named_and_what_it_started_ends() {
    let mut debs = match common::debs() {
        Ok(debs) if common::is_root() => debs,
        Ok(_) => return println!("skipped: the test's sandbox needs root"),
        Err(reason) => return println!("skipped: {reason}"),
    };
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let package = folder.path().join("broken");
    std::fs::create_dir_all(package.join("DEBIAN")).unwrap();
    let control = "Package: broken\nVersion: 1\nArchitecture: all\nMaintainer: A <a@b.example>\nDescription: x\n";
    // A process that lives on and keeps the output open.
    let forever = format!("31{:07}", std::process::id()); // seconds: a year, and ours to be recognised
    let script = format!("#!/bin/sh\nsleep {forever} &\necho last words\nexit 9\n");
    std::fs::write(package.join("DEBIAN/control"), control).unwrap();
    std::fs::write(package.join("DEBIAN/postinst"), script).unwrap();
    std::fs::set_permissions(
        package.join("DEBIAN/postinst"),
        PermissionsExt::from_mode(0o755),
    )
    .unwrap();
    Command::new("dpkg-deb")
        .arg("--build")
        .arg(&package)
        .run()
        .unwrap();
    debs.push(folder.path().join("broken.deb"));
    let error = common::assemble_in(folder.path(), &debs).unwrap_err();
    let report = error.report();
    // It did not wait for that process, or we would not be here; the kernel ends it with the sandbox.
    let runs = || {
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        let mut lines = processes.flat_map(|entry| std::fs::read(entry.path().join("cmdline")));
        lines.any(|line| {
            line.split(|&b| b == 0)
                .any(|word| word == forever.as_bytes())
        })
    };
    let start = Instant::now();
    while runs() {
        assert!(start.elapsed().as_secs() < 300, "`sleep {forever}` goes on");
        std::thread::yield_now();
    }
    assert_eq!(error.exit(), Exit::External);
    assert!(
        error.to_string().starts_with("cannot configure broken: "),
        "{report}"
    );
    assert!(report.contains("post-installation script"), "{report}");
    assert!(
        report.contains("last words") && report.contains("whole log: "),
        "{report}"
    );
    assert!(!folder.path().join("out").join(TREE).exists());
    kindling_sandbox::remove(
        common::helper(),
        &folder.path().join("work/root"),
        &folder.path().join("log"),
    )
    .unwrap();
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
