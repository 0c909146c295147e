//! Recipes: what an engineer writes, in TOML, to describe an image.
//!
//! [`load`] reads a recipe and its ancestors (`extends`), merges them key by key and checks every value, so
//! that later stages need no check of their own. All mistakes are reported together, each with file, line,
//! column, the line itself and a suggestion. Values that a later stage may have to complain about (a package
//! that no archive has) are [`Located`] for that purpose.

mod cmdline;
mod decode;
mod extends;
mod find;
mod instant;
mod lint;
mod name;
mod reader;
pub mod tools;
mod tree;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kindling_base::{Error, Result};

pub use find::find;
pub use kindling_lint::Waiver;
pub use kindling_located::{Located, Location};
pub use kindling_rootfs::{Exclusion, User};
pub use tools::ToolsSpec;

/// A recipe with everything inherited and checked.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// The file's name without `.toml`; a bundle is called so.
    pub name: String,
    /// The file itself.
    pub path: PathBuf,
    /// Every file that was read: the recipe, then its parent, its grandparent ...
    pub inputs: Vec<PathBuf>,
    /// The image's properties.
    pub image: Image,
    /// How its kernel is made.
    pub kernel: KernelSpec,
    /// The initramfs, which finds the root disk.
    pub initramfs: Initramfs,
    /// The contents of its root filesystem.
    pub rootfs: RootfsSpec,
    /// Packages of npm in it.
    pub npm: NpmSpec,
    /// The machine it is made for.
    pub vm: Vm,
    /// How a launcher learns that it is up.
    pub ready: Ready,
    /// Findings before boot that are let pass.
    pub lint: Vec<Located<Waiver>>,
}

/// `[image]`
#[derive(Clone, Debug)]
pub struct Image {
    /// One line for a person.
    pub description: String,
    /// Name that mirrors go by: `debian`, `ubuntu`.
    pub distribution: Located<String>,
    /// Debian's name of the architecture; only `amd64` for now.
    pub architecture: String,
    /// Seconds since 1970-01-01T00:00:00Z to which every time in the image is clamped.
    pub epoch_s: u32,
    /// Host name of the guest.
    pub hostname: String,
}

/// `[kernel]`
#[derive(Clone, Debug)]
pub struct KernelSpec {
    /// Where it comes from.
    pub source: KernelSource,
    /// Names of `kernel-config/NAME.config`, later ones win; none for a kernel that is built already.
    pub fragments: Vec<Located<String>>,
    /// The command line; launchers add `ip=`.
    pub cmdline: Located<String>,
}

/// Where the kernel comes from.
#[derive(Clone, Debug)]
pub enum KernelSource {
    /// A kernel that the distribution has built, and its modules: a package, which becomes part of the root filesystem, or
    /// one that depends on it: `linux-image-cloud-amd64`.
    Image(Located<String>),
    /// A package of the distribution that holds the source: `linux-source-6.1`.
    Package(Located<String>),
    /// A tarball.
    Url {
        /// Its `http://` or `https://` address.
        url: Located<String>,
        /// SHA-256 of the tarball, 64 lowercase hexadecimal digits.
        sha256: Located<String>,
    },
}

/// `[initramfs]`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Initramfs {
    /// Our own PID 1 finds the root disk by name, UUID, label or partition and switches to it. Of a stock kernel it loads
    /// the modules that this needs.
    Minimal,
    /// The distribution's own, made when the stock kernel's package was configured: slow, and there to compare ours with.
    Distribution,
    /// The kernel mounts the root disk itself.
    None,
}

