//! The kernel that a recipe means.

use kindling_base::Result;
use kindling_deb::LockedPackage;
use kindling_debian::{Index, Request, solve};

use super::start::Start;
use crate::layers;
use crate::lock::PinnedKernel;
use kindling_recipe::{KernelSource, Located, Recipe};
use kindling_stock_kernel as stock;

/// Pins the kernel; of a stock kernel, `packages` has the package. A source stays what `start` pins.
pub(super) fn pin(
    recipe: &Recipe,
    index: &Index,
    packages: &[LockedPackage],
    start: &Start,
) -> Result<PinnedKernel> {
    match &recipe.kernel.source {
        KernelSource::Image(name) => pin_image(name, packages),
        KernelSource::Url { url, sha256 } => Ok(PinnedKernel::Url {
            url: url.value.clone(),
            sha256: sha256.value.clone(),
        }),
        KernelSource::Package(name) => match start
            .alone(&name.value)
            .cloned()
            .or_else(|| index.candidate(&name.value))
        {
            Some(package) => Ok(PinnedKernel::Package { package }),
            None => Err(name
                .error(format!("the archive has no package `{}`", name.value))
                .hint("the kernel's source is a package such as `linux-source-6.1`")),
        },
    }
}

/// Adds a stock kernel and what it needs to packages that stay as they are, as a layer of its own: an image with another
/// kernel shares all below it.
pub(super) fn with_kernel(
    index: &mut Index,
    mut request: Request,
    root: &[LockedPackage],
    name: &Located<String>,
) -> Result<Vec<LockedPackage>> {
    index.prefer(root);
    request.packages.push(name.value.clone());
    let mut packages = solve(index, &request)?;
    layers::assign(&mut packages, root);
    Ok(packages)
}

/// The package with the kernel: the one that was asked for, or else the only one that has a kernel.
fn pin_image(name: &Located<String>, packages: &[LockedPackage]) -> Result<PinnedKernel> {
    let names = packages.iter().map(|package| package.name.as_str());
    let kernels: Vec<&str> = names
        .filter(|package| stock::release(package).is_some())
        .collect();
    let asked = kernels.iter().find(|kernel| **kernel == name.value);
    match (asked, kernels.as_slice()) {
        (Some(image), _) | (None, [image]) => Ok(PinnedKernel::Image {
            image: (*image).to_owned(),
        }),
        (None, []) => Err(name
            .error(format!("the package `{}` brings no kernel", name.value))
            .hint(
                "kernels are in packages such as `linux-image-amd64` and `linux-image-cloud-amd64`",
            )),
        (None, several) => Err(name
            .error(format!("`{}` is not the only kernel", name.value))
            .note(format!("the packages have {}", several.join(", ")))
            .hint("name the one to boot by its whole name")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    use kindling_recipe as recipe;

    fn package(name: &str) -> LockedPackage {
        LockedPackage {
            name: name.into(),
            version: "1".into(),
            architecture: "amd64".into(),
            size: 1,
            sha256: "00".into(),
            path: "pool/x.deb".into(),
            suite: "stable".into(),
            layer: 0,
        }
    }

    /// The kernel of these packages for a recipe that asks for `linux-image-amd64`.
    fn pinned(packages: &[&str]) -> Result<PinnedKernel, String> {
        let recipes = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../recipes");
        let recipe = recipe::load(&recipes.join("stock-kernel-debian-12.toml")).unwrap();
        let KernelSource::Image(name) = recipe.kernel.source else {
            panic!("{:?}", recipe.kernel.source);
        };
        let packages: Vec<_> = packages.iter().map(|name| package(name)).collect();
        let shown = recipes.display().to_string();
        pin_image(&name, &packages).map_err(|error| error.report().replace(&shown, "recipes"))
    }

    #[test]
    fn the_only_kernel_is_the_one_to_boot() {
        let image = |image: &str| {
            Ok(PinnedKernel::Image {
                image: image.into(),
            })
        };
        let newest = [
            "linux-image-cloud-amd64",
            "linux-image-6.1.0-56-cloud-amd64",
        ];
        assert_eq!(pinned(&newest), image(newest[1]));
        insta::assert_snapshot!(pinned(&["linux-base"]).unwrap_err(), @r#"
        error: recipes/stock-kernel-debian-12.toml:10:9: the package `linux-image-cloud-amd64` brings no kernel
          10 | image = "linux-image-cloud-amd64"
             |         ^^^^^^^^^^^^^^^^^^^^^^^^^
        hint: kernels are in packages such as `linux-image-amd64` and `linux-image-cloud-amd64`
        "#);
        let two = ["linux-image-6.1.0-1-amd64", "linux-image-6.1.0-2-amd64"];
        insta::assert_snapshot!(pinned(&two).unwrap_err(), @r#"
        error: recipes/stock-kernel-debian-12.toml:10:9: `linux-image-cloud-amd64` is not the only kernel
          10 | image = "linux-image-cloud-amd64"
             |         ^^^^^^^^^^^^^^^^^^^^^^^^^
          the packages have linux-image-6.1.0-1-amd64, linux-image-6.1.0-2-amd64
        hint: name the one to boot by its whole name
        "#);
    }
}
