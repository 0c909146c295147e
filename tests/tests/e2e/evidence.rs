//! The evidence in a bundle: its bill of materials, its origin, its signature.

use std::path::{Path, PathBuf};

use kindling_base::{Command, files, hash};
use kindling_tests::{Ran, Scratch, project};
use serde_json::Value;

const RECIPE: &str = "minimal-debian-12";

fn bundle() -> PathBuf {
    project().join("out").join(RECIPE)
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&files::read(path).unwrap()).unwrap()
}

#[test]
fn the_bill_of_materials_is_what_the_official_schema_asks_for() {
    let mut bom = json(&bundle().join("sbom.cdx.json"));
    kindling_tests::check_bom(&bom).unwrap();
    bom["components"][0]["type"] = "nonsense".into();
    kindling_tests::check_bom(&bom).unwrap_err();
}

#[test]
fn the_bill_of_materials_has_every_package() {
    let bom = json(&bundle().join("sbom.cdx.json"));
    let manifest = json(&bundle().join("bundle.json"));
    let components = bom["components"].as_array().unwrap();
    for package in manifest["packages"].as_array().unwrap() {
        let found = components
            .iter()
            .find(|component| component["name"] == package["name"])
            .unwrap();
        assert_eq!(found["version"], package["version"]);
        assert_eq!(found["hashes"][0]["content"], package["sha256"]);
    }
    let licensed = components
        .iter()
        .filter(|component| component.get("licenses").is_some());
    assert!(
        licensed.count() > 60,
        "most copyright files are machine-readable"
    );
    let find = |name: &str| {
        components
            .iter()
            .find(|component| component["name"] == name)
            .unwrap()
    };
    assert!(
        find("libsystemd0")["purl"]
            .as_str()
            .unwrap()
            .starts_with("pkg:deb/debian/libsystemd0@")
    );
    let dependencies = bom["dependencies"].as_array().unwrap();
    let of = |name: &str| {
        let id = &find(name)["bom-ref"];
        &dependencies
            .iter()
            .find(|dependency| dependency["ref"] == *id)
            .unwrap()["dependsOn"]
    };
    assert!(
        of("systemd")
            .as_array()
            .unwrap()
            .contains(&find("libc6")["bom-ref"])
    );
}

#[test]
fn the_bill_of_materials_has_what_is_linked_into_programs_of_ours() {
    let bom = json(&bundle().join("sbom.cdx.json"));
    let components = bom["components"].as_array().unwrap();
    let needs = |of: &str| -> Vec<&Value> {
        let dependencies = bom["dependencies"].as_array().unwrap();
        let found = dependencies.iter().find(|d| d["ref"] == of).unwrap();
        let needs = found["dependsOn"].as_array().unwrap();
        let part = |id: &Value| components.iter().find(|one| one["bom-ref"] == *id);
        needs.iter().map(|id| part(id).unwrap()).collect()
    };
    let (agent, init) = (needs("kindling-agent"), needs("initramfs"));
    let names = |list: &[&Value], name: &str| list.iter().any(|one| one["name"] == name);
    assert!(names(&agent, "rustix") && names(&agent, "tungstenite"));
    assert!(names(&init, "rustix") && !names(&init, "tungstenite"));
    for one in agent.iter().chain(&init) {
        assert_ne!(one["name"], "proptest", "only tests need it");
        let id = one["purl"].as_str().unwrap();
        assert!(id.starts_with("pkg:cargo/"), "{id}");
        assert_eq!(one["hashes"][0]["content"].as_str().unwrap().len(), 64);
        assert!(one["licenses"][0]["expression"].is_string(), "{id}");
    }
}

#[test]
fn the_origin_names_what_came_out_and_what_went_in() {
    let origin = json(&bundle().join("provenance.json"));
    assert_eq!(origin["predicateType"], "https://slsa.dev/provenance/v1");
    for subject in origin["subject"].as_array().unwrap() {
        let path = bundle().join(subject["name"].as_str().unwrap());
        assert_eq!(subject["digest"]["sha256"], hash::file(&path).unwrap());
    }
    let inputs = &origin["predicate"]["buildDefinition"]["resolvedDependencies"];
    let lock = format!("recipes/{RECIPE}.lock");
    let found = inputs
        .as_array()
        .unwrap()
        .iter()
        .find(|input| input["name"] == lock.as_str());
    assert_eq!(
        found.unwrap()["digest"]["sha256"],
        hash::file(&project().join(lock)).unwrap()
    );
}

