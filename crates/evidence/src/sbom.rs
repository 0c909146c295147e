//! The software bill of materials: CycloneDX 1.6, <https://cyclonedx.org/docs/1.6/json/>.

use std::collections::{BTreeMap, BTreeSet};

use kindling_base::{Result, hash};
use kindling_deb::LockedPackage;
use serde_json::{Value, json};

use super::installed::Installed;
use super::licence::Licence;
use super::npm::Component;
use super::{Subject, purl};
use crate::{Kernel, Origin};
use kindling_programs::linked::Linked;

/// The bill of a subject: its packages, the kernel's source, and the crates in programs of ours.
pub(super) fn sbom(
    subject: &Subject<'_>,
    installed: &BTreeMap<String, Installed>,
    npm: &[Component],
) -> Result<Value> {
    let (origin, manifest) = (subject.origin, subject.manifest);
    let mut parts = Parts::default();
    let of_name: BTreeMap<&str, String> = (origin.packages.iter())
        .map(|package| (package.name.as_str(), purl::deb(origin, package)))
        .collect();
    for package in origin.packages {
        let known = installed.get(&package.name).cloned().unwrap_or_default();
        let needs = known
            .depends
            .iter()
            .filter_map(|name| of_name.get(name.as_str()).cloned());
        let needs: Vec<String> = needs.collect();
        let id = purl::deb(origin, package);
        parts.add(&id, deb(package, &id, &known), needs);
    }
    for component in npm {
        parts.add(&component.id, component.to_json(), component.needs.clone());
    }
    let kernel = kernel(origin, &of_name, &mut parts);
    let linux = json!({
        "type": "operating-system", "bom-ref": "vmlinux", "name": "linux", "version": manifest.kernel.release,
        "hashes": hashes(&manifest.kernel.artifact.sha256),
        "licenses": [{"license": {"id": "GPL-2.0-only"}}],
    });
    parts.add("vmlinux", linux, vec![kernel.clone()]);
    for program in &subject.programs {
        let needs = crates(program, &mut parts);
        let id = &program.program;
        let component =
            json!({"type": "application", "bom-ref": id, "name": id, "version": program.version});
        parts.add(id, component, needs);
    }
    if let Some(initramfs) = &manifest.initramfs {
        let (name, version, needs) = match &subject.init {
            // A distribution's is made of files of any of them.
            None => {
                let packages = of_name.values().cloned().collect();
                ("initrd.img", &manifest.kernel.release, packages)
            }
            Some(init) => {
                let mut needs = crates(init, &mut parts);
                if let Kernel::Image(_) = origin.kernel {
                    needs.push(kernel); // whose modules are in it
                }
                (init.program.as_str(), &init.version, needs)
            }
        };
        let component = json!({
            "type": "application", "bom-ref": "initramfs", "name": name,
            "version": version, "hashes": hashes(&initramfs.sha256),
        });
        parts.add("initramfs", component, needs);
    }
    let root = format!("{}@{}", manifest.name, &manifest.key[..12]);
    let ids = parts.components.iter();
    let all: BTreeSet<&str> = ids
        .filter_map(|component| component["bom-ref"].as_str())
        .collect();
    let mut dependencies = vec![json!({"ref": root, "dependsOn": all})];
    dependencies.append(&mut parts.dependencies);
    let serial = hash::format_uuid(&hash::uuid(&hash::bytes(manifest.key.as_bytes())));
    let metadata = metadata(subject, &root);
    Ok(json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": format!("urn:uuid:{serial}"),
        "version": 1,
        "metadata": metadata,
        "components": parts.components,
        "dependencies": dependencies,
        // What the image was built with and does not contain.
        "formulation": [{"bom-ref": "built-with", "components": built_with(origin)}],
    }))
}

/// The subject of the bill, whose id is `root`, and who wrote it.
fn metadata(subject: &Subject<'_>, root: &str) -> Value {
    let manifest = subject.manifest;
    json!({
        "timestamp": timestamp(subject.origin.epoch_s),
        "tools": {"components": [{
            "type": "application", "name": "kindling", "version": env!("CARGO_PKG_VERSION"),
        }]},
        "component": {
            "type": "operating-system", "bom-ref": root, "name": manifest.name,
            "version": &manifest.key[..12], "description": manifest.description,
            "hashes": hashes(&manifest.rootfs.artifact.sha256),
        },
    })
}

