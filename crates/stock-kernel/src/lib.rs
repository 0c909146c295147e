//! A kernel that a distribution has built: one of the packages of the root filesystem, out of whose tree it is taken.
//!
//! Taking it from the configured tree and not from its .deb means that depmod(8) has run and that it does not matter how
//! a distribution spreads a kernel over packages.

mod bzimage;
mod closure;

use std::path::{Path, PathBuf};

use kindling_base::{Error, Result, files};
use kindling_tree::{Kind, Tree};

use closure::Depmod;
use kindling_decompress::decompress;

/// The hash of all code that this stage's results depend on.
pub const CODE: &str = env!("KINDLING_CODE");

/// Name of the kernel in its stage folder.
pub const FILE: &str = "vmlinux";

/// Folder of the kernel's stage with the modules that reaching the root needs: `NAME.ko` each, decompressed, and
/// [`ORDER`].
const MODULES: &str = "modules";

/// The names of those modules, one a line, each after what it needs.
const ORDER: &str = "order";

/// The way from a microVM's first instruction to its root: the two buses that a virtio disk can be on, the
/// disk's driver, and the file system that our images have. What of it is built in brings no module.
const REACHING_ROOT: [&str; 4] = ["virtio_pci", "virtio_mmio", "virtio_blk", "ext4"];

/// Beginnings of names of packages with a kernel; `unsigned-` is Ubuntu's for one without a signature.
const PACKAGE: &str = "linux-image-";
const UNSIGNED: &str = "unsigned-";

/// The release (what `uname -r` says) of the kernel that a package holds: `6.1.0-56-cloud-amd64` for
/// `linux-image-6.1.0-56-cloud-amd64`. `None` for a package without a kernel, such as `linux-image-cloud-amd64`, which
/// depends on the newest one.
pub fn release(package: &str) -> Option<&str> {
    let rest = package.strip_prefix(PACKAGE)?;
    let release = rest.strip_prefix(UNSIGNED).unwrap_or(rest);
    release
        .starts_with(|c: char| c.is_ascii_digit())
        .then_some(release)
}

/// Takes the kernel of `package` out of the tree of these layers: `out/vmlinux`, `out/config`, `out/release` as
/// a kernel from source has them, and [`MODULES`].
///
/// # Errors
/// The package has no kernel that a microVM can start; a file is missing or damaged.
pub fn take(layers: &[PathBuf], package: &str, out: &Path) -> Result<()> {
    let tree = kindling_debian_root::layer::tree(layers)?;
    let release = release_of(package)?;
    files::create_dir_all(out)?;

    let vmlinuz = format!("boot/vmlinuz-{release}");
    let elf = bzimage::unpack(&content(&tree, &vmlinuz)?)
        .map_err(|fault| unusable(package, &vmlinuz).because(fault))?;
    let vmlinux = out.join(FILE);
    files::write(&vmlinux, &elf)?;
    kindling_vmlinux::check(&vmlinux).map_err(|error| error.within(format!("/{vmlinuz}")))?;
    let config = content(&tree, &format!("boot/config-{release}"))?;
    files::write(&out.join("config"), &config)?;
    files::write(&out.join("release"), format!("{release}\n").as_bytes())?;
    take_modules(&tree, release, &out.join(MODULES))
}

/// The initramfs that the distribution's own tools made when the kernel's package was configured.
///
/// # Errors
/// There is none: the package of these tools is not among the packages.
pub fn initramfs(layers: &[PathBuf], package: &str) -> Result<Vec<u8>> {
    let tree = kindling_debian_root::layer::tree(layers)?;
    let path = format!("boot/initrd.img-{}", release_of(package)?);
    content(&tree, &path).map_err(|error| {
        error.hint("add `initramfs-tools` to the packages, or say initramfs.mode = \"minimal\"")
    })
}

/// The folder of the modules that [`take`] put into a kernel's stage, and whether that kernel can read an initramfs that
/// zstd compressed (`CONFIG_RD_ZSTD`).
///
/// # Errors
/// The kernel's configuration cannot be read.
pub fn modules(kernel: &Path) -> Result<(PathBuf, bool)> {
    let config = files::read_text(&kernel.join("config"))?;
    let reads_zstd = config.lines().any(|line| line == "CONFIG_RD_ZSTD=y");
    Ok((kernel.join(MODULES), reads_zstd))
}

/// Writes the modules and their order.
fn take_modules(tree: &Tree, release: &str, to: &Path) -> Result<()> {
    let folder = format!("usr/lib/modules/{release}");
    let table = |name: &str| {
        let bytes = content(tree, &format!("{folder}/{name}"))?;
        Ok::<_, Error>(String::from_utf8_lossy(&bytes).into_owned())
    };
    let depmod = Depmod::parse(
        &table("modules.dep")?,
        &table("modules.softdep")?,
        &table("modules.alias")?,
    );
    files::create_dir_all(to)?;
    let mut order = String::new();
    for module in depmod.closure(&REACHING_ROOT) {
        let path = format!("{folder}/{}", module.path);
        let bytes = content(tree, &path)?;
        let bytes = match bytes.starts_with(b"\x7fELF") {
            true => bytes,
            false => decompress(&bytes).map_err(|fault| {
                Error::external(format!("/{path} is no kernel module")).because(fault)
            })?,
        };
        files::write(&to.join(format!("{}.ko", module.name)), &bytes)?;
        order += &format!("{}\n", module.name);
    }
    files::write(&to.join(ORDER), order.as_bytes())
}

fn release_of(package: &str) -> Result<&str> {
    release(package).ok_or_else(|| {
        Error::user(format!("the package `{package}` of the lock has no kernel"))
            .hint("write the lock anew with `cargo xtask lock`")
    })
}

fn content(tree: &Tree, path: &str) -> Result<Vec<u8>> {
    match tree.get(path.as_bytes()).map(|entry| &entry.kind) {
        Some(Kind::File(content)) => content.read(),
        _ => Err(Error::user(format!(
            "the packages have no file /{path}, which a stock kernel has"
        ))),
    }
}

fn unusable(package: &str, vmlinuz: &str) -> Error {
    Error::user(format!(
        "the kernel of {package} cannot be used: /{vmlinuz}"
    ))
    .hint("name another kernel in [kernel] image, or a source in [kernel] package")
}

#[cfg(test)]
mod tests;
