//! Our way: `build-image` in a project and a store of its own.

use std::path::{Path, PathBuf};

use kindling_base::{Command, Context, Result, files};
use kindling_image::stage;
use kindling_store::Store;

use crate::Subject;

/// A file of an overlay that every recipe has; only the benchmark looks at its content.
const EDITED: &str = "rootfs-overlays/base/etc/kindling-bench";

/// The recipe with one package more, a small one that no other has.
const MORE: &str = "bench-one-package-more";
const PACKAGE: &str = "hello";

/// Stages that are made anew from empty: those that the peer makes too, and the lint. All others are in the store.
const CLEARED: [&str; 3] = [stage::PACKAGES, stage::ROOTFS, stage::LINT];

/// A copy of the project, and a store that has all but packages and image.
pub(crate) struct Ours {
    program: PathBuf,
    recipe: String,
    folder: PathBuf,
}

impl Ours {
    pub(crate) fn prepare(subject: &Subject<'_>, folder: &Path) -> Result<Self> {
        files::create_dir_all(folder)?;
        subject.project.copy_to(folder)?;
        let store = Store::open(&folder.join("store"))?;
        for package in subject.locked.lock.debs() {
            if let Some(blob) = subject.store.blob(&package.sha256) {
                store.adopt_blob(&package.sha256, &blob)?;
            }
        }
        let made = subject
            .plan
            .stages()
            .filter(|stage| !CLEARED.contains(&stage.name));
        for stage in made {
            if let Some(path) = stage.result(subject.store) {
                store.adopt_stage(stage.name, &stage.key, &path)?;
            }
        }
        Ok(Self {
            program: subject.program.to_owned(),
            recipe: subject.locked.recipe.name.clone(),
            folder: folder.to_owned(),
        })
    }

    /// Forgets packages and image.
    pub(crate) fn clear(&self) -> Result<()> {
        files::remove(&self.folder.join("out"))?;
        for stage in CLEARED {
            files::remove(&self.folder.join("store/stages").join(stage))?;
        }
        Ok(())
    }

    /// Edits one file of an overlay.
    pub(crate) fn edit(&self, round: usize) -> Result<()> {
        let path = self.folder.join(EDITED);
        std::fs::write(&path, format!("round {round}\n"))
            .context(format!("cannot write {}", path.display()))
    }

    /// Makes the recipe with one package more, its lock and its download.
    pub(crate) fn prepare_more(&self) -> Result<()> {
        let recipes = self.folder.join("recipes");
        let text = format!(
            "extends = \"{}\"\n\n[rootfs]\npackages = [\"{PACKAGE}\"]\n",
            self.recipe
        );
        files::write(&recipes.join(format!("{MORE}.toml")), text.as_bytes())?;
        // A new recipe starts from its parent's pins: what is measured does not depend on what the mirror has got since.
        files::remove(&recipes.join(format!("{MORE}.lock")))?;
        self.run(&["lock", MORE])?;
        self.build_more()
    }

    /// Builds the recipe with one package more.
    pub(crate) fn build_more(&self) -> Result<()> {
        self.run(&["build-image", MORE, "--locked"])
    }

    pub(crate) fn build(&self) -> Result<()> {
        self.run(&["build-image", &self.recipe, "--locked"])
    }

    /// `cargo xtask ARGUMENTS` in the project and the store of its own.
    fn run(&self, arguments: &[&str]) -> Result<()> {
        let command = Command::new(&self.program).directory(&self.folder);
        let command = command.args(arguments);
        let command = command.args(["--quiet", "--no-install", "--store"]);
        let command = command.arg(self.folder.join("store"));
        command.inherit().run().map(drop)
    }
}
