//! Comparisons by `kindling bench compare`: of two bundles in turns, and of saved reports.

use std::fs;

use kindling_base::Exit;
use kindling_bench::{Milestone, Run};

use crate::bench::{case, nothing_is_left, saved};
use crate::support::has_qemu;

#[test]
fn two_kinds_of_the_same_guest_are_compared_in_turns() {
    if !has_qemu() {
        return;
    }
    let case = case();
    let args = [
        "bench",
        "compare",
        "probe",
        "probe",
        "--b",
        "--no-initramfs",
    ];
    let few = ["--runs", "1", "--warmup", "0"];
    let told = case.succeed(&[args.as_slice(), &few].concat());
    assert!(
        told.contains("A: probe / B: probe --no-initramfs"),
        "{told}"
    );
    assert!(told.contains("fewer than 5 runs judge nothing"), "{told}");
    nothing_is_left(&case);
}

#[test]
fn a_regression_between_saved_reports_fails() {
    if !has_qemu() {
        return;
    }
    let case = case();
    let mut report = saved(&case, &["boot", "probe", "--runs", "1"]);
    let mut save = |name: &str, times: [f64; 6]| {
        let subject = &mut report.subjects[0];
        let run = subject.runs[0].clone();
        subject.runs = times.iter().map(|at| with_ready(&run, *at)).collect();
        subject.summarise();
        fs::write(case.path(name), report.to_json().unwrap()).unwrap();
    };
    let base = [100.0, 101.0, 99.0, 102.0, 98.0, 100.0];
    save("before.json", base);
    save("after.json", base.map(|at| at * 1.1));
    let compare = ["bench", "compare", "before.json", "after.json"];
    let told = case.fail(Exit::External, &compare);
    assert!(
        told.contains("regression: B: cold boot of probe takes 1.10"),
        "{told}"
    );
    case.succeed(&[compare.as_slice(), &["--tolerance", "15"]].concat());
    case.succeed(&[compare.as_slice(), &["--report-only"]].concat());
    case.succeed(&["bench", "compare", "after.json", "before.json"]);
    case.succeed(&["bench", "compare", "before.json", "before.json"]);
    let told = case.fail(Exit::User, &["bench", "compare", "before.json", "probe"]);
    assert!(
        told.contains("cannot be compared with a saved report"),
        "{told}"
    );
}

fn with_ready(run: &Run, at: f64) -> Run {
    let mut run = run.clone();
    run.at_ms.insert(Milestone::Ready, at);
    run
}
