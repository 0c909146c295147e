//! An ordinary user builds the same bundle as root, and is told what to do where that is forbidden.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use kindling_base::{Command, hash};
use kindling_image::project::Project;
use kindling_store::Store;
use kindling_tests::{Ran, project, xtask};
use tempfile::TempDir;

/// A user id that no account has.
const USER: u32 = 64_321;
const RECIPE: &str = "minimal-debian-12";
/// Makes the account, with subordinate ids, in a mount namespace that only the build sees.
const BECOME: &str =
    "mount --bind passwd /etc/passwd; mount --bind ids /etc/subuid; mount --bind ids /etc/subgid
    exec setpriv --reuid 64321 --regid 64321 --clear-groups -- ./kindling-xtask \"$@\"";

/// A project, a store with all downloads, a kernel, an initramfs and an agent, and our program, all of it the user's.
fn home() -> TempDir {
    let home = tempfile::Builder::new()
        .permissions(Permissions::from_mode(0o755))
        .tempdir()
        .unwrap();
    let copy = |from: &Path, to: &Path| {
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        let cp = Command::new("cp").arg("--archive").arg(from).arg(to);
        Ran::new(&cp).ok();
    };
    Project::find(&project())
        .and_then(|ours| ours.copy_to(home.path()))
        .unwrap();
    copy(
        Path::new(xtask().to_std().get_program()),
        &home.path().join("kindling-xtask"), // `xtask` is a folder of the checkout
    );
    let (from, to) = (Store::default_root().unwrap(), home.path().join("store"));
    for stage in ["kernel", "initramfs", "agent"] {
        let stage = Path::new("stages").join(stage);
        copy(&from.join(&stage), &to.join(&stage));
    }
    let lock = fs::read_to_string(project().join(format!("recipes/{RECIPE}.lock"))).unwrap();
    for line in lock
        .lines()
        .filter(|line| line.starts_with("    { name") && line.contains("sha256"))
    {
        let (_, rest) = line.split_once("sha256 = \"").unwrap();
        let blob = Path::new("blobs").join(&rest[..2]).join(&rest[..64]);
        copy(&from.join(&blob), &to.join(&blob));
    }
    let accounts = fs::read_to_string("/etc/passwd").unwrap();
    let account = format!("{accounts}kindling-test:x:{USER}:{USER}::/nonexistent:/bin/sh\n");
    fs::write(home.path().join("passwd"), account).unwrap();
    fs::write(home.path().join("ids"), "kindling-test:500000:65536\n").unwrap();
    let owner = format!("{USER}:{USER}");
    Ran::new(
        &Command::new("chown")
            .args(["--recursive", &owner])
            .arg(home.path()),
    )
    .ok();
    home
}

/// `cargo xtask build-image` as the user, in namespaces of its own.
fn build(home: &Path, script: &str) -> Ran {
    let command = Command::new("unshare")
        .args(["--mount", "sh", "-e", "-c", script, "sh"])
        .args([
            "build-image",
            RECIPE,
            "--locked",
            "--no-install",
            "--store",
            "store",
        ])
        .directory(home);
    Ran::new(&command)
}

fn can_run() -> bool {
    let root = rustix::process::geteuid().is_root();
    let can = root && Command::new("newuidmap").output().is_ok();
    if !can {
        println!("skipped: needs root, to become an ordinary user, and newuidmap");
    }
    can
}

#[test]
fn an_ordinary_user_builds_the_same_bundle() {
    if !can_run() {
        return;
    }
    let home = home();
    build(home.path(), BECOME).ok();
    let sums = |folder: &Path| {
        fs::read_to_string(folder.join("out").join(RECIPE).join("SHA256SUMS")).unwrap()
    };
    assert_eq!(sums(home.path()), sums(&project()));
    let image = home.path().join("out").join(RECIPE).join("bundle.json");
    assert!(sums(&project()).contains(&hash::file(&image).unwrap()));
}

#[test]
fn where_user_namespaces_are_blocked_the_error_says_what_to_do() {
    if !can_run() {
        return;
    }
    let home = home();
    // All ids as they are, in a namespace that allows no further one.
    fs::write(home.path().join("all"), "root:0:65536\n").unwrap();
    let block = format!(
        "mount --bind all /etc/subuid; mount --bind all /etc/subgid
         exec unshare --user --map-users=0,0,65536 --map-groups=0,0,65536 --mount sh -e -c '
            echo 0 > /proc/sys/user/max_user_namespaces
            {BECOME}' sh \"$@\""
    );
    let ran = build(home.path(), &block);
    ran.fails(
        2,
        &[
            "allow user namespaces",
            "Ubuntu 24.04",
            "AppArmor",
            "kernel.apparmor_restrict_unprivileged_userns=0",
            "user.max_user_namespaces",
        ],
    );
    assert!(!home.path().join("out").join(RECIPE).exists());
}
