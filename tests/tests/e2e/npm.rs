//! Packages of npm: from a registry on the loopback device into the lock, and into an image.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use kindling_base::{Command, hash};
use kindling_testkit::{LoopbackMirror, NpmRegistry};
use kindling_tests::{Ran, Scratch, Tiny};
use serde_json::{Value, json};

const SCRIPT: &str = "#!/bin/sh\necho works\n";

/// A registry that is served.
struct Served {
    registry: NpmRegistry,
    mirror: LoopbackMirror,
}

impl Served {
    /// Packages with scopes, versions that disagree, programs for platforms behind an alias and a placeholder.
    fn new(folder: &Path) -> Self {
        fs::create_dir(folder).unwrap();
        let mirror = LoopbackMirror::serve(folder);
        let served = Self {
            registry: NpmRegistry::new(folder, &mirror.url()),
            mirror,
        };
        let plain = |name: &str, version: &str, needs: Value| {
            let files = [("index.js", "x")];
            served.registry.publish(
                name,
                version,
                json!({"dependencies": needs, "license": "MIT"}),
                &files,
            );
        };
        plain("left", "1.0.0", json!({}));
        plain("left", "2.0.0", json!({}));
        plain("right", "1.0.0", json!({"left": "^1"}));
        let tool = json!({
            "bin": {"tool": "cli.sh"}, "license": "Apache-2.0", "engines": {"node": ">=18"},
            "scripts": {"postinstall": "touch /ran"},
            "dependencies": {"left": "^2", "right": "1"},
            "optionalDependencies": {"native": "npm:@acme/tool@1.0.0-linux-x64", "native-mac": "npm:@acme/tool@1.0.0-darwin", "absent": "1"},
        });
        let linux = json!({"os": ["linux"], "cpu": ["x64"]});
        served.registry.publish(
            "@acme/tool",
            "1.0.0-linux-x64",
            linux.clone(),
            &[("lib.so", "\x7fELF")],
        );
        served
            .registry
            .publish("@acme/tool", "1.0.0-darwin", json!({"os": ["darwin"]}), &[]);
        served
            .registry
            .publish("@acme/tool", "1.0.0", tool, &[("cli.sh", SCRIPT)]);
        served
            .registry
            .publish("app-linux", "3.0.0", linux, &[("app", "\x7fELF program")]);
        let app =
            json!({"bin": {"app": "app.exe"}, "optionalDependencies": {"app-linux": "3.0.0"}});
        served
            .registry
            .publish("app", "3.0.0", app, &[("app.exe", "echo no program\n")]);
        served
    }

    fn publish_newer(&self) {
        self.registry.publish("left", "2.1.0", json!({}), &[]);
        self.registry.publish("right", "1.1.0", json!({}), &[]);
    }
}

/// A tiny recipe that asks for packages of npm.
struct Case {
    tiny: Tiny,
    npm: Served,
}

impl Case {
    fn new(packages: &str) -> Self {
        let tiny = Tiny::new("\"base\"");
        let text = fs::read_to_string(tiny.scratch.path("recipes/tiny.toml")).unwrap();
        let text = format!("{text}\n[npm]\npackages = [{packages}]\n");
        tiny.scratch.write("recipes/tiny.toml", &text);
        let npm = Served::new(&tiny.scratch.path("registry"));
        Self { tiny, npm }
    }

    fn run(&self, args: &[&str]) -> Ran {
        let mirror = format!("npm={}", self.npm.mirror.url());
        self.tiny.run(&[args, &["--mirror", &mirror]].concat())
    }

    fn lock(&self) -> String {
        fs::read_to_string(self.tiny.scratch.path("recipes/tiny.lock")).unwrap()
    }

