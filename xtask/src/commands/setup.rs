//! The checkout, the store and the mirrors, which most commands need before they start.

use std::path::PathBuf;
use std::time::SystemTime;

use kindling_base::{Context, Result};
use kindling_image::project::Project;
use kindling_image::resolve::Sources;
use kindling_store::Store;

use crate::cli::{Global, RecipeArgs};

/// Checkout and store.
pub(crate) struct Setup {
    pub(crate) project: Project,
    pub(crate) store: Store,
}

impl Setup {
    /// Finds the checkout from the current folder upwards, and opens the store.
    pub(crate) fn new(global: &Global) -> Result<Self> {
        let here = std::env::current_dir().context("cannot find the current folder")?;
        let root = global.store.clone().map_or_else(Store::default_root, Ok)?;
        Ok(Self {
            project: Project::find(&here)?,
            store: Store::open(&root)?,
        })
    }

    /// The file of the recipe that was named.
    pub(crate) fn recipe(&self, args: &RecipeArgs) -> Result<PathBuf> {
        kindling_recipe::find(&args.recipe, &self.project.recipes())
    }

    pub(crate) fn sources<'a>(&'a self, args: &'a RecipeArgs) -> Sources<'a> {
        Sources {
            project: &self.project,
            store: &self.store,
            mirrors: &args.mirrors,
            allow_expired: args.allow_expired,
            now: SystemTime::now(),
        }
    }
}
