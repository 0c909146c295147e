//! Benchmarks of guests of a few hundred bytes: what is measured, what is refused, and that nothing is left running.

#![expect(
    clippy::unwrap_used,
    reason = "clippy takes helpers of integration tests for production code"
)]

use std::fs;

use kindling_base::Exit;
use kindling_bench::{Milestone, Report, Run};
use kindling_probe_guest::{Step, print};
use rustix::process::Signal;

use crate::support::{Case, eventually, has_firecracker, has_qemu, ready};

/// A workspace with a guest that is ready at once.
pub(crate) fn case() -> Case {
    let case = Case::new();
    case.bundle("probe", &[print("hello\n"), ready()]);
    case
}

/// Runs a benchmark that saves its report, which is returned.
pub(crate) fn saved(case: &Case, args: &[&str]) -> Report {
    let quick = ["--warmup", "0", "--save", "report.json"];
    case.succeed(&[&["bench"], args, &quick].concat());
    Report::load(&case.path("report.json")).unwrap()
}

/// A VM reached these points, in this order.
fn in_order(run: &Run, points: &[Milestone]) {
    let at = points.iter().map(|point| run.at_ms.get(point).copied());
    let at: Option<Vec<f64>> = at.collect();
    assert!(
        at.is_some_and(|at| at.is_sorted() && at[0] > 0.0),
        "{run:#?}"
    );
}

/// No VM and no snapshot is there any more.
pub(crate) fn nothing_is_left(case: &Case) {
    assert_eq!(case.ps(), [] as [serde_json::Value; 0]);
    assert_eq!(case.succeed(&["snapshots", "--json"]).trim(), "[]");
}

const WHOLE: [Milestone; 5] = [
    Milestone::Spawned,
    Milestone::VmmReady,
    Milestone::Running,
    Milestone::Ready,
    Milestone::Returned,
];

#[test]
fn boots_are_told_as_json_markdown_and_a_page() {
    if !has_qemu() {
        return;
    }
    let case = case();
    let files = ["--markdown", "table.md", "--html", "page.html"];
    let report = saved(
        &case,
        &[&["boot", "probe", "--runs", "2"], files.as_slice()].concat(),
    );
    let [boots] = report.subjects.as_slice() else {
        panic!("{report:#?}");
    };
    assert_eq!(boots.runs.len(), 2);
    for (run, round) in boots.runs.iter().zip(1..) {
        assert_eq!(run.round, round);
        in_order(run, &WHOLE);
        in_order(
            run,
            &[Milestone::Running, Milestone::FirstOutput, Milestone::Ready],
        );
        assert!(run.footprint.unwrap().pss_kib > 1024, "{run:#?}");
    }
    assert_eq!(boots.summary[&Milestone::Ready].count, 2);
    assert!(
        boots.engine.version.starts_with("QEMU"),
        "{:?}",
        boots.engine
    );
    assert_eq!(boots.artifacts.len(), 4, "{:?}", boots.artifacts);
    assert!(!report.machine.cpu.is_empty() && report.machine.cpus > 0);
    let table = fs::read_to_string(case.path("table.md")).unwrap();
    assert!(table.contains("| ready | "), "{table}");
    let page = fs::read_to_string(case.path("page.html")).unwrap();
    assert!(page.starts_with("<!doctype html>") && page.contains("cold boot of probe"));
    nothing_is_left(&case);
}

#[test]
fn resumes_alternate_with_boots_of_the_same_bundle() {
    if !has_qemu() {
        return;
    }
    let case = case();
    let report = saved(&case, &["resume", "probe", "--runs", "2"]);
    let labels: Vec<&str> = report.subjects.iter().map(|s| s.label.as_str()).collect();
    assert_eq!(labels, ["cold boot of probe", "resume of probe"]);
    for subject in &report.subjects {
        assert_eq!(subject.runs.len(), 2);
        subject.runs.iter().for_each(|run| in_order(run, &WHOLE));
    }
    nothing_is_left(&case);
}

#[test]
fn clones_of_a_vm_are_measured_one_by_one_and_it_goes_on() {
    if !has_qemu() {
        return;
    }
    let case = case();
    case.succeed(&["run", "probe", "--detach", "--name", "origin"]);
    let report = saved(&case, &["clone", "origin", "--count", "3", "--runs", "2"]);
    let runs = &report.subjects[0].runs;
    let which: Vec<_> = runs
        .iter()
        .map(|run| (run.round, run.clone.unwrap()))
        .collect();
    assert_eq!(which, [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3)]);
    for run in runs {
        in_order(run, &WHOLE);
        let taken = run.footprint.unwrap();
        assert!(
            taken.pss_kib >= taken.private_kib && taken.rss_kib >= taken.pss_kib,
            "{taken:?}"
        );
        assert!(taken.disk_bytes > 0, "{taken:?}");
    }
    let left = case.ps();
    assert_eq!(left.len(), 1, "{left:#?}");
    assert_eq!(left[0]["state"], "ready");
}

