use std::fs;
use std::time::Duration;

use kindling_base::{Silent, hash};
use kindling_fetch::Backoff;
use kindling_testkit::{Fault, LoopbackMirror};

use super::*;
use crate::home::Places;

/// A machine of its own: cargo's home, the store, and a folder that a server serves.
struct Machine {
    folder: tempfile::TempDir,
    server: LoopbackMirror,
}

impl Machine {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("served/index")).unwrap();
        let server = LoopbackMirror::serve(&folder.path().join("served"));
        let machine = Self { folder, server };
        let dl = format!(
            r#"{{"dl": "{}/dl/{{prefix}}/{{crate}}-{{version}}.crate"}}"#,
            machine.server.url()
        );
        machine.write("served/index/config.json", dl.as_bytes());
        machine
    }

    fn write(&self, path: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    /// The mirror `crates` of this machine.
    fn mirror(&self) -> std::result::Result<Vec<String>, Vec<String>> {
        Ok(vec![format!("{}/index", self.server.url())])
    }

    fn store(&self) -> Store {
        Store::open(&self.folder.path().join("store")).unwrap()
    }

    fn fetch(
        &self,
        pins: &[Pin],
        named: std::result::Result<Vec<String>, Vec<String>>,
    ) -> Result<Vec<PathBuf>> {
        let places = Places {
            home: Some(self.folder.path().join("home")),
            ..Places::default()
        };
        let client = Client::new(Backoff {
            attempts: 1,
            first: Duration::ZERO,
            cap: Duration::ZERO,
        });
        let registries = Registries::find(named, &places)?;
        fetch(pins, &client, &registries, &self.store(), &Silent)
    }

    /// The report of a failed fetch, with the machine's own names left out.
    fn refused(&self, pin: &Pin, named: std::result::Result<Vec<String>, Vec<String>>) -> String {
        let report = self
            .fetch(std::slice::from_ref(pin), named)
            .unwrap_err()
            .report();
        let folder = format!("{}/", self.folder.path().display());
        report
            .replace(&folder, "")
            .replace(&self.server.url(), "http://server")
    }
}

/// The pin of a crate whose file has these bytes.
fn pin(name: &str, bytes: &[u8]) -> Pin {
    Pin {
        name: name.into(),
        version: "1.0.0".into(),
        sha256: hash::bytes(bytes),
    }
}

fn nobody() -> std::result::Result<Vec<String>, Vec<String>> {
    Err(vec!["--mirror crates=URL: not given".into()])
}

#[test]
fn a_crate_comes_from_the_store_then_from_cargo_then_from_a_registry() {
    let machine = Machine::new();
    let pins = [
        pin("stored", b"s"),
        pin("cached", b"c"),
        pin("remote", b"r"),
    ];
    let mut blob = machine.store().new_blob().unwrap();
    io::Write::write_all(&mut blob, b"s").unwrap();
    blob.commit_unchecked().unwrap();
    let cached = machine.write("home/registry/cache/i-1/cached-1.0.0.crate", b"c");
    machine.write("served/dl/re/mo/remote-1.0.0.crate", b"r");
    let files = machine.fetch(&pins, machine.mirror()).unwrap();
    let bytes: Vec<_> = files.iter().map(|path| fs::read(path).unwrap()).collect();
    assert_eq!(bytes, [b"s", b"c", b"r"]);
    let asked = ["/index/config.json", "/dl/re/mo/remote-1.0.0.crate"];
    assert_eq!(machine.server.requests(), asked);
    // Cargo's file is its own, and the store's stays what it is.
    fs::write(cached, "changed in place").unwrap();
    let again = machine.fetch(&pins, machine.mirror()).unwrap();
    assert_eq!(fs::read(&again[1]).unwrap(), b"c");
    assert_eq!(machine.server.requests(), asked, "nothing is asked twice");
}

