//! The mirrors, the store and the rules for signatures of a resolution.

use std::time::SystemTime;

use kindling_base::Result;
use kindling_debian::Mirrors;
use kindling_recipe::Recipe;
use kindling_store::Store;

use crate::project::Project;

/// Where to resolve: mirrors, store and the rules for signatures.
#[derive(Clone, Debug)]
pub struct Sources<'a> {
    /// The checkout.
    pub project: &'a Project,
    /// The store that keeps indices.
    pub store: &'a Store,
    /// Mirrors named on the command line, each `NAME=URL`.
    pub mirrors: &'a [String],
    /// Whether an index whose Valid-Until has passed is good enough.
    pub allow_expired: bool,
    /// The time of this build, for Valid-Until only.
    pub now: SystemTime,
}

/// The mirrors of a recipe: command line, environment, recipe, user's configuration, the machine's apt.
///
/// # Errors
/// One of these sources does not parse.
pub fn mirrors(recipe: &Recipe, sources: &Sources<'_>) -> Result<Mirrors> {
    let named = recipe.rootfs.mirrors.iter();
    let named = named
        .map(|(name, url)| (name.clone(), url.value.clone()))
        .collect();
    Mirrors::of_this_machine(sources.mirrors, &named)
}
