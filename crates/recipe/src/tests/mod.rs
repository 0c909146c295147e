use std::fs;
use std::path::Path;

use proptest::prelude::*;

use super::*;

mod extends;
mod keys;
mod values;

/// A recipe without a mistake, to be spoiled by each test.
const GOOD: &str = r#"[image]
description = "for tests"
distribution = "debian"
epoch = 2026-11-01T00:00:00Z
hostname = "guest"
[kernel]
package = "linux-source-6.1"
fragments = ["base", "virtio"]
cmdline = "console=ttyS0 root=/dev/vda rw"
[rootfs]
suites = ["bookworm"]
components = ["main"]
keyring = "debian-12"
packages = ["systemd-sysv", "udev"]
[ready]
marker = "up"
"#;

/// Loads `r/NAME.toml` of these files, given as (name, text), and reports with paths that begin with `r/`.
fn load_first(files: &[(&str, &str)]) -> Result<Recipe, String> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(format!("{name}.toml")), text).unwrap();
    }
    let path = folder.path().join(format!("{}.toml", files[0].0));
    let prefix = folder.path().display().to_string();
    load(&path).map_err(|error| {
        assert_eq!(error.exit(), kindling_base::Exit::User);
        error.report().replace(&prefix, "r")
    })
}

/// The report on [`GOOD`] with `from` replaced by `to`.
fn spoiled(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from}");
    load_first(&[("x", &GOOD.replacen(from, to, 1))]).unwrap_err()
}

fn values(list: &[Located<String>]) -> Vec<&str> {
    list.iter().map(|item| item.value.as_str()).collect()
}

#[test]
fn what_is_not_said_has_a_default() {
    let recipe = load_first(&[("x", GOOD)]).unwrap();
    assert_eq!(recipe.name, "x");
    assert_eq!(recipe.inputs.len(), 1);
    assert_eq!(recipe.image.architecture, "amd64");
    assert_eq!(recipe.image.epoch_s, 1_793_491_200); // date -u -d 2026-11-01 +%s
    assert_eq!(recipe.initramfs, Initramfs::Minimal);
    assert_eq!(recipe.rootfs.free_mib, 256);
    assert!(!recipe.rootfs.recommends && recipe.rootfs.overlays.is_empty());
    assert_eq!(
        recipe.vm,
        Vm {
            vcpus: 2,
            memory_mib: 512,
            network: true
        }
    );
    assert_eq!(recipe.ready.timeout_s, 180);
}

#[test]
fn the_recipes_of_this_repository_are_good() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../recipes");
    let mut names = Vec::new();
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "toml") {
            names.push(
                load(&path)
                    .unwrap_or_else(|e| panic!("{}", e.report()))
                    .name,
            );
        }
    }
    assert!(names.contains(&"minimal-debian-12".to_owned()), "{names:?}");
    let direct = load(&folder.join("minimal-debian-12-direct.toml")).unwrap();
    assert_eq!(direct.initramfs, Initramfs::None);
    assert_eq!(
        direct.inputs,
        ["minimal-debian-12-direct.toml", "minimal-debian-12.toml"].map(|n| folder.join(n))
    );
    assert!(values(&direct.rootfs.packages).contains(&"apt"));
}

#[test]
fn a_tower_of_tables_is_refused() {
    for text in [
        format!("x = {}", "[".repeat(20_000)),
        format!("{}x = 1", "a.".repeat(20_000)),
        format!("[{}x]", "a.".repeat(20_000)),
        format!("x = {}", "{a=".repeat(20_000)),
    ] {
        let report = load_first(&[("x", &text)]).unwrap_err();
        assert!(report.contains("x.toml:1:"), "{}", &report[..200]);
    }
}

#[test]
fn later_stages_can_point_at_a_value() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.toml");
    fs::write(&path, GOOD).unwrap();
    let recipe = load(&path).unwrap();
    let error = recipe.rootfs.packages[1].error("there is no package `udev`");
    insta::assert_snapshot!(error.report().replace(&folder.path().display().to_string(), "r"), @r#"
    error: r/x.toml:14:29: there is no package `udev`
      14 | packages = ["systemd-sysv", "udev"]
         |                             ^^^^^^
    "#);
}

proptest! {
    /// Whatever the bytes are: a recipe or an error with a place, never a panic.
    #[test]
    fn any_bytes_are_answered(bytes: Vec<u8>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.toml");
        fs::write(&path, bytes).unwrap();
        let report = load(&path).unwrap_err().report();
        prop_assert!(report.contains("x.toml:"), "{report}");
    }

    /// A good recipe with any stretch replaced by any text, so that most of it is still understood.
    #[test]
    fn any_edit_is_answered(at in 0..GOOD.len(), cut in 0_usize..40, text in r#"[\PC\t\n"\[\]=.]{0,12}"#) {
        let end = (at + cut).min(GOOD.len());
        let edited = format!("{}{text}{}", &GOOD[..at], &GOOD[end..]);
        if let Err(report) = load_first(&[("x", &edited)]) {
            prop_assert!(report.contains("x.toml:"), "{report}");
        }
    }
}
