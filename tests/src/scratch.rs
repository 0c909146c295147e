//! A project in a temporary folder whose recipes a test may break.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use kindling_base::Command;
use tempfile::TempDir;

use crate::{kindling, xtask};

/// A copy of the project's data; `initramfs` and `crates` are links to the real ones.
#[derive(Debug)]
pub struct Scratch {
    folder: TempDir,
}

/// The checkout.
pub fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

impl Scratch {
    /// Makes one.
    #[expect(clippy::new_without_default, reason = "it makes a folder")]
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for part in ["recipes", "kernel-config", "rootfs-overlays", "tools"] {
            copy(&project().join(part), &folder.path().join(part));
        }
        for linked in ["initramfs", "crates"] {
            symlink(project().join(linked), folder.path().join(linked)).unwrap();
        }
        Self { folder }
    }

    /// Its root.
    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    /// A path inside it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    /// Replaces a link to a folder of the checkout by a copy, which the test may change; returns its path.
    pub fn own(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        fs::remove_file(&path).unwrap();
        copy(&project().join(name), &path);
        path
    }

    /// Writes a file, and its folders.
    pub fn write(&self, name: &str, text: &str) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), text).unwrap();
    }

    /// Writes `recipes/NAME.toml` and gives it the lock of the recipe it extends, so that nothing is resolved.
    pub fn recipe_like(&self, name: &str, parent: &str, text: &str) {
        self.write(
            &format!("recipes/{name}.toml"),
            &format!("extends = \"{parent}\"\n{text}"),
        );
        fs::copy(
            self.path(&format!("recipes/{parent}.lock")),
            self.path(&format!("recipes/{name}.lock")),
        )
        .unwrap();
    }

    /// Replaces a piece of a file, which must be there.
    #[track_caller]
    pub fn replace(&self, name: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path(name)).unwrap();
        assert!(text.contains(from), "{name} has no `{from}`");
        fs::write(self.path(name), text.replacen(from, to, 1)).unwrap();
    }

    /// `cargo xtask ...` in this project.
    pub fn xtask(&self, args: &[&str]) -> Command {
        xtask().directory(self.root()).args(args)
    }

    /// `cargo kindling ...` in this project, with VMs of its own.
    pub fn kindling(&self, args: &[&str]) -> Command {
        kindling()
            .directory(self.root())
            .env("KINDLING_STATE", self.path("state"))
            // As root, `auto` would attach test guests to a bridge of this very machine.
            .env("KINDLING_NETWORK", "user")
            .args(args)
    }
}

/// Copies a folder with links and permission bits.
fn copy(from: &Path, to: &Path) {
    Command::new("cp")
        .arg("-a")
        .arg(from)
        .arg(to)
        .run()
        .unwrap();
}
