//! The statement of origin: in-toto Statement v1 with a SLSA provenance v1 predicate,
//! <https://slsa.dev/spec/v1.0/provenance>.

use serde_json::{Value, json};

use super::{Subject, purl};
use crate::Kernel;

/// Where a bundle comes from: recipe, locks, keyrings, every downloaded file, those of the build tools among them. No clock and
/// no host: the same inputs have the same statement.
pub(super) fn provenance(subject: &Subject<'_>) -> Value {
    let origin = subject.origin;
    let manifest = subject.manifest;
    let mut subjects = vec![&manifest.kernel.artifact, &manifest.rootfs.artifact];
    subjects.extend(&manifest.initramfs);
    let named = |name: &str, sha256: &str| json!({"name": name, "digest": {"sha256": sha256}});
    let subjects = subjects
        .iter()
        .map(|artifact| named(&artifact.file, &artifact.sha256));
    let source = match origin.kernel {
        Kernel::Package(package) => Some(package),
        Kernel::Image(_) | Kernel::Url { .. } => None,
    };
    let mut inputs: Vec<Value> = (origin.packages.iter().chain(source))
        .map(|package| json!({"uri": purl::deb(origin, package), "digest": {"sha256": package.sha256}}))
        .collect();
    inputs.extend(origin.npm.iter().map(|package| {
        let sha512 = kindling_npm_tree::integrity::to_hex(&package.integrity).unwrap_or_default();
        json!({"uri": purl::npm(&package.name, &package.version), "digest": {"sha512": sha512}})
    }));
    if let Kernel::Url { url, sha256 } = origin.kernel {
        inputs.push(json!({"uri": url, "digest": {"sha256": sha256}}));
    }
    inputs.extend(origin.crates.iter().map(|one| {
        json!({"uri": purl::cargo(&one.name, &one.version), "digest": {"sha256": one.sha256}})
    }));
    for tools in &origin.tools {
        inputs.extend(tools.packages.iter().map(|package| {
            json!({
                "uri": purl::tool(tools, package), "digest": {"sha256": package.sha256},
                "annotations": {"kindling:tools": tools.name},
            })
        }));
        inputs.push(named(
            &format!("tools/{}.lock", tools.name),
            tools.lock_sha256,
        ));
    }
    for (name, sha256) in origin.keyrings {
        inputs.push(named(&format!("recipes/keyrings/{name}"), sha256));
    }
    for (name, sha256) in [
        (origin.recipe_file, origin.recipe_sha256),
        (origin.lock_file, origin.lock_sha256),
    ] {
        inputs.push(named(&format!("recipes/{name}"), sha256));
    }
    let stages: serde_json::Map<String, Value> = (origin.stages.iter())
        .map(|(stage, key)| ((*stage).to_owned(), Value::from(key.as_str())))
        .collect();
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subjects.collect::<Vec<_>>(),
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "urn:kindling:build-image:1",
                "externalParameters": {
                    "recipe": manifest.name,
                    "epoch": origin.epoch_s,
                },
                // Keys over everything that a stage reads: pins, fragments, overlays, tools, its own code.
                "internalParameters": {"stages": stages},
                "resolvedDependencies": inputs,
            },
            "runDetails": {
                "builder": {
                    "id": "urn:kindling:xtask",
                    "version": {"kindling": env!("CARGO_PKG_VERSION")},
                },
            },
        },
    })
}
