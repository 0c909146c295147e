//! VMs on a real Firecracker.

use std::path::Path;

use kindling_base::Exit;
use kindling_probe_guest::{Step, print};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::{Case, MARKER, eventually, has_firecracker, has_qemu, ready, runs};

#[test]
fn the_guest_boots_over_pci_and_over_mmio() {
    if !has_firecracker() {
        return;
    }
    for transport in ["pci", "mmio"] {
        let case = Case::new();
        case.bundle(
            "probe",
            &[
                Step::PrintCommandLine,
                print("\nmodules "),
                Step::PrintModuleCount,
                print("\n"),
                ready(),
                print("bye\n"),
                Step::KeyboardReset,
            ],
        );
        let ran = case.kindling(&[
            "run",
            "probe",
            "--vmm",
            "firecracker",
            "--network",
            "none",
            "--transport",
            transport,
        ]);
        assert_eq!(ran.code, Exit::Success as i32, "{ran:#?}");
        let mmio = ran.stdout.contains("virtio_mmio.device=");
        assert_eq!(mmio, transport == "mmio", "{ran:#?}");
        assert!(
            ran.stdout
                .ends_with(&format!("modules 1\n{MARKER}\r\nbye\n")),
            "{ran:#?}"
        );
    }
}

/// A VM in the background that says that it is ready and goes on, with these options more.
fn detached(case: &Case, options: &[&str]) {
    case.bundle(
        "probe",
        &[ready(), Step::AwaitCtrlAltDel, Step::KeyboardReset],
    );
    let mut args = vec![
        "run",
        "probe",
        "-d",
        "--vmm",
        "firecracker",
        "--network",
        "none",
    ];
    args.extend(options);
    case.succeed(&args);
}

#[test]
fn a_guest_that_is_asked_to_stop_does_by_its_keyboard() {
    if !has_firecracker() {
        return;
    }
    let case = Case::new();
    detached(&case, &[]);
    let told = case.succeed(&["stop", "probe"]);
    assert!(told.contains("the guest powered off when asked"), "{told}");
    assert!(!case.vm("probe").join("control.sock").exists());
}

#[test]
fn what_runs_on_firecracker_ends_with_its_supervisor_jailed_or_not() {
    if !has_firecracker() {
        return;
    }
    let jailer = std::env::var_os("KINDLING_FIRECRACKER")
        .is_some_and(|program| Path::new(&program).with_file_name("jailer").exists());
    let mut ways: Vec<&[&str]> = vec![&[]];
    if jailer && rustix::process::geteuid().is_root() {
        ways.push(&["--jail"]);
    } else {
        eprintln!("skipped: no jail: there is no jailer, or this is not root");
    }
    for options in ways {
        let case = Case::new();
        detached(&case, options);
        let vm = &case.ps()[0];
        let [supervisor, machine] = ["supervisor_pid", "pid"].map(|pid| vm[pid].as_u64().unwrap());
        assert!(runs(machine));
        let pid = Pid::from_raw(i32::try_from(supervisor).unwrap()).unwrap();
        kill_process(pid, Signal::KILL).unwrap();
        eventually("the end of the machine", || !runs(machine));
        // The machine may be gone a moment before the supervisor's lock is.
        eventually("`ps` says so", || case.ps()[0]["state"] == "dead");
        case.succeed(&["rm", "probe"]);
        assert!(!case.vm("probe").exists());
    }
}

#[test]
fn auto_takes_it_where_kvm_is_hardware() {
    if !has_firecracker() || !has_qemu() {
        return;
    }
    let case = Case::new();
    case.bundle("probe", &[ready(), Step::Halt]);
    let doctor: Value = serde_json::from_str(&case.succeed(&["doctor", "--json"])).unwrap();
    let hardware = doctor["kvm_is_hardware"].as_bool().unwrap();
    let program = std::env::var("KINDLING_FIRECRACKER").unwrap();
    let auto = ["--vmm", "auto", "--firecracker", &program];
    for (network, possible) in [("none", hardware), ("user", false)] {
        let run = [
            "run",
            "probe",
            "-d",
            "--name",
            network,
            "--network",
            network,
        ];
        let ran = case.kindling(&[run.as_slice(), &auto].concat());
        assert_eq!(ran.code, Exit::Success as i32, "{ran:#?}");
        let vms = case.ps();
        let vm = vms.iter().find(|vm| vm["name"] == network).unwrap();
        assert_eq!(vm["vmm"], if possible { "firecracker" } else { "qemu" });
        let told = ran.stderr.contains("QEMU runs it and not Firecracker: ");
        assert_eq!(told, !possible, "{ran:#?}");
    }
}

#[test]
fn a_user_mode_network_is_not_to_be_had() {
    if !has_firecracker() {
        return;
    }
    let case = Case::new();
    case.bundle("probe", &[ready()]);
    let said = case.fail(
        Exit::User,
        &["run", "probe", "--vmm", "firecracker", "--network", "user"],
    );
    assert!(
        said.contains("Firecracker has no user-mode network"),
        "{said}"
    );
    let said = case.fail(
        Exit::User,
        &["run", "probe", "--vmm", "firecracker", "--accel", "tcg"],
    );
    assert!(said.contains("Firecracker runs on KVM only"), "{said}");
    let said = case.fail(Exit::User, &["run", "probe", "--jail"]);
    assert!(said.contains("QEMU has no jail"), "{said}");
    assert!(case.ps().is_empty(), "nothing is left behind");
}
