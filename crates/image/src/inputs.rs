//! The inputs of a build that no lock pins: files of the checkout.

use kindling_base::hash;
use kindling_base::{Result, files};

use kindling_kernel::Fragment;
use kindling_programs::{self as programs, Program, hash_sources};
use kindling_recipe::Recipe;
use kindling_rootfs::guest_programs::AGENT_OVERLAY;
use kindling_rootfs::overlay::{self, OverlayEntry};

use crate::project::Project;

/// The inputs, read once so that key and result are of the same bytes.
#[derive(Debug)]
pub struct Inputs {
    /// SHA-256 of the recipe's file: evidence names it.
    pub recipe: String,
    /// Kernel configuration fragments in the recipe's order.
    pub fragments: Vec<Fragment>,
    /// Rendered overlays, in order.
    pub overlays: Vec<OverlayEntry>,
    /// Programs of ours for the root filesystem, in the recipe's order.
    pub programs: Vec<Program>,
    /// Hash of the initramfs program's source.
    pub initramfs: String,
    /// Hash of the agent's sources, where the image has it.
    pub agent: Option<String>,
}

/// Reads the inputs of a recipe.
///
/// # Errors
/// A fragment, overlay or program does not exist, or a template does not render.
pub fn read(recipe: &Recipe, project: &Project) -> Result<Inputs> {
    let fragments = recipe.kernel.fragments.iter().map(|name| {
        Fragment::read(&project.kernel_config(), &name.value).map_err(|error| name.locate(error))
    });
    let variables = variables(recipe);
    let mut overlays = Vec::new();
    if recipe.rootfs.agent {
        overlays.extend(overlay::read(
            &project.overlays(),
            AGENT_OVERLAY,
            &variables,
        )?);
    }
    for name in &recipe.rootfs.overlays {
        let entries = overlay::read(&project.overlays(), &name.value, &variables);
        overlays.extend(entries.map_err(|error| name.locate(error))?);
    }
    let programs = recipe.rootfs.programs.iter().map(|name| {
        programs::read(&project.programs(), &name.value).map_err(|error| name.locate(error))
    });
    Ok(Inputs {
        recipe: hash::bytes(&files::read(&recipe.path)?),
        fragments: fragments.collect::<Result<_>>()?,
        overlays,
        programs: programs.collect::<Result<_>>()?,
        initramfs: hash_sources(&project.initramfs())?,
        agent: recipe
            .rootfs
            .agent
            .then(|| hash_sources(&project.agent()))
            .transpose()?,
    })
}

/// The variables of overlay templates: the recipe's `[rootfs.variables]` and the built-in names.
fn variables(recipe: &Recipe) -> std::collections::BTreeMap<String, toml::Value> {
    let own = recipe.rootfs.variables.iter();
    let mut variables: std::collections::BTreeMap<_, _> = own
        .map(|(name, value)| (name.clone(), toml::Value::from(value.as_str())))
        .collect();
    for (name, value) in [
        ("name", &recipe.name),
        ("hostname", &recipe.image.hostname),
        ("ready_marker", &recipe.ready.marker),
    ] {
        variables.insert(name.to_owned(), toml::Value::from(value.as_str()));
    }
    variables
}
