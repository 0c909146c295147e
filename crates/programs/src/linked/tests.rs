use serde_json::{Value, json};

use super::*;

fn package(name: &str, source: Option<&str>, kind: &str) -> Value {
    json!({
        "id": name, "name": name, "version": "1.0.0", "manifest_path": "/x/Cargo.toml", "license": "MIT/Apache-2.0",
        "source": source, "targets": [{"kind": [kind]}, {"kind": ["test"]}],
    })
}

fn node(name: &str, needs: &[(&str, &[Option<&str>])]) -> Value {
    let needs = needs.iter().map(|(name, kinds)| {
        let kinds: Vec<Value> = kinds
            .iter()
            .map(|kind| json!({"kind": kind, "target": null}))
            .collect();
        json!({"pkg": name, "dep_kinds": kinds})
    });
    json!({"id": name, "deps": needs.collect::<Vec<_>>()})
}

#[test]
fn only_what_is_linked_in_is_listed() {
    let far = Some("registry+https://registry.example");
    let metadata = json!({
        "workspace_root": "/x",
        "packages": [
            package("own", None, "bin"), package("ours", None, "lib"), package("both", far, "lib"), package("deep", far, "lib"),
            package("tester", far, "lib"), package("builder", far, "lib"), package("macro", far, "proc-macro"),
            package("syntax", far, "lib"),
        ],
        "resolve": {
            "root": "own",
            "nodes": [
                node("own", &[
                    ("ours", &[None]), ("both", &[Some("dev"), None]), ("tester", &[Some("dev")]),
                    ("builder", &[Some("build")]), ("macro", &[None]),
                ]),
                node("ours", &[("deep", &[None])]),
                node("deep", &[("both", &[None])]),
                node("macro", &[("syntax", &[None])]),
            ],
        },
    });
    let metadata: Metadata = serde_json::from_value(metadata).unwrap();
    let names = ["both", "deep", "tester", "builder", "macro", "syntax"];
    let pins = names.map(|name| {
        format!("[[package]]\nname = \"{name}\"\nversion = \"1.0.0\"\nchecksum = \"{name}\"\n")
    });
    let lock = toml::from_str(&format!(
        "{}[[package]]\nname = \"own\"\nversion = \"1.0.0\"\n",
        pins.concat()
    ))
    .unwrap();
    let linked = list(&metadata, &lock).unwrap();
    let found: Vec<(&str, &str)> = linked
        .crates
        .iter()
        .map(|one| (one.name.as_str(), one.sha256.as_str()))
        .collect();
    assert_eq!(found, [("both", "both"), ("deep", "deep")]);
    assert_eq!(
        (linked.program.as_str(), linked.version.as_str()),
        ("own", "1.0.0")
    );
    assert_eq!(
        linked.crates[0].licence.as_deref(),
        Some("MIT OR Apache-2.0")
    );
}

#[test]
fn a_list_is_read_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(read(folder.path()).unwrap(), []);
    let one = Linked {
        program: "own".into(),
        version: "1.0.0".into(),
        crates: vec![Crate {
            name: "a".into(),
            version: "1.0.0".into(),
            sha256: "00".into(),
            licence: None,
        }],
    };
    write(folder.path(), std::slice::from_ref(&one)).unwrap();
    assert_eq!(read(folder.path()).unwrap(), [one]);
}
