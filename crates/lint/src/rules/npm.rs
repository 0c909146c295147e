//! Packages of npm whose native part is missing.

use std::collections::{BTreeMap, BTreeSet};

use kindling_base::Result;
use kindling_sysroot::elf::parse;
use kindling_sysroot::shown;
use serde_json::Value;

use crate::facts::Facts;
use crate::rule::{Report, Rule};

pub(super) const ADDON: Rule = Rule {
    name: "npm-addon",
    summary: "native addons of npm's packages are there",
    explanation: "Some packages of npm have a part in C++, an addon (`.node`), that an install script compiles or fetches. No script \
                  of a package is run here, so that `require` fails later with `Could not locate the bindings file`. Take a \
                  version that brings its addon (`prebuilds/`, or a package for each platform), or lay the addon into the \
                  package's folder by an overlay. Packages that nothing needs (optional dependencies) are notes.",
    check: addon,
};

/// Where packages of npm are.
const LIBRARY: &str = "usr/local/lib/node_modules/";
/// Programs in install scripts that make or fetch an addon.
const MAKERS: [&str; 6] = [
    "node-gyp",
    "node-pre-gyp",
    "prebuild-install",
    "node-gyp-build",
    "cmake-js",
    "napi-postinstall",
];
/// `e_machine` of x86-64.
const X86_64: u16 = 62;

/// A package: its folder without a last slash, and its package.json.
struct Package {
    folder: String,
    said: Value,
}

fn addon(facts: &Facts<'_>, report: &mut Report) -> Result<()> {
    let packages = packages(facts)?;
    let addons = addons(facts);
    let needed: BTreeSet<&str> = packages.iter().flat_map(needs).collect();
    let has = |folder: &str| {
        let inside = format!("{folder}/");
        let below = addons.range(inside.clone()..);
        let mut own = below.take_while(|path| path.starts_with(&inside));
        own.any(|path| !path[inside.len()..].contains("node_modules/"))
    };
    for Package { folder, said } in &packages {
        if !makes(facts, folder, said) || has(folder) {
            continue;
        }
        let optional = names(said, "optionalDependencies");
        // The folders in which Node.js looks for what a package asks for.
        let inside = format!("{folder}/node_modules/");
        let around = inside.match_indices("node_modules/");
        let mut around = around.map(|(at, part)| &inside[..at + part.len()]);
        if around.any(|library| optional.iter().any(|name| has(&format!("{library}{name}")))) {
            continue;
        }
        let name = folder.rsplit("node_modules/").next().unwrap_or(folder);
        let is_requested = folder.len() == LIBRARY.len() + name.len();
        let seen = report.add(
            format!("/{folder}"),
            "its native addon is missing: scripts of npm's packages, which would compile or fetch it, are not run",
        );
        seen.remedy("take a version that brings it, or lay it in by an overlay");
        if is_requested || needed.contains(name) {
            seen.of_image();
        }
    }
    Ok(())
}

/// All packages, by their package.json.
fn packages(facts: &Facts<'_>) -> Result<Vec<Package>> {
    let mut all = Vec::new();
    let below = facts.files.0.iter_from(LIBRARY.as_bytes());
    for (path, entry) in below.take_while(|(path, _)| path.starts_with(LIBRARY.as_bytes())) {
        let path = shown(path);
        let Some(folder) = path.strip_suffix("/package.json") else {
            continue;
        };
        let name = folder.rsplit("node_modules/").next().unwrap_or(folder);
        if name.matches('/').count() != usize::from(name.starts_with('@')) {
            continue; // a part of a package
        }
        if let Some(content) = facts.files.content(entry) {
            // What npm could not read is not a package.
            let said = serde_json::from_slice(&content.read()?).unwrap_or_default();
            let folder = folder.trim_start_matches('/').to_owned();
            all.push(Package { folder, said });
        }
    }
    Ok(all)
}

