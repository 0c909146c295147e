//! `recipes/<name>.lock`: every input pinned, no host named, one line a package.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use kindling_base::hash::{self, Hasher};
use kindling_base::{Error, Result, files};
use kindling_deb::{LockedPackage, LockedSuite};
use kindling_npm_tree::LockedNpm;
use serde::{Deserialize, Serialize};

use kindling_recipe::{KernelSource, Located, Recipe};

/// Version of the file's format.
pub(crate) const VERSION: u32 = 1;

/// A recipe with all its inputs pinned. What fetches or builds takes only this.
#[derive(Clone, Debug)]
pub struct Locked {
    /// The request.
    pub recipe: Recipe,
    /// The answer: every input pinned.
    pub lock: Lock,
}

/// The contents of a lock file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Lock {
    /// Format version.
    pub version: u32,
    /// Hash of the part of the recipe that decides the resolution. Another request needs a new lock.
    pub request: String,
    /// Where the kernel comes from.
    pub kernel: PinnedKernel,
    /// Where each suite stood when the packages were chosen.
    #[serde(default)]
    pub suites: Vec<LockedSuite>,
    /// Every package of the root filesystem, sorted by name.
    pub packages: Vec<LockedPackage>,
    /// Every package of npm, sorted by path.
    #[serde(default)]
    pub npm: Vec<LockedNpm>,
}

impl Lock {
    /// Every .deb: the packages, and the one with the kernel's source if that is one.
    pub fn debs(&self) -> impl Iterator<Item = &LockedPackage> {
        let kernel = match &self.kernel {
            PinnedKernel::Package { package } => Some(package),
            PinnedKernel::Image { .. } | PinnedKernel::Url { .. } => None,
        };
        self.packages.iter().chain(kernel)
    }

    /// Whether both pin the same files. The state of the archive alone does not call for a new lock.
    pub fn pins_the_same(&self, other: &Self) -> bool {
        self.request == other.request
            && self.kernel == other.kernel
            && self.packages == other.packages
            && self.npm == other.npm
    }
}

/// The kernel, pinned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PinnedKernel {
    /// A kernel that is built already: the package of the root filesystem that holds it.
    Image {
        /// Its name, `linux-image-6.1.0-56-cloud-amd64`; the rest is pinned among the packages.
        image: String,
    },
    /// A .deb that holds `usr/src/linux-*.tar.xz`.
    Package {
        /// The .deb.
        package: LockedPackage,
    },
    /// A tarball anywhere.
    Url {
        /// Its address, from the recipe.
        url: String,
        /// Its SHA-256, from the recipe.
        sha256: String,
    },
}

impl PinnedKernel {
    /// SHA-256 of the file that holds the source, if it is built from one.
    pub fn source_sha256(&self) -> Option<&str> {
        match self {
            Self::Image { .. } => None,
            Self::Package { package } => Some(&package.sha256),
            Self::Url { sha256, .. } => Some(sha256),
        }
    }
}

/// The path of a recipe's lock: beside it, with the ending `.lock`.
pub fn path(recipe: &Path) -> PathBuf {
    recipe.with_extension("lock")
}

/// Reads the lock beside a recipe; `None` where there is none.
///
/// # Errors
/// It cannot be read or parsed, or is of another format.
pub fn read(path: &Path) -> Result<Option<Lock>> {
    parse(path, |lock: &Lock| lock.version)
}

/// Reads a lock of any kind, which says its format's version.
pub(crate) fn parse<T: serde::de::DeserializeOwned>(
    path: &Path,
    version: impl FnOnce(&T) -> u32,
) -> Result<Option<T>> {
    if !path.exists() {
        return Ok(None);
    }
    let text = files::read_text(path)?;
    let lock: T = toml::from_str(&text).map_err(|error| {
        Error::user(format!("{} does not parse", path.display()))
            .because(error)
            .hint("restore it from version control, or write it anew with `cargo xtask lock`")
    })?;
    let version = version(&lock);
    if version != VERSION {
        return Err(Error::user(format!(
            "{} has format {version}, this program reads format {VERSION}",
            path.display(),
        ))
        .hint("write it anew with `cargo xtask lock`"));
    }
    Ok(Some(lock))
}

/// Writes a lock, all of it or nothing.
///
/// # Errors
/// The folder cannot be written.
pub fn write(path: &Path, lock: &Lock) -> Result<()> {
    files::write_atomic(path, render(lock).as_bytes(), 0o644)
}

/// A fresh lock for a request.
pub fn new(
    recipe: &Recipe,
    kernel: PinnedKernel,
    suites: Vec<LockedSuite>,
    packages: Vec<LockedPackage>,
    npm: Vec<LockedNpm>,
) -> Lock {
    Lock {
        suites,
        version: VERSION,
        request: request(recipe),
        kernel,
        packages,
        npm,
    }
}

