//! Linux as a judge of the ext4 writer: it mounts an image read-write, reads all of it, writes, and unmounts.

use std::path::Path;

use kindling_base::{Command, hash};
use kindling_ext4::{JournalSize, Options};
use kindling_tests::{Ran, project};
use kindling_tree::{Content, Entry, Kind, Timestamp, Tree};

const TIME: Timestamp = Timestamp {
    seconds: 1_700_000_000,
    nanoseconds: 5,
};
/// Enough names for a directory with an index of two levels.
const NAMES: usize = 3000;

/// The script that judges the disk: the guest copies it off the disk, then runs it.
const JUDGE: &str = "
mount -t ext4 /dev/vdb /mnt && cd /mnt || reboot -ff
sha256sum --check --quiet SUMS && echo judge: content is right
test $(ls many | wc -l) = 3000 && echo judge: all names are listed
test many/name-0007 -ef linked && echo judge: links are links
i=0; while [ $i -lt 500 ]; do echo $i > many/new-$i || break; i=$((i + 1)); done
rm many/name-1*; mkdir -p deep/er; mv large deep/er/moved; echo more >> sparse
dd if=/dev/urandom of=written bs=1M count=12 2> /dev/null; truncate -s 1000 appended
sha256sum written > written.sum; ln written deep/er/again
cd /; umount /mnt && echo judge: unmounted
mount -t ext4 /dev/vdb /mnt && cd /mnt && sha256sum --check --quiet written.sum && echo judge: what was written is there
cd /; umount /mnt
dmesg | grep -E 'EXT4-fs (error|warning)' || echo judge: the kernel has nothing to complain of
";

fn file(bytes: &[u8]) -> Kind {
    Kind::File(Content::Bytes(bytes.into()))
}

/// A tree with what ext4 has special forms for.
fn tree() -> Tree {
    let mut tree = Tree::new(TIME);
    let mut sums = String::new();
    let mut add = |path: &str, kind: Kind| {
        if let Kind::File(content) = &kind {
            sums.push_str(&format!(
                "{}  {path}\n",
                hash::bytes(&content.read().unwrap())
            ));
        }
        tree.insert(path.as_bytes(), Entry::new(kind, 0o755, TIME))
            .unwrap();
    };
    add("many", Kind::Directory);
    for number in 0..NAMES {
        add(
            &format!("many/name-{number:04}"),
            file(format!("{number}").as_bytes()),
        );
    }
    let noise: Vec<u8> = (0..9_000_001_u32)
        .map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    add("large", file(&noise));
    // Holes between data: more extents than an inode holds.
    let mut sparse = vec![0; 40 << 20];
    for piece in 0..40 {
        sparse[piece << 20..(piece << 20) + 5000].copy_from_slice(&noise[piece..piece + 5000]);
    }
    add("sparse", file(&sparse));
    add("appended", file(b"short"));
    add("short-link", Kind::Symlink(b"many/name-0000".to_vec()));
    add("long-link", Kind::Symlink(vec![b'x'; 200]));
    add("pipe", Kind::Fifo);
    let mut attributed = Entry::new(file(b"attributed"), 0o644, TIME);
    attributed
        .xattrs
        .insert(b"user.large".to_vec(), vec![7; 2000]);
    attributed
        .xattrs
        .insert(b"user.small".to_vec(), b"x".to_vec());
    tree.insert(b"attributed", attributed).unwrap();
    let target = Kind::HardLink(b"linked".to_vec());
    let linked = tree.get(b"many/name-0007").unwrap().clone();
    tree.insert(b"linked", linked).unwrap();
    tree.insert(b"many/name-0007", Entry::new(target, 0o755, TIME))
        .unwrap();
    tree.insert(b"SUMS", Entry::new(file(sums.as_bytes()), 0o644, TIME))
        .unwrap();
    tree.insert(b"judge", Entry::new(file(JUDGE.as_bytes()), 0o644, TIME))
        .unwrap();
    tree
}

fn write(image: &Path) {
    let options = Options {
        uuid: *b"kernel judge\x80\x80\x80\x80",
        hash_seed: *b"a seed of sixtee",
        label: "judged".into(),
        epoch: TIME.seconds,
        free_bytes: 32 << 20,
        journal: Some(JournalSize::Auto),
    };
    kindling_ext4::write(&tree(), &options, image, &mut |_, _| {}).unwrap();
}

fn e2fsck(image: &Path) -> Ran {
    Ran::new(&Command::new("/usr/sbin/e2fsck").arg("-fn").arg(image))
}

#[test]
fn linux_mounts_an_image_writes_to_it_and_leaves_it_sound() {
    let bundle = project().join("out/minimal-debian-12-direct");
    assert!(
        bundle.exists(),
        "run the tests with `cargo xtask test`, which builds it"
    );
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("second.img");
    write(&image);
    e2fsck(&image).ok();
    let before = kindling_base::sparse::hash(&image).unwrap();

    let copy = "mount -t ext4 /dev/vdb /mnt && cp /mnt/judge /judge && umount /mnt && sh /judge; reboot -ff";
    let cmdline = format!(
        "{} console=ttyS0 root=/dev/vda rootfstype=ext4 rw quiet panic=1 reboot=t init=/bin/sh -- -c \"{copy}\"",
        kindling_launcher::tsc::kernel_arguments() // without it, Linux never gets up on a busy host
    );
    let drive = |id: &str, path: &Path, snapshot: &str| {
        format!(
            "id={id},if=none,format=raw,snapshot={snapshot},file={}",
            path.display()
        )
    };
    let qemu = Command::new("timeout")
        .args(["240", "qemu-system-x86_64"])
        .args([
            "-M",
            "microvm,accel=tcg,rtc=on,pcie=on,usb=off",
            "-cpu",
            "max",
        ])
        .args([
            "-m",
            "512M",
            "-smp",
            "2",
            "-nodefaults",
            "-no-reboot",
            "-display",
            "none",
        ])
        .args(["-serial", "stdio"])
        .arg("-kernel")
        .arg(bundle.join("vmlinux"))
        .args(["-drive", &drive("root", &bundle.join("rootfs.ext4"), "on")])
        .args(["-device", "virtio-blk-pci,drive=root"])
        .args(["-drive", &drive("second", &image, "off")])
        .args(["-device", "virtio-blk-pci,drive=second"])
        .args(["-append", &cmdline]);
    let ran = Ran::new(&qemu);
    assert_eq!(ran.code, 0, "{}\nthe console:\n{}", ran.stderr, ran.stdout);
    let console = ran.stdout;
    for verdict in [
        "content is right",
        "all names are listed",
        "links are links",
        "unmounted",
        "what was written is there",
        "the kernel has nothing to complain of",
    ] {
        assert!(
            console.contains(&format!("judge: {verdict}")),
            "no `{verdict}` in:\n{console}"
        );
    }
    assert_ne!(kindling_base::sparse::hash(&image).unwrap(), before);
    e2fsck(&image).ok();
    let debugfs = Command::new("/usr/sbin/debugfs")
        .args(["-R", "stat /deep/er/moved"])
        .arg(&image);
    let moved = Ran::new(&debugfs).ok().stdout;
    assert!(moved.contains("Size: 9000001"), "{moved}");
}