/// Paths of the addons that this machine can load.
fn addons(facts: &Facts<'_>) -> BTreeSet<String> {
    let below = facts.files.0.iter_from(LIBRARY.as_bytes());
    let below = below.take_while(|(path, _)| path.starts_with(LIBRARY.as_bytes()));
    let addons = below.filter(|(path, entry)| {
        let content = facts.files.content(entry);
        path.ends_with(b".node")
            && content.is_some_and(
                |content| matches!(parse(content), Ok(Some(elf)) if elf.machine.1 == X86_64),
            )
    });
    addons
        .map(|(path, _)| shown(path)[1..].to_owned())
        .collect()
}

/// Whether an install script would make an addon. npm runs node-gyp by itself where there is a binding.gyp.
fn makes(facts: &Facts<'_>, folder: &str, said: &Value) -> bool {
    let gyp = facts.files.may_exist(&format!("/{folder}/binding.gyp"));
    let script = |name: &&str| {
        let script = said.get("scripts").and_then(|scripts| scripts.get(name));
        let script = script.and_then(Value::as_str).unwrap_or_default();
        MAKERS.iter().any(|maker| script.contains(maker))
    };
    match said.get("gypfile").and_then(Value::as_bool) {
        Some(false) => false,
        Some(true) => true,
        None => gyp || ["preinstall", "install", "postinstall"].iter().any(script),
    }
}

/// The names that a package cannot do without.
fn needs(package: &Package) -> Vec<&str> {
    let optional = names(&package.said, "optionalDependencies");
    let all = names(&package.said, "dependencies").into_iter();
    all.filter(|name| !optional.contains(name)).collect()
}

fn names<'a>(said: &'a Value, key: &str) -> Vec<&'a str> {
    let object: BTreeMap<&str, &Value> = said
        .get(key)
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.as_str(), value))
        .collect();
    object.into_keys().collect()
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{Plan, notes, problems};

    const LIBRARY: &str = "usr/local/lib/node_modules";

    fn package(plan: Plan, path: &str, said: &str) -> Plan {
        plan.file(&format!("{LIBRARY}/{path}/package.json"), said)
    }

    fn addon(plan: Plan, path: &str) -> Plan {
        let library = std::fs::read("/lib/x86_64-linux-gnu/libc.so.6").unwrap();
        plan.bytes(&format!("{LIBRARY}/{path}"), 0o644, &library)
    }

    #[test]
    fn an_addon_that_no_script_made_is_told() {
        let install = r#"{"scripts":{"install":"prebuild-install || node-gyp rebuild --release"}}"#;
        let app = r#"{"dependencies":{"db":"1"},"optionalDependencies":{"fast":"1"}}"#;
        let plan = package(Plan::bootable(), "app", app);
        let plan = package(plan, "app/node_modules/db", install);
        let plan = package(plan, "app/node_modules/fast", r#"{"gypfile":true}"#);
        let plan = package(
            plan,
            "app/node_modules/plain",
            r#"{"scripts":{"install":"echo hi"}}"#,
        );
        let plan = package(plan, "app/node_modules/plain/test/a", install).made();
        insta::assert_snapshot!(problems("npm-addon", &plan).join("\n"), @"/usr/local/lib/node_modules/app/node_modules/db: its native addon is missing: scripts of npm's packages, which would compile or fetch it, are not run");
        assert_eq!(notes("npm-addon", &plan).len(), 1);
        let built = addon(plan, "app/node_modules/db/build/Release/db.node");
        assert_eq!(problems("npm-addon", &built), [""; 0]);
    }

    #[test]
    fn an_addon_may_be_in_the_package_of_the_platform() {
        let said = r#"{"optionalDependencies":{"@img/linux-x64":"1"},"gypfile":true}"#;
        let plan = package(Plan::bootable(), "@img/sharp", said);
        assert_eq!(problems("npm-addon", &plan).len(), 1);
        let plan = package(plan, "@img/sharp/node_modules/@img/linux-x64", "{}");
        let other = plan.clone().file(
            &format!("{LIBRARY}/@img/sharp/node_modules/@img/linux-x64/lib/a.node"),
            "other",
        );
        assert_eq!(
            problems("npm-addon", &other).len(),
            1,
            "not for this machine"
        );
        let sound = addon(plan, "@img/sharp/node_modules/@img/linux-x64/lib/a.node");
        assert_eq!(problems("npm-addon", &sound), [""; 0]);
    }
}