/// Hash of what decides the resolution: distribution, suites, components, packages, recommends, packages of npm and
/// the kernel. The rest of a recipe may change without a new lock.
pub fn request(recipe: &Recipe) -> String {
    let mut hasher = Hasher::new();
    let rootfs = &recipe.rootfs;
    let join = |list: &[Located<String>]| {
        list.iter()
            .map(|item| item.value.as_str())
            .collect::<Vec<_>>()
            .join("\n")
    };
    hasher
        .field(&recipe.image.distribution.value)
        .field(&recipe.image.architecture);
    hasher
        .field(join(&rootfs.suites))
        .field(join(&rootfs.components));
    hasher
        .field(join(&rootfs.packages))
        .field([u8::from(rootfs.recommends)]);
    for archive in &rootfs.archives {
        let archive = &archive.value;
        hasher.field("archive").field(&archive.name);
        hasher
            .field(join(&archive.suites))
            .field(join(&archive.components));
    }
    if !recipe.npm.packages.is_empty() {
        hasher.field("npm").field(join(&recipe.npm.packages));
    }
    match &recipe.kernel.source {
        KernelSource::Image(name) => hasher.field("image").field(&name.value),
        KernelSource::Package(name) => hasher.field("package").field(&name.value),
        KernelSource::Url { url, sha256 } => {
            hasher.field("url").field(&url.value).field(&sha256.value)
        }
    };
    hasher.finish()
}

/// SHA-256 of a lock as it is written.
pub fn sha256(lock: &Lock) -> String {
    hash::bytes(render(lock).as_bytes())
}

fn render(lock: &Lock) -> String {
    let mut text = String::from(
        "# Every input of the recipe beside this file, pinned. Written by `cargo xtask lock`; commit it.\n",
    );
    render_suites_and_packages(&mut text, &lock.request, &lock.suites, &lock.packages);
    if !lock.npm.is_empty() {
        text.push_str("]\n\nnpm = [\n");
        for package in &lock.npm {
            let _ = writeln!(text, "    {},", inline_npm(package));
        }
    }
    text.push_str("]\n\n[kernel]\n");
    let _ = match &lock.kernel {
        PinnedKernel::Image { image } => writeln!(text, "image = {}", quote(image)),
        PinnedKernel::Package { package } => writeln!(text, "package = {}", inline(package)),
        PinnedKernel::Url { url, sha256 } => {
            writeln!(text, "url = {}\nsha256 = {}", quote(url), quote(sha256))
        }
    };
    text
}

/// Writes what every lock begins with, up to the end of its list of packages, which stays open.
pub(crate) fn render_suites_and_packages(
    text: &mut String,
    request: &str,
    suites: &[LockedSuite],
    packages: &[LockedPackage],
) {
    let _ = writeln!(text, "version = {VERSION}\nrequest = {}\n", quote(request));
    text.push_str("suites = [\n");
    for suite in suites {
        let LockedSuite {
            name,
            date,
            signed_by,
        } = suite;
        let (name, date, signed_by) = (quote(name), quote(date), quote(signed_by));
        let _ = writeln!(
            text,
            "    {{ name = {name}, date = {date}, signed_by = {signed_by} }},"
        );
    }
    text.push_str("]\n\npackages = [\n");
    for package in packages {
        let _ = writeln!(text, "    {},", inline(package));
    }
}

/// One package as an inline table, on one line, so that a version change is one line of a diff.
fn inline(package: &LockedPackage) -> String {
    let LockedPackage {
        name,
        version,
        architecture,
        suite,
        size,
        sha256,
        path,
        layer,
    } = package;
    let layer = match layer {
        0 => String::new(),
        layer => format!(", layer = {layer}"),
    };
    format!(
        "{{ name = {}, version = {}, architecture = {}, suite = {}, size = {size}, sha256 = {}, path = {}{layer} }}",
        quote(name),
        quote(version),
        quote(architecture),
        quote(suite),
        quote(sha256),
        quote(path),
    )
}

fn inline_npm(package: &LockedNpm) -> String {
    let LockedNpm {
        path,
        name,
        version,
        integrity,
        tarball,
        node,
    } = package;
    let mut text = format!(
        "{{ path = {}, name = {}, version = {}, integrity = {}",
        quote(path),
        quote(name),
        quote(version),
        quote(integrity)
    );
    for (key, value) in [("tarball", tarball), ("node", node)] {
        if let Some(value) = value {
            let _ = write!(text, ", {key} = {}", quote(value));
        }
    }
    text + " }"
}

fn quote(text: &str) -> String {
    toml::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_kernel_is_read_as_it_is_written() {
        let package = LockedPackage {
            name: "linux-source-6.1".into(),
            version: "6.1.192-1".into(),
            architecture: "all".into(),
            size: 1,
            sha256: "00".into(),
            path: "pool/x.deb".into(),
            suite: "stable".into(),
            layer: 0,
        };
        let (url, sha256) = ("https://kernel.example/linux.tar.xz".into(), "00".into());
        let image = "linux-image-6.1.0-56-cloud-amd64".into();
        for kernel in [
            PinnedKernel::Image { image },
            PinnedKernel::Package {
                package: package.clone(),
            },
            PinnedKernel::Url { url, sha256 },
        ] {
            let lock = Lock {
                version: VERSION,
                request: "00".into(),
                kernel,
                suites: Vec::new(),
                packages: vec![package.clone()],
                npm: Vec::new(),
            };
            assert_eq!(toml::from_str::<Lock>(&render(&lock)).unwrap(), lock);
        }
    }
}
