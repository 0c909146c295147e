//! The choice of a version.

use std::rc::Rc;

use crate::catalog::Catalog;
use crate::manifest::Manifest;
use crate::packument::Preferences;
use crate::spec::Spec;

/// A version that was chosen, shared by the trees that have it.
pub(super) type Chosen = Rc<Manifest>;

/// The version of a package that npm would take, or why there is none.
pub(super) fn pick(
    catalog: &Catalog<'_>,
    spec: &Spec,
    preferences: &Preferences,
) -> Result<Chosen, String> {
    let Some(packument) = catalog.get(&spec.name) else {
        return Err(format!("the registry has no package {}", spec.name));
    };
    packument
        .pick(spec, preferences)
        .ok_or_else(|| format!("no version fits {spec}: {}", packument.shown()))
}

/// The error for a package that cannot be installed at all.
pub(super) fn unusable(manifest: &Manifest) -> Option<String> {
    let shown = format!("{} {}", manifest.name, manifest.version);
    if !manifest.platforms.fit() {
        return Some(format!(
            "{shown} is for {}, not for linux x64 glibc",
            manifest.platforms.shown()
        ));
    }
    if manifest.integrity.is_none() {
        return Some(format!(
            "the registry has no SHA-512 of {shown}, so that it cannot be pinned"
        ));
    }
    None
}
