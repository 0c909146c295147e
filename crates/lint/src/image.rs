//! The image that the rules look at.

use std::collections::BTreeSet;

use kindling_tree::Tree;

/// An image before it boots.
#[derive(Debug)]
pub struct Image<'a> {
    /// Everything in its root filesystem.
    pub tree: &'a Tree,
    /// Its kernel.
    pub kernel: Kernel<'a>,
    /// The initramfs; `None` where the kernel mounts the root disk itself.
    pub initramfs: Option<Initramfs>,
    /// The kernel's command line, without what a launcher adds.
    pub cmdline: &'a str,
    /// Memory of the machine, in MiB.
    pub memory_mib: u32,
    /// Whether the machine has a network card; the launcher then adds `ip=`.
    pub network: bool,
    /// Paths, without a leading slash, that the recipe itself lays into the tree: overlays and programs.
    pub own: &'a BTreeSet<Vec<u8>>,
    /// Names of the packages that the recipe asks for.
    pub requested: &'a [String],
}

/// A kernel.
#[derive(Clone, Copy, Debug)]
pub struct Kernel<'a> {
    /// The text of its `.config`.
    pub config: &'a str,
    /// The first bytes of its file, 64 or more.
    pub head: &'a [u8],
    /// Bytes of its file.
    pub bytes: u64,
}

/// An initramfs.
#[derive(Clone, Debug, Default)]
pub struct Initramfs {
    /// Bytes of its file.
    pub bytes: u64,
    /// Bytes of what it unpacks to.
    pub unpacked: u64,
    /// Names of the kernel modules in it: `virtio_blk`.
    pub modules: Vec<String>,
}