    /// `path name version` of each line of npm.
    fn pinned(&self) -> String {
        let lock = self.lock();
        let lines = lock
            .lines()
            .filter(|line| line.contains("path = \"node_modules/"));
        let field = |line: &str, key: &str| {
            let (_, rest) = line.split_once(&format!("{key} = \"")).unwrap();
            rest.split('"').next().unwrap().to_owned()
        };
        let shown = lines.map(|line| {
            ["path", "name", "version"]
                .map(|key| field(line, key))
                .join(" ")
        });
        shown.collect::<Vec<_>>().join("\n")
    }
}

#[test]
fn a_lock_has_each_package_on_a_line_and_no_address() {
    let case = Case::new("\"@acme/tool\", \"app@^3\"");
    let ran = case.run(&["lock"]).ok();
    assert!(
        ran.stderr.contains("pins 1 packages and 7 of npm"),
        "{}",
        ran.stderr
    );
    insta::assert_snapshot!(case.pinned(), @r"
    node_modules/@acme/tool @acme/tool 1.0.0
    node_modules/@acme/tool/node_modules/left left 2.0.0
    node_modules/@acme/tool/node_modules/native @acme/tool 1.0.0-linux-x64
    node_modules/@acme/tool/node_modules/right right 1.0.0
    node_modules/@acme/tool/node_modules/right/node_modules/left left 1.0.0
    node_modules/app app 3.0.0
    node_modules/app/node_modules/app-linux app-linux 3.0.0
    ");
    let lock = case.lock();
    for part in ["127.0.0.1", "http:", "tarball ="] {
        assert!(!lock.contains(part), "{part}");
    }
    assert!(
        lock.contains("integrity = \"sha512-") && lock.contains("node = \">=18\" }"),
        "{lock}"
    );
    fs::remove_file(case.tiny.scratch.path("recipes/tiny.lock")).unwrap();
    case.run(&["lock"]).ok();
    assert_eq!(case.lock(), lock, "the same registry gives the same lock");
}

#[test]
fn npm_puts_the_same_packages_into_the_same_folders() {
    if Command::new("npm").arg("--version").output().is_err() {
        println!("skipped: npm is not on this machine");
        return;
    }
    let case = Case::new("\"@acme/tool\", \"app\"");
    case.run(&["lock"]).ok();
    let prefix = case.tiny.scratch.path("prefix");
    let npm = Command::new("npm")
        .args([
            "install",
            "--global",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--prefix",
        ])
        .arg(&prefix)
        .arg(format!("--registry={}", case.npm.mirror.url()))
        .arg(format!(
            "--cache={}",
            case.tiny.scratch.path("cache").display()
        ))
        .args(["@acme/tool", "app"]);
    Ran::new(&npm).ok();
    let mut theirs = BTreeSet::new();
    packages_below(&prefix.join("lib"), "node_modules", &mut theirs);
    let pinned = case.pinned();
    let ours: BTreeSet<String> = pinned
        .lines()
        .map(|line| {
            let mut words = line.split(' ');
            format!("{} {}", words.next().unwrap(), words.next_back().unwrap())
        })
        .collect();
    assert_eq!(ours, theirs);
}

/// `path version` of each package in a folder `node_modules` and in those of its packages.
fn packages_below(root: &Path, modules: &str, found: &mut BTreeSet<String>) {
    let Ok(entries) = fs::read_dir(root.join(modules)) else {
        return;
    };
    for entry in entries {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let path = format!("{modules}/{name}");
        if name.starts_with('@') {
            packages_below(root, &path, found);
        } else if let Ok(about) = fs::read(root.join(&path).join("package.json")) {
            let about: Value = serde_json::from_slice(&about).unwrap();
            found.insert(format!("{path} {}", about["version"].as_str().unwrap()));
            packages_below(root, &format!("{path}/node_modules"), found);
        }
    }
}

#[test]
fn what_is_pinned_stays_and_what_is_named_moves() {
    let case = Case::new("\"@acme/tool\"");
    case.run(&["lock"]).ok();
    case.npm.publish_newer();
    let before = case.lock();
    case.run(&["lock"]).ok();
    assert_eq!(case.lock(), before, "a lock that fits is left alone");
    let ran = case.run(&["lock", "--update", "right"]).ok();
    let change = "npm @acme/tool > right         1.0.0 -> 1.1.0";
    assert!(ran.stderr.contains(change), "{}", ran.stderr);
    assert!(
        case.pinned().contains("left left 2.0.0"),
        "left stays: {}",
        case.pinned()
    );
    case.run(&["lock", "--update", "rihgt"])
        .fails(2, &["did you mean `right`?"]);
    case.run(&["lock", "--update"]).ok();
    assert!(
        case.pinned().contains("left left 2.1.0"),
        "{}",
        case.pinned()
    );
}

#[test]
fn a_recipe_that_asks_for_more_needs_another_lock() {
    let case = Case::new("\"app\"");
    case.run(&["lock"]).ok();
    let (from, to) = ("[\"app\"]", "[\"app\", \"left@1\"]");
    case.tiny.scratch.replace("recipes/tiny.toml", from, to);
    case.run(&["build-image", "--locked"])
        .fails(2, &["does not fit its recipe any more"]);
    case.run(&["lock"]).ok();
    assert!(
        case.pinned().contains("node_modules/left left 1.0.0"),
        "{}",
        case.pinned()
    );
}

#[test]
fn mistakes_are_told_with_their_place() {
    let case = Case::new("\"app\", \"@acme\", \"app@3\"");
    case.run(&["lock"]).fails(
        2,
        &[
            "cannot be \"@acme\"",
            "the package `app` of npm is asked for twice",
            "tiny.toml:",
        ],
    );
    let case = Case::new("\"nobody\"");
    case.run(&["lock"]).fails(
        2,
        &[
            "| packages = [\"nobody\"]",
            "the registry has no package nobody",
            "[npm] of the recipe",
        ],
    );
    let case = Case::new("\"app@7\"");
    case.run(&["lock"])
        .fails(2, &["no version fits app@7: latest is 3.0.0"]);
}

/// A recipe on top of the minimal image; its lock is made with the machine's own mirrors.
fn minimal(npm: &Served, scratch: &Scratch, packages: &str) {
    let text = format!("[npm]\npackages = [{packages}]\n");
    scratch.recipe_like("modules", "minimal-debian-12", &text);
    run(npm, scratch, &["lock", "modules"]).ok();
}

fn run(npm: &Served, scratch: &Scratch, args: &[&str]) -> Ran {
    let mirror = format!("npm={}", npm.mirror.url());
    Ran::new(&scratch.xtask(&[args, &["--mirror", &mirror]].concat()))
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn packages_are_in_the_image_and_in_its_evidence() {
    let scratch = Scratch::new();
    let npm = Served::new(&scratch.path("registry"));
    minimal(&npm, &scratch, "\"@acme/tool\", \"app\"");
    let build = || run(&npm, &scratch, &["build-image", "modules", "--locked"]).ok();
    build();
    let image = scratch.path("out/modules/rootfs.ext4");
    let debugfs = |request: &str| {
        let command = Command::new("/usr/sbin/debugfs")
            .args(["-R", request])
            .arg(&image);
        Ran::new(&command).ok().stdout
    };
    let modules = "/usr/local/lib/node_modules";
    assert_eq!(debugfs(&format!("cat {modules}/@acme/tool/cli.sh")), SCRIPT);
    assert!(debugfs(&format!("stat {modules}/@acme/tool/cli.sh")).contains("Mode:  0755"));
    let link = debugfs("stat /usr/local/bin/tool");
    assert!(
        link.contains("Fast link dest: \"../lib/node_modules/@acme/tool/cli.sh\""),
        "{link}"
    );
    assert_eq!(
        debugfs(&format!("cat {modules}/app/app.exe")),
        "\x7fELF program"
    );
    assert_eq!(debugfs("stat /ran"), "", "no script of a package was run");

    let bom = json(&scratch.path("out/modules/sbom.cdx.json"));
    kindling_tests::check_bom(&bom).unwrap();
    let tool = bom["components"].as_array().unwrap().iter();
    let tool = tool
        .clone()
        .find(|c| c["bom-ref"] == "pkg:npm/%40acme/tool@1.0.0")
        .unwrap();
    assert_eq!(tool["licenses"][0]["license"]["name"], "Apache-2.0");
    let tarball = fs::read(npm.registry.tarball("@acme/tool", "1.0.0")).unwrap();
    let origin = json(&scratch.path("out/modules/provenance.json"));
    let inputs = &origin["predicate"]["buildDefinition"]["resolvedDependencies"];
    let input = inputs
        .as_array()
        .unwrap()
        .iter()
        .find(|i| i["uri"] == tool["purl"])
        .unwrap();
    assert_eq!(input["digest"]["sha512"], tool["hashes"][0]["content"]);
    let sum = Command::new("sha512sum").arg(npm.registry.tarball("@acme/tool", "1.0.0"));
    let sum = Ran::new(&sum).ok().stdout;
    assert!(
        sum.starts_with(tool["hashes"][0]["content"].as_str().unwrap()),
        "{}",
        tarball.len()
    );
    let shown = Ran::new(&scratch.xtask(&["inspect", "out/modules", "--all"])).ok();
    assert!(
        shown.stdout.contains("npm:app-linux"),
        "{}{}",
        shown.stdout,
        shown.stderr
    );

    // The same bytes again, and what is in the store is not fetched again.
    let first = hash::file(&image).unwrap();
    let asked = npm.mirror.count(".tgz");
    fs::remove_dir_all(scratch.path("out/modules")).unwrap();
    build();
    assert_eq!(
        (npm.mirror.count(".tgz"), hash::file(&image).unwrap()),
        (asked, first)
    );
}

#[test]
fn a_command_without_its_interpreter_fails_the_build() {
    let scratch = Scratch::new();
    let npm = Served::new(&scratch.path("registry"));
    let script = [("run.js", "#!/usr/bin/env node\n")];
    npm.registry
        .publish("needy", "1.0.0", json!({"bin": "run.js"}), &script);
    minimal(&npm, &scratch, "\"needy\"");
    let problem = "/usr/local/bin/needy: its interpreter node is on no folder of the PATH";
    run(&npm, &scratch, &["build-image", "modules", "--locked"]).fails(2, &[problem]);
}

#[test]
fn a_tarball_that_is_another_is_refused_and_one_that_left_is_resolved_anew() {
    let scratch = Scratch::new();
    let npm = Served::new(&scratch.path("registry"));
    let integrity = npm
        .registry
        .publish("odd", "1.0.0", json!({}), &[("a", "first")]);
    minimal(&npm, &scratch, "\"odd\"");
    let other = npm
        .registry
        .publish("odd", "1.0.0", json!({}), &[("a", "second")]);
    assert_ne!(integrity, other);
    let build = |args: &[&str]| {
        run(
            &npm,
            &scratch,
            &[&["build-image", "modules"], args].concat(),
        )
    };
    let both = [
        &*format!("expected integrity {integrity}"),
        &*format!("computed integrity {other}"),
        "odd/-/odd-1.0.0.tgz is not what was promised",
    ];
    build(&[]).fails(3, &both);
    npm.registry.publish("odd", "1.1.0", json!({}), &[]);
    npm.registry.unpublish("odd", "1.0.0", "1.1.0");
    build(&["--locked"]).fails(
        3,
        &["odd 1.0.0 is no longer in the registry", "--update odd"],
    );
    let ran = build(&[]).ok();
    assert!(ran.stderr.contains("resolving again"), "{}", ran.stderr);
    let mut changes = ran.stderr.lines();
    assert!(
        changes.any(|line| line.contains("npm odd ") && line.ends_with(" 1.0.0 -> 1.1.0")),
        "{}",
        ran.stderr
    );
}
