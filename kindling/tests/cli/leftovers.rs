//! Leftovers of a crash, and the machine's offers.

use std::fs;
use std::time::Instant;

use kindling_probe_guest::Step;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::{Case, MARKER, PATIENCE, eventually, has_qemu, ready, runs};

#[test]
fn a_killed_supervisor_takes_its_machine_along_and_the_vm_is_dead() {
    if !has_qemu() {
        return;
    }
    let case = Case::new();
    case.bundle("probe", &[ready(), Step::Halt]);
    case.succeed(&["run", "probe", "--detach"]);
    let vm = case.ps().remove(0);
    let (machine, supervisor) = (
        vm["pid"].as_u64().unwrap(),
        vm["supervisor_pid"].as_i64().unwrap(),
    );
    assert!(runs(machine));
    let supervisor = Pid::from_raw(i32::try_from(supervisor).unwrap()).unwrap();
    kill_process(supervisor, Signal::KILL).unwrap();
    eventually("QEMU is gone", || !runs(machine));
    eventually("the VM is dead", || case.ps()[0]["state"] == "dead");
    assert!(!case.vm("probe").join("control.sock").exists());
    assert!(
        case.succeed(&["logs", "probe"]).starts_with(MARKER),
        "logs are kept"
    );
    assert!(
        case.succeed(&["stop", "probe"])
            .contains("was not running: dead")
    );
    let doctor: Value = serde_json::from_str(&case.succeed(&["doctor", "--json"])).unwrap();
    assert_eq!(doctor["dead"], serde_json::json!(["probe"]));
    case.succeed(&["rm", "probe"]);
    assert!(case.ps().is_empty());
}

#[test]
fn a_killed_qemu_is_a_failure_that_is_told() {
    if !has_qemu() {
        return;
    }
    let case = Case::new();
    case.bundle("probe", &[ready(), Step::Halt]);
    let mut run = case.start(&["run", "probe"]);
    run.wait_for_line(MARKER);
    eventually("the VM is ready", || case.ps()[0]["state"] == "ready");
    let machine = case.ps()[0]["pid"].as_i64().unwrap();
    kill_process(
        Pid::from_raw(i32::try_from(machine).unwrap()).unwrap(),
        Signal::KILL,
    )
    .unwrap();
    let ran = run.finish();
    assert_eq!(ran.code, 3, "{ran:#?}");
    assert!(
        ran.stderr
            .contains("QEMU ended while it ran `probe`: signal: 9"),
        "{ran:#?}"
    );
    assert_eq!(case.ps()[0]["state"], "failed");
}

#[test]
fn a_broken_folder_is_shown_and_removable() {
    let case = Case::new();
    case.succeed(&["ps"]);
    fs::create_dir(case.vm("half")).unwrap();
    fs::create_dir(case.vm(".new-abc")).unwrap();
    let ran = case.kindling(&["ps"]);
    assert!(ran.stderr.contains("half describes no VM"), "{ran:#?}");
    let doctor: Value = serde_json::from_str(&case.succeed(&["doctor", "--json"])).unwrap();
    assert_eq!(doctor["swept"], 1);
    assert_eq!(doctor["broken"].as_array().unwrap().len(), 1);
    case.succeed(&["rm", "half"]);
    assert!(!case.vm("half").exists());
}

#[test]
fn the_doctor_answers_in_bounded_time_with_a_verdict() {
    let case = Case::new();
    let start = Instant::now();
    let doctor: Value = serde_json::from_str(&case.succeed(&["doctor", "--json"])).unwrap();
    assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());
    let hardware = doctor["kvm_is_hardware"].as_bool().unwrap();
    assert_eq!(doctor["accelerator"], if hardware { "kvm" } else { "tcg" });
    let text = case.succeed(&["doctor"]);
    for what in [
        "QEMU",
        "KVM",
        "accelerator",
        "memory",
        "state folder",
        "crashed",
    ] {
        assert!(text.lines().any(|line| line.starts_with(what)), "{text}");
    }
}
