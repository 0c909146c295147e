//! Mistakes in a recipe or in what it names: each ends with exit code 2, a place and a hint.

use kindling_tests::{Ran, Scratch};

/// Builds the recipe `bad`, which extends the minimal one.
fn build(scratch: &Scratch, text: &str) -> Ran {
    scratch.recipe_like("bad", "minimal-debian-12", text);
    Ran::new(&scratch.xtask(&["build-image", "bad"]))
}

#[test]
fn a_misspelt_key() {
    let ran = build(&Scratch::new(), "[rootfs]\npakcages = []\n");
    ran.fails(2, &["bad.toml:3:1", "pakcages", "packages"]);
}

#[test]
fn a_wrong_type() {
    build(&Scratch::new(), "[vm]\nvcpus = \"two\"\n").fails(2, &["bad.toml:3:9", "vcpus"]);
}

#[test]
fn an_impossible_combination() {
    let text = "[initramfs]\nmode = \"none\"\n[kernel]\ncmdline = \"root=UUID=0\"\n";
    build(&Scratch::new(), text).fails(2, &["bad.toml:", "UUID"]);
}

#[test]
fn an_unknown_recipe() {
    let scratch = Scratch::new();
    let ran = Ran::new(&scratch.xtask(&["build-image", "minimal-debain-12"]));
    ran.fails(2, &["minimal-debain-12", "minimal-debian-12"]);
}

#[test]
fn a_missing_fragment() {
    let ran = build(&Scratch::new(), "[kernel]\nfragments = [\"virtoi\"]\n");
    ran.fails(2, &["bad.toml:3", "virtoi", "`virtio`"]);
}

#[test]
fn a_missing_overlay() {
    let ran = build(&Scratch::new(), "[rootfs]\noverlays = [\"netwrok\"]\n");
    ran.fails(2, &["bad.toml:3", "netwrok", "`network`"]);
}

#[test]
fn a_missing_keyring() {
    let scratch = Scratch::new();
    let text = "extends = \"minimal-debian-12\"\n[rootfs]\nkeyring = \"debian-21\"\n";
    scratch.write("recipes/bad.toml", text);
    let ran = Ran::new(&scratch.xtask(&["lock", "bad"]));
    ran.fails(2, &["bad.toml:3", "debian-21", "`debian-12`"]);
}

#[test]
fn an_undefined_template_variable() {
    let scratch = Scratch::new();
    scratch.write(
        "rootfs-overlays/extra/etc/motd.j2",
        "hello {{ hostnmae }}\n",
    );
    let ran = build(&scratch, "[rootfs]\noverlays = [\"extra\"]\n");
    ran.fails(2, &["motd.j2", "hostnmae", "hostname"]);
}

#[test]
fn a_stale_lock_under_locked() {
    let scratch = Scratch::new();
    scratch.recipe_like(
        "bad",
        "minimal-debian-12",
        "[rootfs]\npackages = [\"less\"]\n",
    );
    let ran = Ran::new(&scratch.xtask(&["build-image", "bad", "--locked"]));
    ran.fails(2, &["bad.lock", "cargo xtask lock"]);
}

#[test]
fn a_lock_that_does_not_parse() {
    let scratch = Scratch::new();
    scratch.recipe_like("bad", "minimal-debian-12", "");
    scratch.replace("recipes/bad.lock", "version = 1", "version = ");
    let ran = Ran::new(&scratch.xtask(&["build-image", "bad"]));
    ran.fails(2, &["bad.lock", "cargo xtask lock"]);
}

#[test]
fn a_fragment_line_that_kconfig_drops() {
    let scratch = Scratch::new();
    scratch.write(
        "kernel-config/dropped.config",
        "# A screen.\nCONFIG_DRM_VIRTIO_GPU=y\n",
    );
    let text = "[kernel]\nfragments = [\"dropped\"]\n";
    let ran = build(&scratch, text);
    ran.fails(2, &["dropped.config:2", "CONFIG_DRM_VIRTIO_GPU", "DRM"]);
}

#[test]
fn fragments_that_contradict_each_other() {
    let scratch = Scratch::new();
    scratch.write(
        "kernel-config/contrary.config",
        "# CONFIG_VIRTIO_BLK is not set\n",
    );
    let ran = build(&scratch, "[kernel]\nfragments = [\"contrary\"]\n");
    ran.fails(
        2,
        &["contrary.config:1", "virtio.config:", "CONFIG_VIRTIO_BLK"],
    );
}
