//! The peer's way: mmdebstrap, tar for what comes from npm, and mke2fs.

use std::path::{Path, PathBuf};

use kindling_base::{Command, Context, Error, Result, files};

use crate::Subject;

/// A repository of the subject's packages, and where the peer builds.
pub(crate) struct Peer {
    folder: PathBuf,
    names: String,
    /// Packages of npm: the unzipped tarball of each and the folder it belongs in, parents first.
    npm: Vec<(PathBuf, PathBuf)>,
    epoch: u32,
    image_kib: u64,
}

impl Peer {
    pub(crate) fn prepare(subject: &Subject<'_>, folder: &Path) -> Result<Self> {
        let repository = folder.join("repository");
        files::create_dir_all(&repository)?;
        let (mut index, mut names, mut installed_kib) = (String::new(), Vec::new(), 0_u64);
        for package in &subject.locked.lock.packages {
            let blob = subject.store.blob(&package.sha256).ok_or_else(|| {
                Error::user(format!("{} is not in the store", package.path))
                    .hint("build the recipe once with an empty store, or raise the limits of `gc`")
            })?;
            let file = format!("{}_{}.deb", package.name, package.architecture);
            std::os::unix::fs::symlink(&blob, repository.join(&file))
                .context(format!("cannot link {file}"))?;
            let control = Command::new("dpkg-deb").arg("-f").arg(&blob).run()?.text();
            let installed = control
                .lines()
                .find_map(|line| line.strip_prefix("Installed-Size:"));
            installed_kib += installed
                .and_then(|kib| kib.trim().parse().ok())
                .unwrap_or(0);
            let (size, sha256) = (package.size, &package.sha256);
            index.push_str(&format!(
                "{}\nFilename: ./{file}\nSize: {size}\nSHA256: {sha256}\n\n",
                control.trim_end()
            ));
            names.push(package.name.as_str());
        }
        files::write_atomic(&repository.join("Packages"), index.as_bytes(), 0o644)?;
        let root = folder.join("root");
        let npm = npm(subject, &root.join(kindling_npm_tree::LIBRARY))?;
        for (tarball, _) in &npm {
            installed_kib += files::metadata(tarball)?.len() / 1024;
        }
        Ok(Self {
            folder: folder.to_owned(),
            names: names.join(","),
            npm,
            epoch: subject.locked.recipe.image.epoch_s,
            // The recipe may leave files out, which the peer does not, and mke2fs needs more room than our writer.
            image_kib: (subject.image_bytes / 1024).max(installed_kib) / 10 * 12,
        })
    }

    pub(crate) fn clear(&self) -> Result<()> {
        files::remove(&self.folder.join("root"))?;
        files::remove(&self.folder.join("image"))
    }

    pub(crate) fn build(&self) -> Result<()> {
        let (root, image) = (self.folder.join("root"), self.folder.join("image"));
        let source = format!(
            "deb [trusted=yes] copy:{} ./",
            self.folder.join("repository").display()
        );
        Command::new("mmdebstrap")
            .args(["--quiet", "--variant=essential", "--format=directory"])
            .arg(format!("--include={}", self.names))
            .arg("--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr")
            .arg("") // no suite: the repository is flat
            .arg(&root)
            .arg(source)
            .env("SOURCE_DATE_EPOCH", self.epoch.to_string())
            .run()?;
        for (tarball, to) in &self.npm {
            files::create_dir_all(to)?;
            Command::new("tar")
                .args(["--extract", "--no-same-owner", "--strip-components=1"])
                .arg("--file")
                .arg(tarball)
                .arg("--directory")
                .arg(to)
                .run()?;
        }
        Command::new("mke2fs")
            .args(["-q", "-t", "ext4", "-d"])
            .arg(&root)
            .arg(&image)
            .arg(format!("{}k", self.image_kib))
            .run()?;
        files::open(&image)?
            .sync_all()
            .context(format!("cannot sync {}", image.display()))
    }
}

/// The tarballs of the lock's packages of npm, each with the folder that `tar` is to unpack it into.
fn npm(subject: &Subject<'_>, library: &Path) -> Result<Vec<(PathBuf, PathBuf)>> {
    let packages = &subject.locked.lock.npm; // sorted: a package comes before those inside it
    let tarballs = kindling_npm_tree::stored(packages, subject.store)?.ok_or_else(|| {
        Error::user("a package of npm is not in the store").hint("build the recipe once")
    })?;
    let folders = packages.iter().map(|package| library.join(&package.path));
    Ok(tarballs.into_iter().zip(folders).collect())
}
