//! A benchmark of a real guest: its own times lie between the host's, its units and its kernel's steps are told.

use kindling_bench::Milestone::{
    AgentAnswer, InitStart, KernelStart, NetworkUp, Ready, Returned, Running, Spawned, UnitsDone,
    VmmReady,
};
use kindling_bench::{Milestone, Report, Run};
use kindling_tests::{Ran, Scratch, project};

fn saved(scratch: &Scratch, args: &[&str]) -> Report {
    let file = scratch.path("report.json");
    let quick = ["--runs", "1", "--warmup", "0", "--save"];
    let args = [&["bench"], args, &quick, &[file.to_str().unwrap()]].concat();
    let _ = Ran::new(&scratch.kindling(&args).directory(project())).ok();
    Report::load(&file).unwrap()
}

fn in_order(run: &Run, points: &[Milestone]) {
    // What is told by the guest's clock may be off by this much against what is told by the host's.
    let bound = run.clock.map_or(0.0, |clock| clock.bound_ms);
    for pair in points.windows(2) {
        let at = |point: &Milestone| *run.at_ms.get(point).unwrap();
        assert!(at(&pair[0]) <= at(&pair[1]) + bound, "{pair:?} {run:#?}");
    }
}

#[test]
fn host_and_guest_are_on_one_clock() {
    let scratch = Scratch::new();
    let report = saved(&scratch, &["boot", "minimal-debian-12", "--initcalls"]);
    let run = &report.subjects[0].runs[0];
    in_order(
        run,
        &[
            Spawned,
            VmmReady,
            Running,
            KernelStart,
            InitStart,
            NetworkUp,
            Ready,
            Returned,
        ],
    );
    in_order(run, &[InitStart, AgentAnswer, Ready, UnitsDone]);
    let clock = run.clock.unwrap();
    assert!(clock.by_agent && clock.bound_ms > 0.0, "{clock:?}");
    let profile = report.subjects[0].profile.as_ref().unwrap();
    let started = |name: &str| profile.units.iter().any(|unit| unit.name == name);
    assert!(
        started("kindling-network.service") && started("multi-user.target"),
        "{profile:#?}"
    );
    assert!(
        profile.critical_chain.contains("multi-user.target"),
        "{profile:#?}"
    );
    assert!(profile.initcalls.len() > 100, "{:?}", profile.initcalls);
}

#[test]
fn a_resume_answers_before_it_has_booted() {
    let scratch = Scratch::new();
    let report = saved(&scratch, &["resume", "minimal-debian-12"]);
    let [boot, resume] = report.subjects.as_slice() else {
        panic!("{report:#?}");
    };
    in_order(
        &resume.runs[0],
        &[Spawned, VmmReady, Running, AgentAnswer, Ready, Returned],
    );
    assert!(!resume.runs[0].at_ms.contains_key(&KernelStart));
    assert!(resume.runs[0].at_ms[&Ready] < boot.runs[0].at_ms[&Ready]);
    let left = Ran::new(&scratch.kindling(&["ps", "--json"])).ok().stdout;
    assert_eq!(left.trim(), "[]");
}
