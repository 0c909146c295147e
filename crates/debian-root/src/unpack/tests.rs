//! Small packages, sound and hostile.

use std::collections::HashMap;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};

use kindling_base::Result;
use kindling_deb::Control;

use super::*;
use crate::root::Root;
use kindling_testkit::ar;

/// One member of a data.tar: path, type, link target and content, all as they are.
type Member<'a> = (&'a str, ::tar::EntryType, &'a str, &'a str);

const DIR: ::tar::EntryType = ::tar::EntryType::Directory;
const FILE: ::tar::EntryType = ::tar::EntryType::Regular;
const SYMLINK: ::tar::EntryType = ::tar::EntryType::Symlink;
const LINK: ::tar::EntryType = ::tar::EntryType::Link;

fn tar_of(members: &[Member<'_>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (path, kind, link, content) in members {
        let mut header = ::tar::Header::new_gnu();
        header.set_entry_type(*kind);
        header.set_size(content.len() as u64);
        header.set_mode(if *kind == DIR { 0o750 } else { 0o640 });
        header.set_uid(rustix::process::geteuid().as_raw().into());
        header.set_gid(rustix::process::getegid().as_raw().into());
        header.set_mtime(1_000_000_000);
        let old = header.as_old_mut();
        old.name[..path.len()].copy_from_slice(path.as_bytes());
        old.linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_cksum();
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(content.as_bytes());
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

/// A folder with .debs and a root beside a file that nobody may touch.
struct Case {
    folder: tempfile::TempDir,
    debs: Vec<PathBuf>,
}

impl Case {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("root")).unwrap();
        std::fs::write(folder.path().join("outside"), "precious").unwrap();
        Self {
            folder,
            debs: Vec::new(),
        }
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    fn add(&mut self, name: &str, fields: &str, conffiles: &str, members: &[Member<'_>]) {
        let control = format!("Package: {name}\nVersion: 1\nArchitecture: amd64\n{fields}");
        let control = tar_of(&[
            ("control", FILE, "", &control),
            ("conffiles", FILE, "", conffiles),
        ]);
        let parts: [(&str, &[u8]); 3] = [
            ("debian-binary", b"2.0\n"),
            ("control.tar", &control),
            ("data.tar", &tar_of(members)),
        ];
        let path = self.folder.path().join(format!("{name}.deb"));
        std::fs::write(&path, ar(&parts)).unwrap();
        self.debs.push(path);
    }

    fn unpack(&self, conffiles: Conffiles) -> Result<HashMap<usize, Unpacked>> {
        let packages: Vec<Control> = self
            .debs
            .iter()
            .map(|deb| Control::read(deb).unwrap())
            .collect();
        let deb_files: Vec<DebFile<'_>> = packages
            .iter()
            .zip(&self.debs)
            .map(|(control, deb)| DebFile { deb, control })
            .collect();
        let root = Root::open(&self.root())?;
        let claims = Claims::new(&packages, &root)?;
        let batch: Vec<usize> = (0..packages.len()).collect();
        unpack(
            &root,
            &deb_files,
            &batch,
            &claims,
            conffiles,
            &Ahead::default(),
        )
    }

    fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.root().join(path)).unwrap()
    }
}

#[test]
fn files_links_and_conffiles_land_where_dpkg_puts_them() {
    let members = [
        ("./", DIR, "", ""),
        ("./lib/", DIR, "", ""),
        ("./lib/a", FILE, "", "content"),
        ("./lib/b", LINK, "./lib/a", ""),
        ("./lib/c", SYMLINK, "/lib/a", ""),
        ("./etc/", DIR, "", ""),
        ("./etc/x", FILE, "", "setting"),
    ];
    for conffiles in [Conffiles::InPlace, Conffiles::Pending] {
        let mut case = Case::new();
        std::fs::create_dir_all(case.root().join("usr/lib")).unwrap();
        symlink("usr/lib", case.root().join("lib")).unwrap();
        case.add("p", "", "/etc/x\n", &members);
        let unpacked = case.unpack(conffiles).unwrap();
        assert_eq!(case.read("usr/lib/a"), "content");
        assert!(case.root().join("lib").is_symlink());
        let meta = |path: &str| case.root().join(path).symlink_metadata().unwrap();
        assert_eq!(meta("lib/a").ino(), meta("lib/b").ino());
        assert_eq!(
            (meta("lib/a").mode() & 0o7777, meta("lib/a").mtime()),
            (0o640, 1_000_000_000)
        );
        assert_eq!(meta("etc").mode() & 0o7777, 0o750);
        assert_eq!(
            case.root().join("lib/c").read_link().unwrap(),
            Path::new("/lib/a")
        );
        let list: Vec<String> = unpacked[&0]
            .list
            .iter()
            .map(|p| String::from_utf8(p.clone()).unwrap())
            .collect();
        assert_eq!(list, ["", "lib", "lib/a", "lib/b", "lib/c", "etc", "etc/x"]);
        // md5sum of "content" and of "setting".
        let md5 = &unpacked[&0].md5;
        assert_eq!(md5[b"lib/b".as_slice()], "9a0364b9e99bb480dd25e1f0284c8555");
        match conffiles {
            Conffiles::InPlace => assert_eq!(md5[b"etc/x".as_slice()].len(), 32),
            Conffiles::Pending => assert!(!case.root().join("etc/x").exists()),
        }
        let name = if conffiles == Conffiles::InPlace {
            "etc/x"
        } else {
            "etc/x.dpkg-new"
        };
        assert_eq!(case.read(name), "setting");
    }
}