/// `[rootfs]`
#[derive(Clone, Debug)]
pub struct RootfsSpec {
    /// Suites of the archive: `bookworm`, `bookworm-updates` ...
    pub suites: Vec<Located<String>>,
    /// Components of each suite: `main`.
    pub components: Vec<Located<String>>,
    /// Name of `keyrings/NAME.asc` or `.gpg` beside the recipes, with the archive's keys.
    pub keyring: Located<String>,
    /// Fingerprints of the keys in it that count; where there are none, all do.
    pub keys: Vec<String>,
    /// Archives of vendors, besides the distribution's own.
    pub archives: Vec<Located<VendorArchive>>,
    /// Packages asked for, in the recipe's order; what they depend on and what is essential comes with them.
    pub packages: Vec<Located<String>>,
    /// Whether recommended packages are installed as well.
    pub recommends: bool,
    /// Names of `crates/NAME`, programs of this project that become `/usr/lib/kindling/NAME` in the guest.
    pub programs: Vec<Located<String>>,
    /// Files of packages that are left out.
    pub exclude: Vec<Located<Exclusion>>,
    /// Accounts besides those that packages make.
    pub users: Vec<Located<User>>,
    /// Names of `rootfs-overlays/NAME/`, later ones win.
    pub overlays: Vec<Located<String>>,
    /// Whether the image has the agent, through which a launcher runs commands, copies files and makes clones guests of
    /// their own: the program, and the overlay `agent` under all others.
    pub agent: bool,
    /// Free space of the filesystem when it is new, in MiB.
    pub free_mib: u32,
    /// Values for the templates of overlays.
    pub variables: BTreeMap<String, String>,
    /// Mirrors by distribution.
    pub mirrors: BTreeMap<String, Located<String>>,
}

/// `[[rootfs.archives]]`: an archive that is not the distribution's.
#[derive(Clone, Debug)]
pub struct VendorArchive {
    /// Name that its mirrors go by: `google-chrome`.
    pub name: String,
    /// Its suites.
    pub suites: Vec<Located<String>>,
    /// Components of each suite.
    pub components: Vec<Located<String>>,
    /// Name of the keyring with the vendor's keys, which are trusted for this archive only.
    pub keyring: Located<String>,
    /// Fingerprints of the keys in it that count; where there are none, all do.
    pub keys: Vec<String>,
}

/// `[npm]`; a recipe may leave it out.
///
/// Each package is installed as `npm install --global` does it, below `/usr/local`, with its own dependencies inside its
/// own folder; no scripts of packages are run. Registries come from `--mirror npm=URL` and the other places for mirrors
/// (`[rootfs.mirrors]` among them), then from npm's own configuration. docs/npm.md says more.
#[derive(Clone, Debug, Default)]
pub struct NpmSpec {
    /// Packages asked for: `name`, `@scope/name`, and after another `@` a range of versions or a tag. Children of a recipe
    /// add to them, and take one away by its name after a `-`.
    pub packages: Vec<Located<String>>,
}

/// `[vm]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vm {
    /// Virtual processors.
    pub vcpus: u32,
    /// Memory in MiB.
    pub memory_mib: u32,
    /// Whether it has a network card.
    pub network: bool,
}

/// `[ready]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ready {
    /// A console line that begins with this text means ready.
    pub marker: String,
    /// Seconds after which a launcher gives up waiting.
    pub timeout_s: u32,
}

impl Recipe {
    /// Points an error that is about one of these values at its place, and another error at the recipe.
    pub fn locate<'a>(
        &self,
        error: Error,
        mut values: impl Iterator<Item = &'a Located<String>>,
    ) -> Error {
        match values.find(|value| error.subject() == Some(value.value.as_str())) {
            Some(value) => value.locate(error),
            None => error.within(self.path.display()),
        }
    }
}

/// Reads the recipe at `path` with everything it extends.
///
/// # Errors
/// A file cannot be read, or there are mistakes in it; all of them are in the one user error.
pub fn load(path: &Path) -> Result<Recipe> {
    let mut problems = Vec::new();
    let resolved = extends::resolve(path, &mut problems)?;
    let recipe = decode::decode(path, resolved, &mut problems);
    match recipe {
        Some(recipe) if problems.is_empty() => Ok(recipe),
        _ => Err(kindling_located::into_error(path, problems)),
    }
}