#[test]
fn firecrackers_own_timer_is_told() {
    if !has_firecracker() {
        return;
    }
    let case = Case::new();
    case.bundle("probe", &[Step::BootTimer, print("hello\n"), ready()]);
    let engine = ["--vmm", "firecracker", "--network", "none"];
    let report = saved(
        &case,
        &[&["boot", "probe", "--runs", "2"], engine.as_slice()].concat(),
    );
    for run in &report.subjects[0].runs {
        in_order(run, &WHOLE);
        assert!(run.monitor_ms["boot timer"] > 0.0, "{run:#?}");
    }
    nothing_is_left(&case);
}

#[test]
fn resumes_and_clones_on_firecracker_are_measured_whatever_fills_their_memory() {
    if !has_firecracker() {
        return;
    }
    let case = Case::new();
    let beat = Step::Beat {
        prefix: String::new(),
        cycles: 1_000_000, // some 0.3 ms
    };
    case.bundle("probe", &[ready(), beat]);
    let run = [
        "run",
        "probe",
        "-d",
        "--vmm",
        "firecracker",
        "--network",
        "none",
    ];
    case.succeed(&[&run[..], &["--name", "origin"]].concat());
    case.succeed(&["snapshot", "origin", "--name", "saved"]);
    for memory in ["file", "uffd"] {
        // What is saved of it has its way to fill the memory.
        case.succeed(&["resume", "saved", "--memory", memory, "--name", memory]);
        for kind in [&["resume"][..], &["clone", "--count", "32"]] {
            let report = saved(&case, &[kind, &[memory, "--runs", "1"]].concat());
            for run in &report.subjects[0].runs {
                in_order(run, &WHOLE);
                in_order(run, &[Milestone::Running, Milestone::FirstOutput]);
            }
        }
        case.succeed(&["rm", "--force", memory]);
    }
    case.succeed(&["rm", "--force", "origin"]);
    case.succeed(&["snapshots", "rm", "saved"]);
    nothing_is_left(&case);
}

#[test]
fn what_cannot_be_measured_is_refused_before_anything_runs() {
    let case = case();
    let refused = |args: &[&str]| case.fail(Exit::User, &[&["bench"], args].concat());
    assert!(refused(&["resume", "prob"]).contains("neither a VM that runs nor a snapshot"));
    assert!(refused(&["boot", "probe", "--runs", "0"]).contains("0 is not in 1..=1000"));
    let told = refused(&["boot", "probe", "--until", "https://x/"]);
    assert!(told.contains("only http:// can be asked"), "{told}");
    let told = refused(&["compare", "probe", "probe", "--b", "--frob 1"]);
    assert!(told.contains("`--frob`: unexpected argument"), "{told}");
    let told = refused(&["boot", "probe", "--html", "no/such/folder.html"]);
    assert!(told.contains("cannot write no/such/folder.html"), "{told}");
    fs::write(case.path("x.json"), "{}").unwrap();
    let told = refused(&["compare", "x.json", "x.json"]);
    assert!(told.contains("x.json: no report of a benchmark"), "{told}");
    nothing_is_left(&case);
}

#[test]
fn an_unknown_bundle_is_told_as_run_tells_it() {
    if !has_qemu() {
        return;
    }
    let case = case();
    let told = case.fail(Exit::User, &["bench", "boot", "prob"]);
    assert!(told.ends_with("\nhint: did you mean `probe`?\n"), "{told}");
    assert!(
        told.contains("warm-up: cold boot of prob: there is no bundle"),
        "{told}"
    );
}

#[test]
fn a_guest_that_fails_ends_the_benchmark_and_leaves_nothing() {
    if !has_qemu() {
        return;
    }
    let case = case();
    case.bundle("sad", &[print("Kernel panic - not syncing: out of luck\n")]);
    let told = case.fail(
        Exit::External,
        &["bench", "compare", "probe", "sad", "--runs", "1"],
    );
    assert!(told.contains("warm-up: sad: the guest of "), "{told}");
    assert!(told.contains("out of luck"), "{told}");
    nothing_is_left(&case);
}

#[test]
fn an_interrupted_benchmark_leaves_nothing() {
    if !has_qemu() {
        return;
    }
    let case = case();
    case.bundle("mute", &[print("nothing to see\n")]);
    let running = case.start(&["bench", "boot", "mute"]);
    eventually("the VM starts", || !case.ps().is_empty());
    running.signal(Signal::INT);
    let ran = running.finish();
    assert_eq!(ran.code, Exit::User as i32, "{ran:#?}");
    assert!(
        ran.stderr.contains("ended by Ctrl-C; its VMs are removed"),
        "{ran:#?}"
    );
    nothing_is_left(&case);
}
