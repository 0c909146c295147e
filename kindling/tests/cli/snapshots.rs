//! Snapshots of a guest that counts: what goes on from one counts on from where it stood.

#![expect(
    clippy::unwrap_used,
    reason = "clippy takes helpers of integration tests for production code"
)]

use std::fs;

use kindling_base::{Command, Exit};
use kindling_probe_guest::{Step, print};

use crate::support::{Case, MARKER, eventually, has_firecracker, has_qemu, ready};

/// A workspace with a guest that counts, running as `origin` and well past its first beats.
pub(crate) fn counting(options: &[&str]) -> Case {
    let case = Case::new();
    let beat = Step::Beat {
        prefix: "beat ".to_owned(),
        cycles: 20_000_000, // some 10 ms
    };
    case.bundle("probe", &[print("hello\n"), ready(), beat]);
    case.succeed(&[&["run", "probe", "--detach", "--name", "origin"], options].concat());
    eventually("the guest counts", || beats(&case, "origin").len() > 10);
    case
}

/// The counters on whole lines of a VM's console.
fn beats(case: &Case, vm: &str) -> Vec<u32> {
    let console = fs::read_to_string(case.vm(vm).join("console.log")).unwrap_or_default();
    let whole = console.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let counters = whole.lines().filter_map(|line| line.strip_prefix("beat "));
    counters
        .map(|hex| u32::from_str_radix(hex.trim_end(), 16).unwrap())
        .collect()
}

fn last(case: &Case, vm: &str) -> u32 {
    beats(case, vm).last().copied().unwrap()
}

/// The VM counts, without a gap, from between these counters on, and has not booted.
fn counts_on(case: &Case, vm: &str, between: std::ops::RangeInclusive<u32>) {
    eventually(&format!("`{vm}` counts on"), || beats(case, vm).len() > 5);
    let counters = beats(case, vm);
    assert!(
        between.contains(&counters[0]),
        "{vm}: {counters:?}, not {between:?}"
    );
    assert!(
        counters.is_sorted_by(|a, b| *b == a + 1),
        "{vm}: {counters:?}"
    );
    let console = fs::read_to_string(case.vm(vm).join("console.log")).unwrap();
    assert!(
        !console.contains(MARKER) && !console.contains("hello"),
        "{console}"
    );
}

#[test]
fn any_number_goes_on_from_where_the_guest_stood() {
    if has_qemu() {
        goes_on(&counting(&[]), &[]);
    }
}

#[test]
fn any_number_goes_on_on_firecracker() {
    if !has_firecracker() {
        return;
    }
    let options = ["--vmm", "firecracker", "--network", "none"];
    goes_on(&counting(&options), &[]);
    goes_on(&counting(&options), &["--memory", "uffd"]);
}

/// Three generations of VMs, resumed with these options.
fn goes_on(case: &Case, options: &[&str]) {
    let resume = |args: &[&str]| case.succeed(&[&["resume"], args, options].concat());
    let before = last(case, "origin");
    assert_eq!(
        case.succeed(&["snapshot", "origin", "--name", "first"]),
        "first\n"
    );
    let after = last(case, "origin");
    eventually("the saved VM goes on", || last(case, "origin") > after + 5);
    let names = resume(&["first", "--count", "3", "--name", "clone"]);
    assert_eq!(names, "clone-1\nclone-2\nclone-3\n");
    for name in names.lines() {
        counts_on(case, name, before..=after + 1);
    }
    assert!(
        case.ps().iter().all(|vm| vm["state"] == "ready"),
        "{:#?}",
        case.ps()
    );

    // The snapshot is not needed by who goes on from it, and a VM that was resumed is saved like any other.
    case.succeed(&["snapshots", "rm", "first"]);
    let before = last(case, "clone-2");
    case.succeed(&["snapshot", "clone-2", "--name", "second"]);
    let after = last(case, "clone-2");
    case.succeed(&["rm", "--force", "clone-2"]);
    assert_eq!(resume(&["second"]), "clone-2\n");
    counts_on(case, "clone-2", before..=after + 1);

    // A third generation: `clone-2` has memory of its own again.
    let before = last(case, "clone-2");
    case.succeed(&["snapshot", "clone-2", "--name", "third"]);
    let after = last(case, "clone-2");
    resume(&["third", "--name", "grandchild", "--verify"]);
    counts_on(case, "grandchild", before..=after + 1);
    let listed = case.succeed(&["snapshots", "--json"]);
    assert!(
        listed.contains("\"second\"") && !listed.contains("\"first\""),
        "{listed}"
    );
}

