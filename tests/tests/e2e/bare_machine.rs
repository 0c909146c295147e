//! A machine that has nothing but a kernel and the C library that our program is linked with builds the same bundle.

use std::path::Path;

use kindling_base::{Command, hash};
use kindling_store::Store;
use kindling_testkit::install;
use kindling_tests::{Ran, Scratch, project, xtask};

const RECIPE: &str = "minimal-debian-12";

/// Enters the folder `$1` as a machine: its `/dev` and `/proc`, downloads of the store `$2`, and of its results the kernel and
/// the agent, which take long. Then becomes the rest of the arguments.
const ENTER: &str = r#"
machine=$1 store=$2
shift 2
mount --bind "$machine" "$machine"
cd "$machine"
mkdir -p dev proc tmp store/blobs store/stages/kernel store/stages/agent
mount --rbind /dev dev
mount -t proc proc proc
for part in blobs stages/kernel stages/agent; do
    mount --bind "$store/$part" "store/$part"
done
exec chroot . "$@"
"#;

#[test]
fn a_machine_without_a_program_or_a_library_of_its_own_builds_the_same() {
    if !rustix::process::geteuid().is_root() {
        return println!("skipped: only root makes a machine of a folder");
    }
    // A checkout is the root of the machine: `chroot` starts there.
    let machine = Scratch::new();
    for part in ["initramfs", "crates"] {
        machine.own(part);
    }
    let program = xtask().to_std().get_program().to_owned();
    install(machine.root(), Path::new(&program));
    let run = |args: &[&str]| {
        let entered = Command::new("unshare")
            .args(["--mount", "sh", "-euc", ENTER, "sh"])
            .arg(machine.root())
            .arg(Store::default_root().unwrap())
            .arg(&program)
            .args(["--store", "/store"])
            .args(args);
        Ran::new(&entered).ok()
    };
    let told = run(&["doctor"]).stdout;
    for line in [
        "build    namespaces can be made",
        "mirrors  error: no mirror is known for the suite",
        "hint: name one with `--mirror debian=URL`",
        "run      missing: qemu-system-x86 (to run the images)",
    ] {
        assert!(told.contains(line), "no `{line}` in:\n{told}");
    }
    let ran = run(&["build-image", RECIPE, "--locked"]);
    for made in [
        "rust-tools: built",
        "initramfs: built",
        "packages: built",
        "rootfs: built",
    ] {
        assert!(ran.stderr.contains(made), "{}", ran.stderr);
    }
    let sums = |folder: &Path| hash::file(&folder.join("out").join(RECIPE).join("SHA256SUMS"));
    assert_eq!(sums(machine.root()).unwrap(), sums(&project()).unwrap());
}
