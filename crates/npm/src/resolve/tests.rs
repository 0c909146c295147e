//! Resolution against registries in memory.

use std::sync::Mutex;

use serde_json::{Map, Value, json};

use super::*;

/// Packages, one a line: `name version word...`, where a word is `dep=1`, `?optional=1`, `~peer=1`, `os:linux`,
/// `node:>=20`, `bin:name` or `unhashed`.
struct World(BTreeMap<String, Map<String, Value>>);

impl World {
    fn new(lines: &str) -> Self {
        let mut packages: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
        for line in lines.lines().filter(|line| !line.trim().is_empty()) {
            let mut words = line.split_whitespace();
            let (name, version) = (words.next().unwrap(), words.next().unwrap());
            let hash = kindling_npm_tree::integrity::of(&[u8::try_from(name.len()).unwrap(); 64]);
            let mut value = json!({
                "name": name, "version": version, "dependencies": {}, "optionalDependencies": {},
                "peerDependencies": {}, "bin": {}, "dist": {"integrity": hash},
            });
            for word in words {
                let (key, text) = word.split_once(['=', ':']).unwrap_or((word, ""));
                match word.chars().next().unwrap() {
                    '?' => value["optionalDependencies"][&key[1..]] = text.into(),
                    '~' => value["peerDependencies"][&key[1..]] = text.into(),
                    _ if word.starts_with("os:") => value["os"] = json!([text]),
                    _ if word.starts_with("node:") => value["engines"] = json!({"node": text}),
                    _ if word.starts_with("bin:") => value["bin"][text] = "x.js".into(),
                    _ if word == "unhashed" => value["dist"] = json!({}),
                    _ => value["dependencies"][key] = text.into(),
                }
            }
            packages
                .entry(name.into())
                .or_default()
                .insert(version.into(), value);
        }
        Self(packages)
    }

    fn load(&self, name: &str) -> Result<Answer> {
        Ok(self.0.get(name).map(|versions| {
            let latest = versions.keys().filter(|version| !version.contains('-'));
            let latest = latest.max_by_key(|version| Version::parse(version).unwrap());
            let packument = json!({"dist-tags": {"latest": latest}, "versions": versions});
            (
                packument.to_string().into_bytes(),
                "http://registry.example/".into(),
            )
        }))
    }

    /// `path version` of everything that would be locked, and warnings; or the error.
    fn resolve(&self, packages: &[&str], pins: &[LockedNpm], node: Option<&str>) -> String {
        let packages: Vec<String> = packages.iter().map(|p| (*p).to_owned()).collect();
        let request = Request {
            packages: &packages,
            pins,
            node,
        };
        let warnings = Mutex::new(Vec::new());
        let reporter = |event: Event| {
            if let Event::Warning(text) | Event::Note(text) = event {
                warnings.lock().unwrap().push(text);
            }
        };
        match resolve_with(&request, &|name| self.load(name), &reporter) {
            Ok(locked) => {
                let lines = locked
                    .iter()
                    .map(|p| format!("{} {}", p.shown(), p.version));
                let warnings = warnings.into_inner().unwrap();
                lines.chain(warnings).collect::<Vec<_>>().join("\n")
            }
            Err(error) => error.report(),
        }
    }

    fn pinned(&self, packages: &[&str]) -> Vec<LockedNpm> {
        let packages: Vec<String> = packages.iter().map(|p| (*p).to_owned()).collect();
        let request = Request {
            packages: &packages,
            pins: &[],
            node: None,
        };
        resolve_with(&request, &|name| self.load(name), &kindling_base::Silent).unwrap()
    }
}

