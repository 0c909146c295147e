//! Recipes on top of others, and how they are found.

use std::fs;
use std::path::Path;

use super::{GOOD, load_first, spoiled, values};
use crate::{KernelSource, find};

#[test]
fn a_child_adds_removes_and_replaces() {
    let child = "extends = \"parent.toml\"
kernel.url = \"https://kernel.example/linux.tar.xz\"
kernel.sha256 = \"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff\"
rootfs.packages = [\"-udev\", \"openssh-server\"]
rootfs.suites = [\"trixie\"]
rootfs.overlays = [\"ready\"]
image.hostname = \"child\"
";
    let recipe = load_first(&[
        ("child", child),
        ("parent", "extends = \"base\""),
        ("base", GOOD),
    ])
    .unwrap();
    assert_eq!(recipe.inputs.len(), 3);
    assert_eq!(
        values(&recipe.rootfs.packages),
        ["systemd-sysv", "openssh-server"]
    );
    assert_eq!(values(&recipe.rootfs.suites), ["trixie"]);
    assert_eq!(values(&recipe.rootfs.overlays), ["ready"]);
    assert_eq!(values(&recipe.kernel.fragments), ["base", "virtio"]);
    assert_eq!(recipe.image.hostname, "child");
    assert!(matches!(recipe.kernel.source, KernelSource::Url { .. }));
    let at = &recipe.rootfs.packages[1].at;
    assert_eq!((at.line(), at.column()), (4, 29));
    assert!(at.file().ends_with("child.toml"), "{at}");
}

#[test]
fn a_child_has_the_kind_of_kernel_that_it_names() {
    let kernel = |child: &str| {
        let stock = "extends = \"base\"\nkernel.image = \"linux-image-amd64\"\n";
        let files = [("child", child), ("stock", stock), ("base", GOOD)];
        load_first(&files).map(|recipe| recipe.kernel)
    };
    let stock = kernel("extends = \"stock\"\n").unwrap();
    assert!(matches!(stock.source, KernelSource::Image(_)) && stock.fragments.is_empty());
    let built = "extends = \"stock\"\nkernel.package = \"linux-source-6.1\"\n";
    let own = kernel(&format!("{built}kernel.fragments = [\"base\"]\n")).unwrap();
    assert!(matches!(own.source, KernelSource::Package(_)));
    assert!(kernel(built).unwrap_err().contains("fragments"));
    // What it names beside a built kernel is its own mistake.
    let both =
        "extends = \"base\"\nkernel.image = \"linux-image-amd64\"\nkernel.fragments = [\"base\"]\n";
    assert!(kernel(both).unwrap_err().contains("it has no `fragments`"));
}

#[test]
fn packages_of_npm_are_added_and_taken_away_by_name() {
    let parent =
        format!("{GOOD}\n[npm]\npackages = [\"@a/tool@^1\", \"left\", \"right@1 || 2\"]\n");
    let npm = |child: &str| {
        let child = format!("extends = \"parent\"\n[npm]\npackages = [{child}]\n");
        load_first(&[("child", &child), ("parent", &parent)])
            .map(|recipe| values(&recipe.npm.packages).join(" "))
    };
    let kept = npm("\"-@a/tool\", \"-left\", \"@a/tool@2\"").unwrap();
    assert_eq!(kept, "right@1 || 2 @a/tool@2");
    insta::assert_snapshot!(npm("\"-lfet\", \"@a/tool@2\", \"left\", \"../x\"").unwrap_err(), @r#"
    error: 4 mistakes in r/child.toml
      r/child.toml:3:13: `lfet` is not inherited, so it cannot be removed
      3 | packages = ["-lfet", "@a/tool@2", "left", "../x"]
        |             ^^^^^^^
      hint: did you mean `-left`?
      r/child.toml:3:22: the package `@a/tool` of npm is asked for twice
      3 | packages = ["-lfet", "@a/tool@2", "left", "../x"]
        |                      ^^^^^^^^^^^
      hint: remove one; what a parent recipe lists is removed by `-@a/tool`
      r/child.toml:3:35: `left` is in `packages` twice
      3 | packages = ["-lfet", "@a/tool@2", "left", "../x"]
        |                                   ^^^^^^
      hint: remove one of the two; the first is at r/parent.toml:19:27
      r/child.toml:3:43: `packages` cannot be "../x"
      3 | packages = ["-lfet", "@a/tool@2", "left", "../x"]
        |                                           ^^^^^^
      hint: write `name` or `@scope/name`, and `@` with a range of versions or a tag if not the newest is wanted: `name@^1.2`
    "#);
    assert!(
        load_first(&[("base", GOOD)])
            .unwrap()
            .npm
            .packages
            .is_empty()
    );
}

#[test]
fn a_child_is_told_what_it_cannot_inherit() {
    let child = |line: &str| load_first(&[("child", line), ("base-12", GOOD)]).unwrap_err();
    insta::assert_snapshot!(child("extends = \"base-12\"\nrootfs.packages = [\"-udve\", \"-zzz\", \"udev\"]"), @r#"
    error: 3 mistakes in r/child.toml
      r/child.toml:2:20: `udve` is not inherited, so it cannot be removed
      2 | rootfs.packages = ["-udve", "-zzz", "udev"]
        |                    ^^^^^^^
      hint: did you mean `-udev`?
      r/child.toml:2:29: `zzz` is not inherited, so it cannot be removed
      2 | rootfs.packages = ["-udve", "-zzz", "udev"]
        |                             ^^^^^^
      hint: remove the entry: a leading `-` takes away what a parent recipe lists
      r/child.toml:2:37: `udev` is in `packages` twice
      2 | rootfs.packages = ["-udve", "-zzz", "udev"]
        |                                     ^^^^^^
      hint: remove one of the two; the first is at r/base-12.toml:14:29
    "#);
    insta::assert_snapshot!(child("extends = \"base-13\""), @r#"
    error: r/child.toml:1:11: `extends`: there is no recipe r/base-13.toml
      1 | extends = "base-13"
        |           ^^^^^^^^^
    hint: did you mean `base-12`?
    "#);
    insta::assert_snapshot!(child("extends = [\"base-12\"]"), @r#"
    error: r/child.toml:1:11: `extends`: expected a string, found a list
      1 | extends = ["base-12"]
        |           ^^^^^^^^^^^
    hint: name one recipe beside this one: extends = "minimal-debian-12"
    "#);
    insta::assert_snapshot!(spoiled("\"udev\"", "\"-udev\""), @r#"
    error: r/x.toml:14:29: `udev` is not inherited, so it cannot be removed
      14 | packages = ["systemd-sysv", "-udev"]
         |                             ^^^^^^^
    hint: nothing is inherited here: remove the entry
    "#);
}

#[test]
fn a_circle_of_recipes_is_shown() {
    let files = [("a", "extends = \"b\""), ("b", "extends = \"./a\"")];
    insta::assert_snapshot!(load_first(&files).unwrap_err(), @r#"
    error: r/b.toml:1:11: `extends` goes round in a circle: r/a.toml -> r/b.toml -> r/./a.toml
      1 | extends = "./a"
        |           ^^^^^
    hint: remove `extends` from one of these recipes
    "#);
}

#[test]
fn a_mistake_of_the_parent_is_shown_there() {
    let parent = GOOD.replace("hostname", "hostnam");
    insta::assert_snapshot!(load_first(&[("x", "extends = \"y\""), ("y", &parent)]).unwrap_err(), @r#"
    error: r/y.toml:5:1: unknown key `hostnam` in [image]
      5 | hostnam = "guest"
        | ^^^^^^^
    hint: did you mean `hostname`?
    "#);
}

#[test]
fn recipes_are_found_by_name_and_by_path() {
    let folder = tempfile::tempdir().unwrap();
    let recipes = folder.path().join("recipes");
    fs::create_dir(&recipes).unwrap();
    for name in ["minimal-debian-12", "golden-ubuntu-24.04"] {
        fs::write(recipes.join(format!("{name}.toml")), "").unwrap();
    }
    fs::write(recipes.join("minimal-debian-12.lock"), "").unwrap();
    let minimal = recipes.join("minimal-debian-12.toml");
    assert_eq!(find("minimal-debian-12", &recipes).unwrap(), minimal);
    assert_eq!(find("minimal-debian-12.toml", &recipes).unwrap(), minimal);
    assert_eq!(
        find(minimal.to_str().unwrap(), Path::new("/nowhere")).unwrap(),
        minimal
    );
    let dotted = find("golden-ubuntu-24.04", &recipes).unwrap();
    assert!(dotted.ends_with("golden-ubuntu-24.04.toml"));
    let report = |name: &str| {
        let report = find(name, &recipes).unwrap_err().report();
        report.replace(&folder.path().display().to_string(), "r")
    };
    insta::assert_snapshot!(report("minimal-debian-21"), @"
    error: there is no recipe `minimal-debian-21` in r/recipes
    hint: did you mean `minimal-debian-12`?
    ");
    insta::assert_snapshot!(report("desktop"), @"
    error: there is no recipe `desktop` in r/recipes
    hint: the recipes in r/recipes are: golden-ubuntu-24.04, minimal-debian-12
    ");
    insta::assert_snapshot!(report("some/where.toml"), @"
    error: there is no recipe file some/where.toml
    hint: the recipes in r/recipes are: golden-ubuntu-24.04, minimal-debian-12
    ");
    insta::assert_snapshot!(report(recipes.to_str().unwrap()), @"
    error: r/recipes is a folder, not a recipe
    hint: the recipes in r/recipes are: golden-ubuntu-24.04, minimal-debian-12
    ");
    fs::remove_dir_all(&recipes).unwrap();
    insta::assert_snapshot!(report("desktop"), @"
    error: there is no recipe `desktop` in r/recipes
    hint: r/recipes holds no recipes: create one there
    ");
}
