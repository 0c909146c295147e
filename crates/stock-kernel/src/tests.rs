use insta::assert_snapshot;
use kindling_tree::{Content, Entry, Timestamp};

use super::bzimage::tests::bzimage;
use super::*;
use kindling_testkit::{compressed, kernel};

const PACKAGE: &str = "linux-image-6.1.0-56-cloud-amd64";
const RELEASE: &str = "6.1.0-56-cloud-amd64";

/// A layer whose tree has these files.
fn layer(folder: &Path, files: &[(String, Vec<u8>)]) -> PathBuf {
    let mut tree = Tree::new(Timestamp::default());
    for (path, bytes) in files {
        let parts: Vec<&str> = path.split('/').collect();
        for end in 1..parts.len() {
            let parent = parts[..end].join("/");
            if tree.get(parent.as_bytes()).is_none() {
                let entry = Entry::new(Kind::Directory, 0o755, Timestamp::default());
                tree.insert(parent.as_bytes(), entry).unwrap();
            }
        }
        let kind = Kind::File(Content::Bytes(bytes.as_slice().into()));
        let entry = Entry::new(kind, 0o644, Timestamp::default());
        tree.insert(path.as_bytes(), entry).unwrap();
    }
    let file = std::fs::File::create(folder.join(kindling_debian_root::TREE)).unwrap();
    tree.write_tar(file).unwrap();
    folder.to_owned()
}

/// The files of a kernel's package.
fn stock() -> Vec<(String, Vec<u8>)> {
    let modules = format!("usr/lib/modules/{RELEASE}");
    let [_, (_, vmlinuz), ..] = compressed(&kernel(18, 0x10_0020));
    let [_, (_, blk), ..] = compressed(b"\x7fELF blk");
    vec![
        (format!("boot/vmlinuz-{RELEASE}"), bzimage(&vmlinuz)),
        (format!("boot/config-{RELEASE}"), b"CONFIG_PVH=y\n".to_vec()),
        (format!("boot/initrd.img-{RELEASE}"), b"070701".to_vec()),
        (
            format!("{modules}/modules.dep"),
            b"kernel/virtio_blk.ko.xz: kernel/virtio-ring.ko\nkernel/virtio-ring.ko:\nkernel/virtio_net.ko:\n".to_vec(),
        ),
        (format!("{modules}/modules.softdep"), Vec::new()),
        (format!("{modules}/modules.alias"), Vec::new()),
        (format!("{modules}/kernel/virtio_blk.ko.xz"), blk),
        (format!("{modules}/kernel/virtio-ring.ko"), b"\x7fELF ring".to_vec()),
        (format!("{modules}/kernel/virtio_net.ko"), b"\x7fELF net".to_vec()),
    ]
}

fn taken(files: &[(String, Vec<u8>)]) -> Result<tempfile::TempDir> {
    let folder = tempfile::tempdir().unwrap();
    let layers = [layer(folder.path(), files)];
    take(&layers, PACKAGE, &folder.path().join("out"))?;
    Ok(folder)
}

#[test]
fn only_packages_with_a_kernel_have_a_release() {
    assert_eq!(release(PACKAGE), Some(RELEASE));
    let ubuntu = "linux-image-unsigned-6.8.0-45-generic";
    assert_eq!(release(ubuntu), Some("6.8.0-45-generic"));
    for other in ["linux-image-cloud-amd64", "linux-image-", "linux-base"] {
        assert_eq!(release(other), None, "{other}");
    }
}

#[test]
fn kernel_configuration_and_needed_modules_are_taken() {
    let folder = taken(&stock()).unwrap();
    let out = folder.path().join("out");
    let read = |name: &str| std::fs::read(out.join(name)).unwrap();
    assert_eq!(read("vmlinux"), kernel(18, 0x10_0020));
    assert_eq!(read("config"), b"CONFIG_PVH=y\n");
    assert_eq!(read("release"), format!("{RELEASE}\n").as_bytes());
    assert_eq!(read("modules/order"), b"virtio_ring\nvirtio_blk\n");
    assert_eq!(read("modules/virtio_blk.ko"), b"\x7fELF blk");
    assert_eq!(std::fs::read_dir(out.join("modules")).unwrap().count(), 3);
    assert!(!modules(&out).unwrap().1);
    std::fs::write(out.join("config"), "CONFIG_RD_ZSTD=y\n").unwrap();
    assert!(modules(&out).unwrap().1);
    let layers = [folder.path().to_owned()];
    assert_eq!(initramfs(&layers, PACKAGE).unwrap(), b"070701");
}

#[test]
fn what_is_missing_or_unusable_is_named() {
    let without = |part: &str| -> Vec<_> {
        let files = stock().into_iter();
        files.filter(|(path, _)| !path.contains(part)).collect()
    };
    let report = |files: &[(String, Vec<u8>)]| taken(files).unwrap_err().report();
    assert_snapshot!(report(&without("vmlinuz")), @"error: the packages have no file /boot/vmlinuz-6.1.0-56-cloud-amd64, which a stock kernel has");
    assert_snapshot!(report(&without("modules.dep")), @"error: the packages have no file /usr/lib/modules/6.1.0-56-cloud-amd64/modules.dep, which a stock kernel has");
    let mut other = stock();
    other[0].1 = bzimage(b"BZh91AY");
    assert_snapshot!(report(&other), @r"
    error: the kernel of linux-image-6.1.0-56-cloud-amd64 cannot be used: /boot/vmlinuz-6.1.0-56-cloud-amd64
      because: it is compressed by bzip2, which is not supported (gzip, xz, zstd and lz4 are)
    hint: name another kernel in [kernel] image, or a source in [kernel] package
    ");
    let folder = tempfile::tempdir().unwrap();
    let layers = [layer(folder.path(), &without("initrd"))];
    assert_snapshot!(initramfs(&layers, PACKAGE).unwrap_err().report(), @r#"
    error: the packages have no file /boot/initrd.img-6.1.0-56-cloud-amd64, which a stock kernel has
    hint: add `initramfs-tools` to the packages, or say initramfs.mode = "minimal"
    "#);
}
