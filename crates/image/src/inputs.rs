//! The inputs of a build that no lock pins: files of the checkout.

use std::collections::BTreeSet;

use kindling_base::hash;
use kindling_base::{Result, files};

use kindling_kernel::Fragment;
use kindling_programs::{self as programs, Program, hash_sources};
use kindling_recipe::Recipe;
use kindling_rootfs::guest_programs::AGENT_OVERLAY;
use kindling_rootfs::overlay::{self, OverlayEntry};

use crate::keyring;
use crate::project::Project;

/// The inputs, read once so that key and result are of the same bytes.
#[derive(Debug)]
pub struct Inputs {
    /// SHA-256 of the recipe's file: evidence names it.
    pub recipe: String,
    /// Keyrings of the recipe's archives: file name and SHA-256. A lock needs none, so that one may be absent.
    pub keyrings: Vec<(String, String)>,
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
        keyrings: keyrings(recipe, project)?,
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

fn keyrings(recipe: &Recipe, project: &Project) -> Result<Vec<(String, String)>> {
    let vendors = recipe.rootfs.archives.iter();
    let vendors = vendors.map(|vendor| &vendor.value.keyring.value);
    let names: BTreeSet<&String> = std::iter::once(&recipe.rootfs.keyring.value)
        .chain(vendors)
        .collect();
    let found = names
        .into_iter()
        .filter_map(|name| keyring::find(&project.keyrings(), name).ok());
    found
        .map(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            Ok((name.into_owned(), hash::file(&path)?))
        })
        .collect()
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
