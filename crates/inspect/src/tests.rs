use kindling_bundle::{Artifact, Kernel, Machine, Readiness, Rootfs};
use kindling_tree::{Content, Entry, Kind as TreeKind, Timestamp, Tree};

use super::*;

const NOW: Timestamp = Timestamp {
    seconds: 1_700_000_000,
    nanoseconds: 0,
};

fn file(text: &str) -> TreeKind {
    TreeKind::File(Content::Bytes(text.as_bytes().into()))
}

/// Adds a path and the folders that it needs.
fn add(tree: &mut Tree, path: &str, kind: TreeKind, mode: u16) {
    tree.make_parents(path.as_bytes(), NOW).unwrap();
    tree.insert(path.as_bytes(), Entry::new(kind, mode, NOW))
        .unwrap();
}

/// A bundle's folder, of which only the image is there.
#[expect(clippy::too_many_lines, reason = "a manifest has many fields")]
fn bundle(folder: &Path, version: &str, change: impl FnOnce(&mut Tree)) -> Manifest {
    std::fs::create_dir_all(folder).unwrap();
    let mut tree = Tree::new(NOW);
    let files = [
        (
            "var/lib/dpkg/info/sudo.list",
            "/.\n/usr/bin/sudo\n/bin/other\n",
            0o644,
        ),
        ("usr/bin/sudo", "a program", 0o4755),
        ("usr/bin/other", "another", 0o755),
        ("etc/mine", "of an overlay", 0o644),
        (
            "usr/lib/systemd/system/dbus.socket",
            "[Socket]\nListenStream=/run/dbus/system_bus_socket\n",
            0o644,
        ),
        (
            "usr/lib/systemd/system/ssh.service",
            "[Service]\nExecStart=/usr/sbin/sshd -D\n",
            0o644,
        ),
        (
            "usr/lib/systemd/system/quiet.service",
            "[Service]\nExecStart=/bin/true\n",
            0o644,
        ),
    ];
    for (path, text, mode) in files {
        add(&mut tree, path, file(text), mode);
    }
    let wants = "etc/systemd/system/multi-user.target.wants/ssh.service";
    let link = TreeKind::Symlink(b"/usr/lib/systemd/system/ssh.service".to_vec());
    add(&mut tree, wants, link, 0o777);
    change(&mut tree);
    let options = kindling_ext4::Options {
        uuid: [1; 16],
        hash_seed: [2; 16],
        label: String::new(),
        epoch: NOW.seconds,
        free_bytes: 1 << 20,
        journal: None,
    };
    kindling_ext4::write(&tree, &options, &folder.join("rootfs.ext4"), &mut |_, _| {}).unwrap();
    let artifact = |file: &str| Artifact {
        file: file.into(),
        size: 7,
        sha256: String::new(),
    };
    Manifest {
        schema: 1,
        agent: false,
        name: "r".into(),
        description: String::new(),
        architecture: "amd64".into(),
        key: String::new(),
        kernel: Kernel {
            artifact: artifact("vmlinux"),
            release: String::new(),
        },
        initramfs: None,
        rootfs: Rootfs {
            artifact: artifact("rootfs.ext4"),
            filesystem: "ext4".into(),
            uuid: String::new(),
        },
        cmdline: String::new(),
        machine: Machine {
            vcpus: 1,
            memory_mib: 1,
            network: false,
        },
        ready: Readiness {
            marker: String::new(),
            timeout_s: 1,
        },
        npm: Vec::new(),
        packages: vec![Package {
            name: "sudo".into(),
            version: version.into(),
            architecture: "amd64".into(),
            sha256: String::new(),
        }],
        evidence: Vec::new(),
    }
}

#[test]
fn an_image_is_told_by_package_privilege_and_port() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = bundle(folder.path(), "1", |_| {});
    let found = inspect(folder.path(), &manifest).unwrap();
    assert_eq!(found.files, 7);
    assert_eq!(
        found.packages[0].bytes,
        ("a program".len() + "another".len()) as u64
    );
    assert_eq!(found.bytes, found.packages[0].bytes + found.unowned_bytes);
    let [sudo] = found.privileged.as_slice() else {
        panic!("{:?}", found.privileged)
    };
    assert_eq!(
        (sudo.path.as_str(), sudo.mode, sudo.package.as_deref()),
        ("/usr/bin/sudo", 0o4755, Some("sudo"))
    );
    let listener = |unit: &str, listens: &str, enabled| Listener {
        unit: unit.into(),
        listens: vec![listens.into()],
        enabled,
    };
    assert_eq!(
        found.listeners,
        [
            listener("dbus.socket", "/run/dbus/system_bus_socket stream", false),
            listener("ssh.service", "22/tcp", true),
        ]
    );
}

#[test]
fn changes_are_told_by_package_and_path() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (folder.path().join("a"), folder.path().join("b"));
    let first = bundle(&a, "1", |_| {});
    let second = bundle(&b, "2", |tree| {
        tree.insert(b"usr/bin/sudo", Entry::new(file("A program"), 0o755, NOW))
            .unwrap();
        tree.insert(b"new", Entry::new(file(""), 0o644, NOW))
            .unwrap();
        let mut entry = Entry::new(file("longer than before"), 0o644, NOW);
        entry.uid = 5;
        tree.insert(b"etc/mine", entry).unwrap();
    });
    let found = changes((&a, &first), (&b, &second)).unwrap();
    assert_eq!(
        found.packages,
        [("sudo".into(), Some("1".into()), Some("2".into()))]
    );
    let change = |path: &str, package: Option<&str>, what: &str| Change {
        path: path.into(),
        package: package.map(str::to_owned),
        what: what.into(),
    };
    assert_eq!(
        found.paths,
        [
            change(
                "/etc/mine",
                None,
                "owner 0:0 -> 5:0, content, 13 -> 18 bytes"
            ),
            change("/new", None, "added"),
            change("/usr/bin/sudo", Some("sudo"), "mode 4755 -> 0755, content"),
        ]
    );
    assert_eq!(
        changes((&a, &first), (&a, &first)).unwrap(),
        Changes::default()
    );
}

#[test]
fn every_path_is_listed_with_its_package() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = bundle(folder.path(), "1.0", |_| {});
    let listed = files(folder.path(), &manifest).unwrap();
    let find = |path: &str| listed.iter().find(|file| file.path == path).unwrap();
    let sudo = find("/usr/bin/sudo");
    let expected = ("file", 0o4755, 9, Some("sudo"));
    assert_eq!(
        (sudo.kind, sudo.mode, sudo.size, sudo.package.as_deref()),
        expected
    );
    assert_eq!(find("/etc/mine").package, None);
    assert_eq!(find("/usr/bin").kind, "directory");
    let wants = find("/etc/systemd/system/multi-user.target.wants/ssh.service");
    assert_eq!(wants.kind, "symlink");
    assert!(wants.target.as_deref().unwrap().ends_with("ssh.service"));
    assert!(listed.is_sorted_by_key(|file| file.path.clone()));
}
