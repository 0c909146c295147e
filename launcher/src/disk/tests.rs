//! Disks as QEMU itself sees them.

use std::io::Write;
use std::process::Stdio;

use kindling_base::{Command, hash};

use super::*;

/// A bundle's folder with an image of `size` bytes: a hole, but for 0x5a in the first and the last MiB.
fn bundle(root: &Path, size: u64) -> (PathBuf, Artifact) {
    use std::os::unix::fs::FileExt;
    let folder = root.join("bundle");
    files::create_dir_all(&folder).unwrap();
    let image = files::create(&folder.join("rootfs.ext4")).unwrap();
    image.set_len(size).unwrap();
    for at in [0, size - (1 << 20)] {
        image.write_all_at(&[0x5a; 1 << 20], at).unwrap();
    }
    let artifact = Artifact {
        file: "rootfs.ext4".to_owned(),
        size,
        sha256: "of no matter here".to_owned(),
    };
    (folder, artifact)
}

/// Runs `qemu-io` commands on a disk in a QEMU without a machine; `None` without QEMU.
fn qemu_io(folder: &Path, disk: &Disk, commands: &[&str]) -> Option<String> {
    let drive = format!(
        "id=root,if=none,file={},format={}",
        disk.file.display(),
        disk.format.name()
    );
    let program = crate::vmm::qemu::PROGRAM;
    let mut command = Command::new(program)
        .args([
            "-M",
            "none",
            "-nodefaults",
            "-display",
            "none",
            "-monitor",
            "stdio",
        ])
        .args(["-drive", &drive])
        .directory(folder)
        .to_std();
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let Ok(mut child) = command.spawn() else {
        eprintln!("skipped: {program} is not installed");
        return None;
    };
    let mut script: String = commands
        .iter()
        .map(|c| format!("qemu-io root \"{c}\"\n"))
        .collect();
    script.push_str("quit\n");
    child
        .stdin
        .take()
        .unwrap()
        .write_all(script.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{text}");
    Some(text)
}

/// The complaints of `qemu-img check` about an overlay, if it is installed.
fn check(folder: &Path, disk: &Disk) {
    let command = Command::new("qemu-img")
        .args(["check", "-f", "qcow2"])
        .arg(&disk.file);
    match command.directory(folder).run() {
        Ok(output) => assert!(output.text().contains("No errors were found"), "{output:?}"),
        Err(error) if error.exit() == kindling_base::Exit::User => {
            eprintln!("skipped: qemu-img is not installed");
        }
        Err(error) => panic!("{}", error.report()),
    }
}

#[test]
fn writes_go_to_the_vms_own_disk_and_reads_fall_through() {
    const SIZE: u64 = 3 << 30; // six L1 entries
    let root = tempfile::tempdir().unwrap();
    let (bundle, artifact) = bundle(root.path(), SIZE);
    let folder = root.path().join("vm");
    files::create_dir_all(&folder).unwrap();
    let image = bundle.join("rootfs.ext4");
    let facts = |path: &Path| {
        let meta = path.metadata().unwrap();
        (meta.modified().unwrap(), meta.len())
    };
    let before = (facts(&image), head(&image));
    let disk = create(&folder, &bundle, &artifact).unwrap();

    let Some(said) = qemu_io(
        &folder,
        &disk,
        &[
            "write -P 0xab 4096 8192",
            "write -P 0xcd 2684354560 65536",
            "flush",
        ],
    ) else {
        return;
    };
    assert!(
        said.contains("wrote 8192/8192") && said.contains("wrote 65536/65536"),
        "{said}"
    );
    let reads = [
        "read -P 0x5a 0 4096",
        "read -P 0xab 4096 8192",
        "read -P 0x5a 12288 4096",
        "read -P 0xcd 2684354560 65536",
        "read -P 0 1073741824 65536",
        "read -P 0x5a 3220176896 1048576",
    ];
    let said = qemu_io(&folder, &disk, &reads).unwrap();
    assert_eq!(said.matches("\nread ").count(), reads.len(), "{said}");
    assert!(!said.contains("Pattern verification failed"), "{said}");
    assert_eq!(
        (facts(&image), head(&image)),
        before,
        "the bundle's image is as it was"
    );
    if disk.format == Format::Qcow2 {
        check(&folder, &disk);
    }
}

/// A hash over the part of the image that the test's first write would have changed.
fn head(image: &Path) -> String {
    use std::io::Read;
    let mut bytes = Vec::new();
    files::open(image)
        .unwrap()
        .take(1 << 20)
        .read_to_end(&mut bytes)
        .unwrap();
    hash::bytes(&bytes)
}

#[test]
fn a_file_that_cannot_be_linked_is_named_by_its_path() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("a");
    std::fs::write(&file, "x").unwrap();
    assert_eq!(link(&file, root.path(), "b"), Path::new("b"));
    assert_eq!(link(&file, root.path(), "b"), file, "the name is taken");
}