#[test]
fn a_bundle_carries_a_snapshot_until_it_is_built_anew() {
    if !has_qemu() {
        return;
    }
    let case = counting(&[]);
    let said = case.fail(Exit::User, &["resume", "probe"]);
    assert!(said.contains("carries no snapshot"), "{said}");
    assert!(
        said.contains("hint: make one with `cargo xtask build-image probe --snapshot`"),
        "{said}"
    );
    let name = case.succeed(&["snapshot", "origin", "--with-bundle"]);
    assert!(name.starts_with("qemu-"), "{name}");
    let before = last(&case, "origin");
    case.succeed(&["snapshot", "origin", "--with-bundle"]); // instead of the first
    let after = last(&case, "origin");
    case.succeed(&["rm", "--force", "origin"]);
    // Anybody goes on from it, in a state folder that knows nothing of the VM.
    assert_eq!(
        case.succeed(&["resume", "probe", "--name", "next"]),
        "next\n"
    );
    counts_on(&case, "next", before..=after + 1);
    let carried = case.path("out/probe/snapshots");
    assert_eq!(fs::read_dir(carried).unwrap().count(), 1);

    case.bundle_of("probe", b"another kernel");
    let manifest = case.path("out/probe/bundle.json");
    let text = fs::read_to_string(&manifest).unwrap();
    let mut parsed: serde_json::Value = serde_json::from_str(&text).unwrap();
    parsed["key"] = "of another build".into();
    fs::write(&manifest, parsed.to_string()).unwrap();
    let said = case.fail(Exit::User, &["resume", "probe"]);
    assert!(said.contains("carries no snapshot"), "{said}");
    let said = case.fail(Exit::User, &["snapshot", "next", "--with-bundle"]);
    assert!(
        said.contains("was built anew since the VM was started"),
        "{said}"
    );
}

#[test]
fn a_full_disk_leaves_the_vm_running_and_nothing_else() {
    if !has_qemu() {
        return;
    }
    if !rustix::process::geteuid().is_root() {
        println!("skipped: mounting a small file system needs root");
        return;
    }
    let case = counting(&[]);
    let at = case.path("state/snapshots");
    // What a crash left half-made is cleared away on the way.
    fs::create_dir_all(at.join(".new-left")).unwrap();
    fs::write(at.join(".new-left/lock"), "").unwrap();
    case.succeed(&["snapshots"]);
    for size in ["16k", "400k"] {
        // Too small for the state; too small for the memory.
        let run = case.command(&["run", "probe", "--detach", "--name", "full"]);
        let snapshot = case.command(&["snapshot", "full"]);
        let script = format!(
            "mount -t tmpfs -o size={size} none $1 && {} && {}; echo code $?; ls -A $1",
            run.display(),
            snapshot.display()
        );
        let arguments = [
            "--mount",
            "--propagation",
            "private",
            "sh",
            "-c",
            &script,
            "sh",
        ];
        let command = Command::new("unshare").args(arguments).arg(&at);
        let command = command.env("KINDLING_STATE", case.path("state"));
        let output = command
            .env("KINDLING_NETWORK", "user")
            .to_std()
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            said.contains("error: `full`: ") && said.contains("the disk is full"),
            "{said}"
        );
        let told = String::from_utf8_lossy(&output.stdout);
        assert_eq!(told, "full\ncode 2\n", "{said}");
        let stood = last(&case, "full");
        eventually("the VM goes on", || last(&case, "full") > stood + 5);
        case.succeed(&["rm", "--force", "full"]);
    }
}