#[test]
fn a_registry_that_cargo_has_used_is_asked_where_nobody_names_another() {
    let machine = Machine::new();
    let dl = format!(r#"{{"dl": "{}/api/v1/crates"}}"#, machine.server.url());
    machine.write("home/registry/index/i-1/config.json", dl.as_bytes());
    machine.write("served/api/v1/crates/a/1.0.0/download", b"a");
    let files = machine.fetch(&[pin("a", b"a")], nobody()).unwrap();
    assert_eq!(fs::read(&files[0]).unwrap(), b"a");
}

#[test]
fn a_registry_that_fails_lets_the_next_one_give_it() {
    let machine = Machine::new();
    let local = "[source.crates-io]\nreplace-with = 'l'\n[source.l]\nlocal-registry = 'crates'\n";
    let index = |name: &str| {
        let url = machine.server.url();
        format!("[registries.{name}]\nindex = 'sparse+{url}/{name}/'\n")
    };
    let config = [local, &index("gone"), &index("index")].concat();
    machine.write("home/config.toml", config.as_bytes());
    machine.write("crates/l-1.0.0.crate", b"l");
    machine.write("served/dl/1/b-1.0.0.crate", b"b");
    let pins = [pin("l", b"l"), pin("b", b"b")];
    let files = machine.fetch(&pins, nobody()).unwrap();
    assert_eq!(fs::read(&files[0]).unwrap(), b"l");
    assert_eq!(fs::read(&files[1]).unwrap(), b"b");
    assert_eq!(
        machine.server.requests(),
        [
            "/gone/config.json",
            "/index/config.json",
            "/dl/1/b-1.0.0.crate"
        ]
    );
    insta::assert_snapshot!(machine.refused(&pin("c", b"c"), nobody()), @r"
    error: cannot fetch the crate c 1.0.0
      http://server/dl/1/c-1.0.0.crate: the mirror does not have it
      tried crates/c-1.0.0.crate: not there
      tried --mirror crates=URL: not given
      tried home/registry/index: cargo has used no registry with a sparse index
      tried home/config.toml, [registries.gone]: http://server/gone/config.json: the mirror does not have it
    hint: name a registry with `--mirror crates=URL`, the address of its sparse index, or let cargo fetch the crates once: `cargo fetch --manifest-path CRATE/Cargo.toml`
    ");
}

#[test]
fn other_bytes_than_the_pins_are_refused_with_both_sides() {
    let machine = Machine::new();
    machine.write("home/registry/cache/i-1/a-1.0.0.crate", b"older");
    machine.write("served/dl/1/a-1.0.0.crate", b"a");
    machine.server.inject("a-1.0.0.crate", 1, Fault::Tamper);
    let one = pin("a", b"a");
    insta::assert_snapshot!(machine.refused(&one, machine.mirror()), @r"
    error: http://server/dl/1/a-1.0.0.crate is not what was promised
      expected sha256 ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb
      computed sha256 8d33f520a3c4cef80d2453aef81b612bfe1cb44c8b2025630ad38662763f13d3
      tried home/registry/cache/i-1/a-1.0.0.crate: is another file
        expected sha256 ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb
        computed sha256 da925a30e31f7fdaa7044e3e5ba4ae17670de82d677b0e7adf5700428a137a36
    hint: the mirror is being updated or was tampered with: try again later, or name another one with `--mirror NAME=URL`
    ");
    assert_eq!(machine.store().blob(&one.sha256), None);
    assert_eq!(machine.fetch(&[one], machine.mirror()).unwrap().len(), 1);
}

#[test]
fn where_no_registry_is_known_each_place_is_told() {
    let machine = Machine::new();
    machine.write("home/registry/cache/i-1/b-1.0.0.crate", b"b");
    machine.write(
        "home/config.toml",
        b"[source.crates-io]\nreplace-with = 'v'\n[source.v]\ndirectory = 'v'\n",
    );
    insta::assert_snapshot!(machine.refused(&pin("a", b"a"), nobody()), @r"
    error: no registry of crates is known, and a 1.0.0 is not on this machine
      tried home/registry/cache/i-1/a-1.0.0.crate: not there
      tried --mirror crates=URL: not given
      tried home/config.toml, [source.v]: a `directory` has crates unpacked, without their files
      tried home/registry/index: cargo has used no registry with a sparse index
    hint: name a registry with `--mirror crates=URL`, the address of its sparse index, or let cargo fetch the crates once: `cargo fetch --manifest-path CRATE/Cargo.toml`
    ");
    assert!(machine.fetch(&[pin("b", b"b")], nobody()).is_ok());
}

#[test]
fn no_pin_leads_out_of_the_folders() {
    let machine = Machine::new();
    let mut one = pin("a", b"a");
    one.version = "1/../../a".into();
    assert_eq!(
        machine.refused(&one, nobody()),
        "error: `1/../../a` is no version of a crate"
    );
}
