//! Packages of npm in an image, as its bill of materials lists them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ext4_view::{Ext4, Ext4Error};
use kindling_base::{Error, Result};
use kindling_npm_tree::integrity::to_hex;
use kindling_npm_tree::{LIBRARY, LockedNpm};
use serde_json::{Value, json};

use super::purl;

/// A package of npm: one for each version, wherever it is installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Component {
    /// Its package URL.
    pub(super) id: String,
    name: String,
    version: String,
    /// Lowercase hexadecimal.
    sha512: String,
    /// Its folders.
    places: Vec<String>,
    licence: Option<String>,
    /// Package URLs of what it depends on.
    pub(super) needs: Vec<String>,
}

/// The packages of a lock, with what their `package.json` in the image says of licences and dependencies.
///
/// # Errors
/// The image does not read.
pub(super) fn read(image: &Path, packages: &[LockedNpm]) -> Result<Vec<Component>> {
    if packages.is_empty() {
        return Ok(Vec::new());
    }
    let wrong = |error: Ext4Error| {
        Error::external(format!("cannot read {}", image.display())).because(error)
    };
    let system = Ext4::load_from_path(image).map_err(wrong)?;
    let about = |package: &LockedNpm| {
        let path = format!("/{LIBRARY}/{}/package.json", package.path);
        let text = system.read(path.as_str()).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or(Value::Null)
    };
    Ok(components(packages, about))
}

fn components(packages: &[LockedNpm], about: impl Fn(&LockedNpm) -> Value) -> Vec<Component> {
    let by_path: BTreeMap<&str, &LockedNpm> = packages
        .iter()
        .map(|package| (package.path.as_str(), package))
        .collect();
    let mut components: BTreeMap<String, Component> = BTreeMap::new();
    for package in packages {
        let about = about(package);
        let needs: BTreeSet<String> = ["dependencies", "optionalDependencies", "peerDependencies"]
            .iter()
            .filter_map(|field| about.get(field)?.as_object())
            .flat_map(|needs| needs.keys())
            .filter_map(|name| found(&package.path, name, &by_path))
            .map(id)
            .collect();
        let component = components.entry(id(package)).or_insert_with(|| Component {
            id: id(package),
            name: package.name.clone(),
            version: package.version.clone(),
            sha512: to_hex(&package.integrity).unwrap_or_default(),
            places: Vec::new(),
            licence: licence(&about),
            needs: Vec::new(),
        });
        component
            .places
            .push(format!("/{LIBRARY}/{}", package.path));
        component.needs.extend(needs);
        component.needs.sort_unstable();
        component.needs.dedup();
    }
    components.into_values().collect()
}

fn id(package: &LockedNpm) -> String {
    purl::npm(&package.name, &package.version)
}

/// The package that Node.js finds for `name` from inside another.
fn found<'a>(
    from: &str,
    name: &str,
    by_path: &BTreeMap<&str, &'a LockedNpm>,
) -> Option<&'a LockedNpm> {
    let mut folder = Some(from);
    while let Some(at) = folder {
        if let Some(package) = by_path.get(format!("{at}/node_modules/{name}").as_str()) {
            return Some(package);
        }
        folder = at.rfind("/node_modules/").map(|slash| &at[..slash]);
    }
    by_path
        .get(format!("node_modules/{name}").as_str())
        .copied()
}

/// The licence, `MIT` or an expression; older packages have an object or a list of them.
fn licence(about: &Value) -> Option<String> {
    let one = |value: &Value| {
        let text = value.as_str().or_else(|| value.get("type")?.as_str())?;
        (!text.trim().is_empty()).then(|| text.trim().to_owned())
    };
    let several = |list: &Vec<Value>| {
        let names: Vec<String> = list.iter().filter_map(one).collect();
        (!names.is_empty()).then(|| names.join(" OR "))
    };
    about
        .get("license")
        .and_then(one)
        .or_else(|| about.get("licenses")?.as_array().and_then(several))
}

impl Component {
    /// As CycloneDX has it.
    pub(super) fn to_json(&self) -> Value {
        let places = self.places.iter().map(|place| json!({"location": place}));
        let mut component = json!({
            "type": "library", "bom-ref": self.id, "name": self.name, "version": self.version, "purl": self.id,
            "hashes": [{"alg": "SHA-512", "content": self.sha512}],
            "evidence": {"occurrences": places.collect::<Vec<_>>()},
        });
        if let Some(licence) = &self.licence {
            // A name says less than an identifier and is right for all that packages write: `SEE LICENSE IN ...`.
            component["licenses"] = json!([{"license": {"name": licence}}]);
        }
        component
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_component_a_version_with_what_node_finds() {
        let package = |path: &str, name: &str, version: &str| LockedNpm {
            path: path.into(),
            name: name.into(),
            version: version.into(),
            integrity: String::new(),
            tarball: None,
            node: None,
        };
        let packages = [
            package("node_modules/@s/app", "@s/app", "1.0.0"),
            package("node_modules/@s/app/node_modules/b", "real-b", "2.0.0"),
            package("node_modules/b", "b", "1.0.0"),
            package("node_modules/c", "c", "1.0.0"),
            package("node_modules/c/node_modules/b", "real-b", "2.0.0"),
        ];
        let about = |package: &LockedNpm| match package.name.as_str() {
            "@s/app" => json!({"license": "MIT", "dependencies": {"b": "1", "absent": "1"}}),
            "real-b" => {
                json!({"licenses": [{"type": "ISC"}, "MIT"], "peerDependencies": {"c": "1"}})
            }
            _ => Value::Null,
        };
        let shown: Vec<String> = components(&packages, about)
            .iter()
            .map(|c| {
                format!(
                    "{} {} x{} needs {}",
                    c.id,
                    c.licence.as_deref().unwrap_or("?"),
                    c.places.len(),
                    c.needs.join(" ")
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                "pkg:npm/%40s/app@1.0.0 MIT x1 needs pkg:npm/real-b@2.0.0",
                "pkg:npm/b@1.0.0 ? x1 needs ",
                "pkg:npm/c@1.0.0 ? x1 needs ",
                "pkg:npm/real-b@2.0.0 ISC OR MIT x2 needs pkg:npm/c@1.0.0",
            ]
        );
    }
}
