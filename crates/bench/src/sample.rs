//! Reports for tests.

use std::collections::BTreeMap;

use crate::guest::{Initcall, Unit};
use crate::milestone::{Milestone, Points};
use crate::report::{
    Action, Artifact, ClockJoin, EngineUsed, Footprint, Machine, Profile, Report, Run, SCHEMA,
    Settings, Subject,
};

/// A report of one or two subjects whose runs are ready at these times.
pub(crate) fn report(first: &[f64], second: &[f64]) -> Report {
    let mut subjects = vec![subject("cold boot of a", Action::Boot, first)];
    if !second.is_empty() {
        subjects.push(subject("resume of a", Action::Resume, second));
    }
    Report {
        schema: SCHEMA,
        kindling: "0.1.0".to_owned(),
        at: 1_795_000_000,
        command: "kindling bench boot a".to_owned(),
        machine: Machine::default(),
        settings: Settings { runs: 3, warmup: 1 },
        subjects,
    }
}

fn subject(label: &str, action: Action, times: &[f64]) -> Subject {
    let runs = times.iter().zip(1..).map(|(at, round)| Run {
        round,
        load: 0.5,
        at_ms: Points::from([
            (Milestone::Spawned, at * 0.1),
            (Milestone::VmmReady, at * 0.2),
            (Milestone::Running, at * 0.3),
            (Milestone::AgentAnswer, at * 0.8),
            (Milestone::Ready, *at),
            (Milestone::Returned, at + 1.0),
        ]),
        ..Run::default()
    });
    let mut subject = Subject {
        label: label.to_owned(),
        action,
        engine: EngineUsed {
            name: "QEMU".to_owned(),
            version: "7.2".to_owned(),
            accelerator: "tcg".to_owned(),
        },
        vcpus: 2,
        memory_mib: 512,
        artifacts: vec![Artifact {
            name: "kernel".to_owned(),
            sha256: "ab".repeat(32),
            size: Some(16 << 20),
        }],
        until: None,
        runs: runs.collect(),
        summary: BTreeMap::new(),
        profile: None,
    };
    subject.summarise();
    subject
}

/// A boot that tells all of itself, beside three clones in each of two rounds: everything that a page can show.
pub(crate) fn full(label: &str) -> Report {
    let boots = [1000.0, 1100.0, 1050.0, 1010.0, 1020.0, 4000.0];
    let clones = [101.0, 116.0, 122.0, 103.0, 110.0, 131.0];
    let mut report = report(&boots, &clones);
    report.machine = Machine {
        cpu: "Example CPU <at> 3 GHz".to_owned(),
        cpus: 8,
        governor: Some("performance".to_owned()),
        virtual_machine: true,
        kvm: "works".to_owned(),
        kernel: "6.12.1".to_owned(),
        memory_mib: 16_384,
        load_before: 0.25,
        load_after: 1.5,
    };
    if let [boot, clone] = report.subjects.as_mut_slice() {
        label.clone_into(&mut boot.label);
        as_boot(boot);
        as_clones(clone);
    }
    report
}

fn as_boot(boot: &mut Subject) {
    for run in &mut boot.runs {
        let ready = run.at_ms[&Milestone::Ready];
        let guest = [
            (Milestone::KernelStart, 0.32),
            (Milestone::FirstOutput, 0.34),
            (Milestone::InitStart, 0.5),
            (Milestone::NetworkUp, 0.7),
            (Milestone::Painted, 0.9),
            (Milestone::UnitsDone, 0.95),
            (Milestone::HttpAnswer, 1.002),
        ];
        let guest = guest.map(|(milestone, share)| (milestone, ready * share));
        run.at_ms.extend(guest);
        run.clock = Some(ClockJoin {
            zero_ms: ready * 0.32,
            bound_ms: 0.75,
            by_agent: true,
        });
    }
    boot.until = Some("8080/health".to_owned());
    let unit = |(name, from_ms, to_ms): (&str, f64, f64)| Unit {
        name: name.to_owned(),
        from_ms,
        to_ms,
    };
    let units = [
        ("systemd-journald.service", 190.0, 262.5),
        ("kindling-network.service", 210.0, 380.0),
        ("dev-vda.device", 215.0, 500.0),
        (
            "a\\x2dvery-long-name-of-a-service-that-does-not-fit.service",
            270.0,
            300.0,
        ),
        ("x.socket", 271.0, 271.2),
        ("kindling-session.service", 400.0, 580.0),
    ];
    let step = |(name, took_ms): (&str, f64)| Initcall {
        name: name.to_owned(),
        ended_ms: 90.0,
        took_ms,
    };
    boot.profile = Some(Profile {
        units: units.map(unit).into(),
        init_ms: 180.0,
        critical_chain: "graphical.target @1s\n└─<x>\u{7}".to_owned(),
        initcalls: [
            ("acpi_init", 6.0),
            ("pci_init", 0.6),
            ("raid6_select_algo", 22.0),
        ]
        .map(step)
        .into(),
    });
    boot.summarise();
}

fn as_clones(clones: &mut Subject) {
    clones.action = Action::Clone;
    "3 clones of a".clone_into(&mut clones.label);
    for (run, number) in clones.runs.iter_mut().zip(0..) {
        run.round = 1 + number / 3;
        run.clone = Some(1 + number % 3);
        run.footprint = Some(Footprint {
            pss_kib: 40_960 + 1_024 * u64::from(number),
            rss_kib: 90_000,
            private_kib: 20_480,
            disk_bytes: 4_096 * u64::from(number),
        });
        run.monitor_ms =
            BTreeMap::from([("load of the snapshot".to_owned(), 3.5 + f64::from(number))]);
    }
    clones.summarise();
}