#[test]
fn what_agrees_is_shared_and_what_does_not_is_nested() {
    let world = World::new(
        "app 1.0.0 a=1 b=1 shared=^1
         a 1.0.0 shared=^1.2 deep=1
         b 1.0.0 shared=^2 deep=2
         deep 1.5.0
         deep 2.0.0 shared=^2
         shared 1.2.0
         shared 1.3.0
         shared 2.1.0",
    );
    insta::assert_snapshot!(world.resolve(&["app"], &[], None), @r"
    app 1.0.0
    app > a 1.0.0
    app > b 1.0.0
    app > b > deep 2.0.0
    app > b > shared 2.1.0
    app > deep 1.5.0
    app > shared 1.3.0
    ");
}

#[test]
fn each_package_that_is_asked_for_has_a_tree_of_its_own() {
    let world = World::new("one 1.0.0 a=1\ntwo 1.0.0 a=1\na 1.0.0");
    insta::assert_snapshot!(world.resolve(&["two", "one"], &[], None), @r"
    one 1.0.0
    one > a 1.0.0
    two 1.0.0
    two > a 1.0.0
    ");
}

#[test]
fn circles_end() {
    let world = World::new("app 1.0.0 a=1\na 1.0.0 b=1\nb 1.0.0 a=1 app=1");
    insta::assert_snapshot!(world.resolve(&["app"], &[], None), @r"
    app 1.0.0
    app > a 1.0.0
    app > b 1.0.0
    ");
}

#[test]
fn an_older_version_gives_way_if_nobody_needs_it() {
    let old = World::new("app 1.0.0 x=1\nx 1.0.0 c=>=1\nc 1.0.0 gone=1\ngone 1.0.0");
    let new = World::new(
        "app 1.0.0 x=1 z=1
         x 1.0.0 c=>=1
         z 1.0.0 c=^2
         c 1.0.0 gone=1
         c 2.0.0
         gone 1.0.0",
    );
    insta::assert_snapshot!(new.resolve(&["app"], &old.pinned(&["app"]), None), @r"
    app 1.0.0
    app > c 2.0.0
    app > x 1.0.0
    app > z 1.0.0
    ");
}

#[test]
fn optional_packages_of_other_platforms_are_left_out() {
    let world = World::new(
        "app 1.0.0 ?app-linux=1 ?app-mac=1 ?alias=npm:real@1 ?absent=1 ?heavy=1 ?old=1
         app-linux 1.0.0 os:linux
         app-mac 1.0.0 os:darwin
         real 1.0.0
         heavy 1.0.0 light=1 helper=1
         helper 1.0.0 mac-only=1
         light 1.0.0
         mac-only 1.0.0 os:darwin
         old 1.0.0 node:<10",
    );
    insta::assert_snapshot!(world.resolve(&["app"], &[], Some("20.1.0")), @r"
    app 1.0.0
    app > alias 1.0.0
    app > app-linux 1.0.0
    ");
    let names: Vec<String> = world.pinned(&["app"]).into_iter().map(|p| p.name).collect();
    assert_eq!(
        names,
        ["app", "real", "app-linux", "old"],
        "an alias keeps its real name"
    );
}

#[test]
fn peers_are_shared_and_installed() {
    let world = World::new(
        "app 1.0.0 plugin=1 ui=^1
         plugin 1.0.0 ~ui=>=1.1.0 ~core=^3
         ui 1.0.0
         ui 1.2.0
         ui 2.0.0
         core 3.1.0
         lone 1.0.0 ~core=3",
    );
    insta::assert_snapshot!(world.resolve(&["app", "lone"], &[], None), @r"
    app 1.0.0
    app > core 3.1.0
    app > plugin 1.0.0
    app > ui 1.2.0
    lone 1.0.0
    lone > core 3.1.0
    ");
}

#[test]
fn peers_that_disagree_are_told() {
    let world = World::new(
        "app 1.0.0 plugin=1 ui=2
         plugin 1.0.0 ~ui=1
         ui 1.0.0
         ui 2.0.0",
    );
    insta::assert_snapshot!(world.resolve(&["app"], &[], None), @r"
    app 1.0.0
    app > plugin 1.0.0
    app > ui 2.0.0
    npm: app 1.0.0 > plugin 1.0.0 wants its peer ui@1, not 2.0.0, which another package needs
    ");
}

#[test]
fn pins_stay_and_only_what_is_named_moves() {
    let old = World::new("app 1.0.0 a=^1 b=^1\na 1.0.0\nb 1.0.0");
    let new =
        World::new("app 1.0.0 a=^1 b=^1\napp 1.1.0 a=^1 b=^1\na 1.0.0\na 1.1.0\nb 1.0.0\nb 1.1.0");
    let pins = old.pinned(&["app"]);
    assert_eq!(
        new.resolve(&["app"], &pins, None),
        old.resolve(&["app"], &[], None)
    );
    let some: Vec<LockedNpm> = pins.into_iter().filter(|p| p.name != "a").collect();
    insta::assert_snapshot!(new.resolve(&["app"], &some, None), @r"
    app 1.0.0
    app > a 1.1.0
    app > b 1.0.0
    ");
    insta::assert_snapshot!(new.resolve(&["app@^1.1"], &some, None), @r"
    app 1.1.0
    app > a 1.1.0
    app > b 1.0.0
    ");
}

#[test]
fn the_images_node_is_compared() {
    let world = World::new(
        "app 1.0.0 node:>=18\napp 2.0.0 node:>=22 a=*\na 1.0.0 node:>=16\na 2.0.0 node:>=20\nnode 22.3.0 bin:node",
    );
    insta::assert_snapshot!(world.resolve(&["app"], &[], Some("18.20.4")), @r"
    app 1.0.0
    npm: app 1.0.0 is taken and not 2.0.0, which wants node >=22; the image has 18.20.4
    ");
    insta::assert_snapshot!(world.resolve(&["app@latest"], &[], Some("18.20.4")), @r"
    app 2.0.0
    app > a 1.0.0
    npm: app 2.0.0 says it needs node >=22, and the image has 18.20.4
    ");
    // A package with the command `node` is before the .deb's on the PATH.
    insta::assert_snapshot!(world.resolve(&["app", "node"], &[], Some("18.20.4")), @r"
    app 2.0.0
    app > a 2.0.0
    node 22.3.0
    ");
}

#[test]
fn errors_say_what_and_for_whom() {
    let world = World::new(
        "app 1.0.0 a=1
         a 1.0.0 absent=1
         git 1.0.0 x=git+ssh://y
         range 1.0.0 app=7
         mac 1.0.0 os:darwin
         bare 1.0.0 unhashed",
    );
    let report = |package: &str| world.resolve(&[package], &[], None);
    insta::assert_snapshot!(report("app"), @r"
    error: npm: the registry has no package absent
      needed by app 1.0.0 > a 1.0.0
    hint: ask for another version of the package in [npm] of the recipe
    ");
    insta::assert_snapshot!(report("git"), @r"
    error: npm: x@git+ssh://y is in no registry
      needed by git 1.0.0
    hint: ask for another version of the package in [npm] of the recipe
    ");
    insta::assert_snapshot!(report("range"), @r"
    error: npm: no version fits app@7: latest is 1.0.0; the newest are 1.0.0
      needed by range 1.0.0
    hint: ask for another version of the package in [npm] of the recipe
    ");
    insta::assert_snapshot!(report("absent"), @r"
    error: npm: the registry has no package absent
    hint: look at the name and the range in [npm] of the recipe
    ");
    insta::assert_snapshot!(report("mac"), @r"
    error: npm: mac 1.0.0 is for darwin, not for linux x64 glibc
    hint: look at the name and the range in [npm] of the recipe
    ");
    insta::assert_snapshot!(report("bare"), @r"
    error: npm: the registry has no SHA-512 of bare 1.0.0, so that it cannot be pinned
    hint: look at the name and the range in [npm] of the recipe
    ");
    insta::assert_snapshot!(report("app@9"), @r"
    error: npm: no version fits app@9: latest is 1.0.0; the newest are 1.0.0
    hint: look at the name and the range in [npm] of the recipe
    ");
}