/// The packages of the build tools, each once.
fn built_with(origin: &Origin<'_>) -> Vec<Value> {
    let mut known = BTreeSet::new();
    let all = origin.tools.iter().flat_map(|tools| {
        let packages = tools.packages.iter();
        packages.map(move |package| (purl::tool(tools, package), package))
    });
    all.filter(|(id, _)| known.insert(id.clone()))
        .map(|(id, package)| {
            json!({
                "type": "library", "bom-ref": format!("built-with:{id}"), "name": package.name,
                "version": package.version, "purl": id, "hashes": hashes(&package.sha256),
            })
        })
        .collect()
}

/// Adds what the kernel was made of, unless a package of the image has it; returns its id.
fn kernel(origin: &Origin<'_>, packages: &BTreeMap<&str, String>, parts: &mut Parts) -> String {
    match origin.kernel {
        // One of the packages, and listed as such.
        Kernel::Image(image) => packages.get(image).cloned().unwrap_or_default(),
        Kernel::Package(package) => {
            let id = purl::deb(origin, package);
            parts.add(&id, deb(package, &id, &Installed::default()), Vec::new());
            id
        }
        Kernel::Url { url, sha256 } => {
            let id = "linux-source".to_owned();
            let component = json!({
                "type": "operating-system", "bom-ref": id, "name": "linux", "hashes": hashes(sha256),
                "externalReferences": [{"type": "source-distribution", "url": url}],
            });
            parts.add(&id, component, Vec::new());
            id
        }
    }
}

/// `2026-11-28T00:53:02Z` (RFC 3339) for seconds since 1970.
fn timestamp(seconds: u32) -> String {
    // Every u32 is within jiff's range, so that the default is never taken.
    let moment = jiff::Timestamp::from_second(seconds.into());
    moment.unwrap_or_default().to_string()
}

#[derive(Default)]
struct Parts {
    known: BTreeSet<String>,
    components: Vec<Value>,
    dependencies: Vec<Value>,
}

impl Parts {
    /// Adds a component; a crate that several programs have is there once.
    fn add(&mut self, id: &str, component: Value, needs: Vec<String>) {
        if !self.known.insert(id.to_owned()) {
            return;
        }
        self.components.push(component);
        self.dependencies
            .push(json!({"ref": id, "dependsOn": needs}));
    }
}

fn deb(package: &LockedPackage, id: &str, known: &Installed) -> Value {
    let mut component = json!({
        "type": "library", "bom-ref": id, "name": package.name, "version": package.version,
        "purl": id, "hashes": hashes(&package.sha256),
        "properties": [{"name": "kindling:pool", "value": package.path}],
    });
    if !known.maintainer.is_empty() {
        component["supplier"] = json!({"name": known.maintainer});
    }
    if !known.source.is_empty() {
        let source = json!({"name": "kindling:source", "value": known.source});
        component["properties"] = json!([component["properties"][0], source]);
    }
    let licence = |licence: &Licence| match licence {
        Licence::Spdx(id) => json!({"license": {"id": id}}),
        Licence::Named(name) => json!({"license": {"name": name}}),
    };
    if !known.licences.is_empty() {
        component["licenses"] = known.licences.iter().map(licence).collect();
    }
    component
}

/// Adds the crates that a program is linked from; returns their package URLs.
fn crates(linked: &Linked, parts: &mut Parts) -> Vec<String> {
    let mut needs = Vec::new();
    for one in &linked.crates {
        let id = purl::cargo(&one.name, &one.version);
        let mut component = json!({
            "type": "library", "bom-ref": id, "name": one.name, "version": one.version, "purl": id,
            "hashes": hashes(&one.sha256),
        });
        if let Some(expression) = &one.licence {
            component["licenses"] = json!([{"expression": expression}]);
        }
        parts.add(&id, component, Vec::new());
        needs.push(id);
    }
    needs
}

fn hashes(sha256: &str) -> Value {
    json!([{"alg": "SHA-256", "content": sha256}])
}