#[test]
fn whatever_would_leave_the_root_is_refused() {
    let secret = |path| (path, FILE, "", "evil");
    let hostile: [(&str, &[Member<'_>]); 8] = [
        ("an absolute path", &[secret("/outside")]),
        ("a path that goes up", &[secret("./a/../../outside")]),
        (
            "a link that climbs",
            &[("./l", SYMLINK, "..", ""), secret("./l/outside")],
        ),
        (
            "a chain of links",
            &[
                ("./d/", DIR, "", ""),
                ("./d/l", SYMLINK, "../m", ""),
                ("./m", SYMLINK, "d/../..", ""),
                secret("./d/l/outside"),
            ],
        ),
        (
            "a directory through a link",
            &[("./l", SYMLINK, "../", ""), ("./l/new/", DIR, "", "")],
        ),
        ("a hard link outside", &[("./h", LINK, "../outside", "")]),
        (
            "a hard link through a link",
            &[("./l", SYMLINK, "..", ""), ("./h", LINK, "l/outside", "")],
        ),
        (
            "a hard link to another's file",
            &[("./h", LINK, "usr/other", "")],
        ),
    ];
    for (what, members) in hostile {
        let mut case = Case::new();
        std::fs::create_dir(case.root().join("usr")).unwrap();
        std::fs::write(case.root().join("usr/other"), "").unwrap();
        case.add("evil", "", "", members);
        let error = case.unpack(Conffiles::Pending).expect_err(what);
        assert!(
            error.report().contains("evil.deb"),
            "{what}: {}",
            error.report()
        );
        let outside = case.folder.path().join("outside");
        assert_eq!(
            std::fs::read_to_string(&outside).unwrap(),
            "precious",
            "{what}"
        );
        assert_eq!(outside.metadata().unwrap().nlink(), 1, "{what}");
        let mut names: Vec<_> = std::fs::read_dir(case.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        assert_eq!(names, ["evil.deb", "outside", "root"], "{what}");
    }
}

#[test]
fn absolute_links_stay_inside() {
    let mut case = Case::new();
    let outside = case.folder.path().join("outside-folder");
    std::fs::create_dir(&outside).unwrap();
    let target = outside.to_str().unwrap().to_owned();
    case.add(
        "evil",
        "",
        "",
        &[("./l", SYMLINK, &target, ""), ("./l/x", FILE, "", "evil")],
    );
    // In the tree the link points nowhere.
    assert!(case.unpack(Conffiles::Pending).is_err());
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);

    let mut case = Case::new();
    let members = [
        ("./run/", DIR, "", ""),
        ("./var", SYMLINK, "/run", ""),
        ("./var/x", FILE, "", "fine"),
    ];
    case.add("good", "", "", &members);
    case.unpack(Conffiles::Pending).unwrap();
    assert_eq!(case.read("run/x"), "fine");
}

#[test]
fn a_file_in_two_packages_needs_a_declaration() {
    let mut case = Case::new();
    case.add("a", "", "", &[("./x", FILE, "", "of a")]);
    case.add("b", "", "", &[("./x", FILE, "", "of b")]);
    let error = case.unpack(Conffiles::Pending).unwrap_err();
    assert_eq!(error.to_string(), "`/x` is in two packages: a 1 and b 1");

    for _ in 0..8 {
        let mut case = Case::new();
        case.add("a", "Replaces: b\n", "", &[("./x", FILE, "", "of a")]);
        case.add("b", "", "", &[("./x", FILE, "", "of b")]);
        case.unpack(Conffiles::Pending).unwrap();
        assert_eq!(case.read("x"), "of a");
    }
}

#[test]
fn a_diverted_file_makes_room() {
    let mut case = Case::new();
    std::fs::create_dir_all(case.root().join("var/lib/dpkg")).unwrap();
    std::fs::write(
        case.root().join("var/lib/dpkg/diversions"),
        "/x\n/x.orig\na\n",
    )
    .unwrap();
    case.add("a", "", "", &[("./x", FILE, "", "of a")]);
    case.add("b", "", "", &[("./x", FILE, "", "of b")]);
    let unpacked = case.unpack(Conffiles::Pending).unwrap();
    assert_eq!(
        (case.read("x"), case.read("x.orig")),
        ("of a".into(), "of b".into())
    );
    assert_eq!(unpacked[&1].list, [b"x"]);
}
