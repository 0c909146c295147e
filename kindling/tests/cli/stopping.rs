//! VMs that are stopped: by their power button, by a signal, from elsewhere.

use std::time::Instant;

use kindling_base::Exit;
use kindling_probe_guest::{Step, print};
use rustix::process::Signal;

use crate::support::{Case, MARKER, eventually, has_qemu, ready};

#[test]
fn a_guest_that_ignores_its_power_button_is_ended() {
    if !has_qemu() {
        return;
    }
    let case = Case::new();
    case.bundle("probe", &[ready(), Step::Halt]);
    case.succeed(&["run", "probe", "--detach"]);
    let began = Instant::now();
    let stopped = case.succeed(&["stop", "probe", "--timeout", "1", "--json"]);
    let all = u64::try_from(began.elapsed().as_millis()).unwrap();
    let vm: serde_json::Value = serde_json::from_str(&stopped).unwrap();
    assert_eq!(vm["ending"]["by"], "quit", "{stopped}");
    let took = vm["ending"]["took_ms"].as_u64().unwrap();
    // The guest had its second, and what is told is a part of what the command took.
    assert!((1000..=all).contains(&took), "{took} of {all} ms");
}

#[test]
fn ctrl_c_asks_the_guest_first() {
    if !has_qemu() {
        return;
    }
    let case = Case::new();
    case.bundle(
        "probe",
        &[
            ready(),
            Step::AwaitPowerButton,
            print("button\n"),
            Step::PowerOff,
        ],
    );
    let mut run = case.start(&["run", "probe"]);
    run.wait_for_line(MARKER);
    eventually("the VM is ready", || case.ps()[0]["state"] == "ready");
    run.signal(Signal::INT);
    let ran = run.finish();
    assert_eq!(ran.code, Exit::Success as i32, "{ran:#?}");
    assert!(ran.stdout.ends_with("button\n"), "{ran:#?}");
    assert!(
        ran.stderr.contains("the guest powered off when asked"),
        "{ran:#?}"
    );
}

#[test]
fn a_second_ctrl_c_does_not_wait_for_the_guest() {
    if !has_qemu() {
        return;
    }
    let case = Case::new();
    case.bundle("probe", &[ready(), Step::Halt]);
    let mut run = case.start(&["run", "probe"]);
    run.wait_for_line(MARKER);
    run.signal(Signal::INT);
    eventually("the VM is stopping", || case.ps()[0]["state"] == "stopping");
    run.signal(Signal::INT);
    let ran = run.finish();
    assert_eq!(ran.code, Exit::Success as i32, "{ran:#?}");
    assert!(
        ran.stderr
            .contains("the guest did not power off, its machine was ended"),
        "{ran:#?}"
    );
}

#[test]
fn a_foreground_vm_can_be_stopped_from_elsewhere() {
    if !has_qemu() {
        return;
    }
    let case = Case::new();
    case.bundle("probe", &[ready(), Step::Halt]);
    let mut run = case.start(&["run", "probe", "--name", "front"]);
    run.wait_for_line(MARKER);
    assert_eq!(
        case.succeed(&["rm", "--force", "front"]),
        "front: removed\n"
    );
    assert_eq!(run.finish().code, Exit::Success as i32);
}