#[test]
fn built_with_is_told_from_contained() {
    let origin = json(&bundle().join("provenance.json"));
    let inputs = origin["predicate"]["buildDefinition"]["resolvedDependencies"].as_array();
    let inputs = inputs.unwrap();
    let bom = json(&bundle().join("sbom.cdx.json"));
    let named = |list: &Value, name: &str| {
        let list = list.as_array().unwrap();
        list.iter().any(|one| one["name"] == name)
    };
    let built_with = &bom["formulation"][0]["components"];
    for (list, compiler) in [("linux", "gcc"), ("rust", "rustc")] {
        let lock = format!("tools/{list}.lock");
        let sha256 = hash::file(&project().join(&lock)).unwrap();
        let found = inputs.iter().find(|input| input["name"] == lock.as_str());
        assert_eq!(found.unwrap()["digest"]["sha256"], sha256);
        let is_tool = |input: &&Value| {
            let uri = input["uri"].as_str().unwrap_or_default();
            uri.starts_with(&format!("pkg:deb/debian/{compiler}@"))
        };
        let tool = inputs.iter().find(is_tool).unwrap();
        assert_eq!(tool["annotations"]["kindling:tools"], list);
        assert!(named(built_with, compiler), "{compiler}");
        assert!(!named(&bom["components"], compiler), "{compiler}");
    }
    let keyring = "recipes/keyrings/debian-12.asc";
    let found = inputs.iter().find(|input| input["name"] == keyring);
    let sha256 = hash::file(&project().join(keyring)).unwrap();
    assert_eq!(found.unwrap()["digest"]["sha256"], sha256);
    // Crates that only compiling needs are inputs too.
    for name in ["rustix", "syn"] {
        let is_crate = |input: &Value| {
            let uri = input["uri"].as_str().unwrap_or_default();
            uri.starts_with(&format!("pkg:cargo/{name}@"))
        };
        assert!(inputs.iter().any(is_crate), "{name}");
    }
}

#[test]
fn a_signed_bundle_is_verified_by_the_stock_tool_and_no_changed_one_is() {
    let scratch = Scratch::new();
    let key = |name: &str| scratch.path(name).display().to_string();
    for pair in ["ours", "other"] {
        let made = Command::new("minisign").args(["-G", "-W", "-s", &key(&format!("{pair}.key"))]);
        made.args(["-p", &key(&format!("{pair}.pub"))])
            .run()
            .unwrap();
    }
    let build = |more: &[&str]| {
        Ran::new(&scratch.xtask(&[&["build-image", RECIPE, "--locked"], more].concat()))
    };
    build(&[]).ok();
    let bundle = scratch.path("out").join(RECIPE);
    let folder = bundle.display().to_string();
    let verify = |key: &str| Ran::new(&scratch.xtask(&["verify", &folder, "--pubkey", key]));
    verify(&key("ours.pub")).fails(2, &["is not signed", "--sign-key"]);
    build(&["--sign-key", &key("ours.pub")]).fails(2, &["ours.pub is no secret key of minisign"]);

    // Signing builds nothing again, and signing again changes nothing.
    let ran = build(&["--sign-key", &key("ours.key")]).ok();
    assert!(ran.stderr.contains("up to date"), "{}", ran.stderr);
    assert!(ran.stderr.contains("signed: "), "{}", ran.stderr);
    let ran = build(&["--sign-key", &key("ours.key")]).ok();
    assert!(!ran.stderr.contains("signed: "), "{}", ran.stderr);
    let sums = bundle.join("SHA256SUMS").display().to_string();
    Command::new("minisign")
        .args(["-V", "-q", "-p", &key("ours.pub"), "-m", &sums])
        .run()
        .unwrap();
    verify(&key("ours.pub")).ok();
    verify(&key("other.pub")).fails(2, &["not of this key"]);
    verify("nonsense").fails(2, &["is no public key"]);

    let run = |key: &str| {
        let args = [
            "run",
            RECIPE,
            "--require-signature",
            "--pubkey",
            key,
            "--name",
            "No Name",
        ];
        Ran::new(&scratch.kindling(&args))
    };
    run(&key("other.pub")).fails(2, &["not of this key"]);
    // A signature that is good is not what is complained of.
    let ran = run(&key("ours.pub"));
    assert!(
        ran.stderr.contains("cannot be a VM's name"),
        "{}",
        ran.stderr
    );

    // One changed byte in any file, or a file more.
    for file in files::list(&bundle).unwrap() {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        if name == "rootfs.ext4" {
            continue; // large: its hash is compared as that of every other
        }
        let good = files::read(&file).unwrap();
        let mut bad = good.clone();
        let at = bad.len() - 20;
        bad[at] ^= 1;
        files::write_atomic(&file, &bad, 0o444).unwrap();
        assert_ne!(verify(&key("ours.pub")).code, 0, "{name}");
        files::write_atomic(&file, &good, 0o444).unwrap();
    }
    verify(&key("ours.pub")).ok();
    scratch.write(&format!("out/{RECIPE}/extra"), "");
    verify(&key("ours.pub")).fails(2, &["extra is not listed"]);
}
