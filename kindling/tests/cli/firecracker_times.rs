//! VMs on a real Firecracker, timed from outside: a command of ours, with all its processes, to the guest's first byte.
//! Printed and not judged: machines are noisy.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use kindling_base::Exit;
use kindling_probe_guest::Step;

use crate::support::{Case, has_firecracker, ready};

const ROUNDS: usize = 11;
const CLONES: usize = 32;

/// A guest that is ready at once and says something all the time, on Firecracker.
fn case() -> Case {
    let case = Case::new();
    let beat = Step::Beat {
        prefix: String::new(),
        cycles: 1_000_000, // some 0.3 ms
    };
    case.bundle("probe", &[ready(), beat]);
    case
}

const RUN: [&str; 6] = ["run", "-d", "--vmm", "firecracker", "--network", "none"];

/// The same, saved as `saved`.
fn saved() -> Case {
    let case = case();
    case.succeed(&[&RUN[..], &["probe", "--name", "probe"]].concat());
    case.succeed(&["snapshot", "probe", "--name", "saved"]);
    case.succeed(&["rm", "--force", "probe"]);
    case
}

/// Waits until a console has bytes.
fn speaks(console: &Path, began: Instant) {
    while !fs::metadata(console).is_ok_and(|log| log.len() > 0) {
        assert!(began.elapsed() < Duration::from_secs(30), "no first byte");
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// The median time of a command that starts the VM `name` until that speaks, with what the supervisor noted of that run.
fn median(case: &Case, command: &[&str], stem: &str) -> (Duration, String) {
    let mut all: Vec<(Duration, String)> = (0..ROUNDS)
        .map(|round| {
            let name = format!("{stem}-{round}");
            let console = case.vm(&name).join("console.log");
            let began = Instant::now();
            let started = case.start(&[command, &["--name", &name]].concat());
            speaks(&console, began);
            let took = began.elapsed();
            assert_eq!(started.finish().code, Exit::Success as i32);
            let steps = fs::read_to_string(case.vm(&name).join("timings.json")).unwrap_or_default();
            case.succeed(&["rm", "--force", &name]);
            (took, steps)
        })
        .collect();
    all.sort();
    all.swap_remove(ROUNDS / 2)
}

#[test]
fn a_boot_is_timed_from_outside() {
    if !has_firecracker() {
        return;
    }
    let case = case();
    let (median, steps) = median(&case, &[&RUN[..], &["probe"]].concat(), "boot");
    println!("boot to the first byte: {median:?}; of it in the supervisor: {steps}");
}

#[test]
fn a_resume_is_timed_from_outside() {
    if !has_firecracker() {
        return;
    }
    let case = saved();
    for memory in ["file", "uffd"] {
        let (median, steps) = median(&case, &["resume", "saved", "--memory", memory], memory);
        println!(
            "resume by {memory} to the first new byte: {median:?}; of it in the supervisor: {steps}"
        );
    }
}

/// One command, and the last of its VMs.
#[test]
fn many_clones_are_timed_from_outside() {
    if !has_firecracker() {
        return;
    }
    let case = saved();
    let began = Instant::now();
    let count = CLONES.to_string();
    let resume = case.start(&["resume", "saved", "--name", "clone", "--count", &count]);
    for number in 1..=CLONES {
        speaks(
            &case.vm(&format!("clone-{number}")).join("console.log"),
            began,
        );
    }
    println!("{CLONES} clones have spoken after {:?}", began.elapsed());
    assert_eq!(resume.finish().code, Exit::Success as i32);
    println!("the command has returned after {:?}", began.elapsed());
    for number in 1..=CLONES {
        case.succeed(&["rm", "--force", &format!("clone-{number}")]);
    }
}
