//! A project with one tiny recipe and an archive of its own.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use kindling_testkit::{Deb, LoopbackMirror, Repository, Signer, Suite};

use kindling_store::Store;

use crate::{Ran, Scratch};

/// A scratch project whose recipe `tiny` takes its packages from an archive of its own.
pub struct Tiny {
    /// The project.
    pub scratch: Scratch,
    /// The signer of its archive.
    pub signer: Signer,
    /// The server of its archive.
    pub mirror: LoopbackMirror,
}

impl Tiny {
    /// Its recipe asks for `packages`, a list in TOML without its brackets.
    pub fn new(packages: &str) -> Self {
        let scratch = Scratch::new();
        let signer = Signer::new();
        fs::create_dir(scratch.path("mirror")).unwrap();
        let mirror = LoopbackMirror::serve(&scratch.path("mirror"));
        scratch.write("recipes/keyrings/tiny.asc", &signer.certificate());
        let minimal = fs::read_to_string(scratch.path("recipes/minimal-debian-12.toml")).unwrap();
        let (before, rest) = minimal.split_once("\n[rootfs]\n").unwrap();
        let (_, after) = rest.split_once("\n[vm]\n").unwrap();
        let rootfs = format!(
            "suites = [\"stable\"]\ncomponents = [\"main\"]\nkeyring = \"tiny\"\npackages = [{packages}]\n\
             recommends = false\noverlays = []\nfree_mib = 1"
        );
        scratch.write(
            "recipes/tiny.toml",
            &format!("{before}\n[rootfs]\n{rootfs}\n\n[vm]\n{after}"),
        );
        let tiny = Self {
            scratch,
            signer,
            mirror,
        };
        tiny.publish(|_| {});
        tiny
    }

    /// Publishes the archive, after `change`.
    pub fn publish(&self, change: impl FnOnce(&mut Suite)) {
        let mut suite = Suite::new(
            "stable",
            vec![
                Deb::new("base", "1").field("Essential: yes"),
                Deb::new("lonely", "1").field("Depends: absent (>= 2)"),
                Deb::new("chained", "1").field("Depends: lonely"),
                Deb::endless_kernel("6.1.1"),
            ],
        );
        change(&mut suite);
        Repository::new(&self.scratch.path("mirror")).publish(&suite, &self.signer);
    }

    /// `cargo xtask ARGUMENTS tiny`, with the mirror and a store of its own.
    pub fn run(&self, args: &[&str]) -> Ran {
        self.run_recipe("tiny", "store", args)
    }

    /// `cargo xtask ARGUMENTS RECIPE`, with the mirror and the store in this folder of the project.
    pub fn run_recipe(&self, recipe: &str, store: &str, args: &[&str]) -> Ran {
        let mirror = format!("debian={}", self.mirror.url());
        let store = self.scratch.path(store);
        lend_tools(&store);
        let common = [
            recipe,
            "--mirror",
            &mirror,
            "--store",
            store.to_str().unwrap(),
        ];
        Ran::new(&self.scratch.xtask(&[args, &common].concat()))
    }
}

/// Lends a store the roots of build tools that this machine's has, which no archive of a test could give it.
fn lend_tools(store: &Path) {
    let stages = Store::default_root().unwrap().join("stages");
    let lent = store.join("stages");
    fs::create_dir_all(&lent).unwrap();
    for name in ["linux-tools", "rust-tools"] {
        if stages.join(name).exists() && !lent.join(name).exists() {
            symlink(stages.join(name), lent.join(name)).unwrap();
        }
    }
}
