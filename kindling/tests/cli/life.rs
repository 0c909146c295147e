//! VMs that do what they should.

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::MetadataExt;
use std::time::Instant;

use kindling_base::{Exit, hash};
use kindling_probe_guest::{Step, print};
use serde_json::json;

use crate::support::{Case, MARKER, eventually, free_port, has_qemu, ready};

#[test]
fn the_foreground_streams_the_console_and_reports_readiness() {
    if !has_qemu() {
        return;
    }
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
            Step::PowerOff,
        ],
    );
    let began = Instant::now();
    let ran = case.kindling(&["run", "probe", "--append", "more=1"]);
    let took = began.elapsed();
    assert_eq!(ran.code, Exit::Success as i32, "{ran:#?}");
    let (cmdline, rest) = ran.stdout.split_once('\n').unwrap();
    assert!(
        cmdline.ends_with(
            "console=ttyS0 root=UUID=00000000-0000-4000-8000-000000000000 rw \
             ip=10.0.2.15::10.0.2.2:255.255.255.0:probe:eth0:off:10.0.2.3 more=1"
        ),
        "{cmdline}"
    );
    assert_eq!(rest, format!("modules 1\n{MARKER}\r\nbye\n"));
    assert!(ran.stderr.contains("kindling: accelerator: "), "{ran:#?}");
    let (_, ready) = ran.stderr.split_once("kindling: ready in ").unwrap();
    let (ready, rest) = ready.split_once(' ').unwrap();
    let ready: f64 = ready.parse().unwrap();
    // Shown in hundredths of a second, or in tenths.
    assert!(ready < took.as_secs_f64() + 0.05, "{ready} of {took:?}");
    assert!(rest.starts_with("s (first output after "), "{ran:#?}");
    assert!(
        ran.stderr.contains("kindling: the guest powered off"),
        "{ran:#?}"
    );
    assert_eq!(case.succeed(&["logs", "probe"]), ran.stdout);
}

#[test]
fn without_initramfs_and_network_the_guest_gets_neither() {
    if !has_qemu() {
        return;
    }
    let case = Case::new();
    let guest = [
        ready(),
        Step::PrintCommandLine,
        print("\nmodules "),
        Step::PrintModuleCount,
        Step::PowerOff,
    ];
    let folder = case.bundle("probe", &guest);
    let folder = folder.to_str().unwrap();
    let console = case.succeed(&[
        "run",
        folder,
        "--no-initramfs",
        "--network",
        "none",
        "--accel",
        "tcg",
    ]);
    let (cmdline, rest) = console
        .strip_prefix(&format!("{MARKER}\r\n"))
        .and_then(|rest| rest.split_once('\n'))
        .unwrap();
    // On TCG the guest is told the frequency of its counter, which it may fail to measure.
    let khz = cmdline.strip_prefix("tsc_early_khz=").unwrap();
    let (khz, rest_of_line) = khz.split_once(' ').unwrap();
    let khz: u64 = khz.parse().unwrap();
    assert!(khz > 100_000, "{khz}");
    // Counts in a tick of 10 ms.
    assert_eq!(
        rest_of_line,
        format!(
            "tsc=reliable lpj={} console=ttyS0 root=/dev/vda rw",
            khz * 10
        )
    );
    assert_eq!(rest, "modules 0");
}

#[test]
fn a_detached_vm_lives_until_it_is_stopped_and_keeps_its_log_until_it_is_removed() {
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
    let port = free_port();
    let publish = format!("{port}:80");
    assert_eq!(
        case.succeed(&["run", "probe", "-d", "--publish", &publish]),
        "probe\n"
    );
    let vm = &case.ps()[0];
    assert_eq!(vm["state"], "ready");
    assert!(vm["ready_after_ms"].as_u64().unwrap() > 0);
    assert!(vm["pid"].as_u64().unwrap() > 0);
    TcpStream::connect(("127.0.0.1", port)).unwrap();
    let table = case.succeed(&["ps"]);
    assert!(
        table
            .lines()
            .nth(1)
            .unwrap()
            .starts_with("probe  probe   ready"),
        "{table}"
    );
    assert!(table.contains(&format!("127.0.0.1:{port}->80")), "{table}");

    let mut follower = case.start(&["logs", "--follow", "probe"]);
    follower.wait_for_line(MARKER);
    let stopped = case.succeed(&["stop", "probe"]);
    assert!(stopped.starts_with("probe: stopped in "), "{stopped}");
    assert!(
        stopped.ends_with(": the guest powered off when asked\n"),
        "{stopped}"
    );
    assert_eq!(follower.finish().stdout, format!("{MARKER}\r\nbutton\n"));

    assert_eq!(case.ps()[0]["state"], "stopped");
    assert!(
        case.succeed(&["stop", "probe"])
            .starts_with("probe was not running")
    );
    assert_eq!(
        case.succeed(&["logs", "probe"]),
        format!("{MARKER}\r\nbutton\n")
    );
    assert_eq!(case.succeed(&["rm", "probe"]), "probe: removed\n");
    assert_eq!(case.succeed(&["ps", "--json"]), "[]\n");
    assert!(!case.vm("probe").exists());
}

#[test]
fn two_vms_of_one_bundle_get_names_of_their_own() {
    if !has_qemu() {
        return;
    }
    let case = Case::new();
    case.bundle("probe", &[ready(), Step::Halt]);
    assert_eq!(case.succeed(&["run", "probe", "-d"]), "probe\n");
    assert_eq!(case.succeed(&["run", "probe", "-d"]), "probe-2\n");
    assert_eq!(case.ps().len(), 2);
    case.succeed(&["rm", "-f", "probe"]);
    assert_eq!(case.succeed(&["run", "probe", "-d"]), "probe\n");
}

#[test]
fn rm_leaves_nothing_of_a_vm_that_ended_well() {
    if !has_qemu() {
        return;
    }
    let case = Case::new();
    case.bundle("probe", &[ready(), Step::PowerOff]);
    case.succeed(&["run", "probe", "--rm"]);
    assert_eq!(case.succeed(&["ps", "--json"]), "[]\n");
    assert_eq!(
        case.succeed(&["run", "probe", "--rm", "--detach"]),
        "probe\n"
    );
    eventually("the VM is gone", || case.ps().is_empty());
}

#[test]
fn a_run_leaves_the_bundle_as_it_was() {
    if !has_qemu() {
        return;
    }
    let case = Case::new();
    let folder = case.bundle("probe", &[ready(), Step::PowerOff]);
    let look = || {
        let mut files: Vec<_> = fs::read_dir(&folder)
            .unwrap()
            .map(|e| e.unwrap().path())
            .collect();
        files.sort_unstable();
        let facts = files.into_iter().map(|file| {
            let meta = fs::metadata(&file).unwrap();
            let times = (meta.mtime(), meta.mtime_nsec(), meta.mode());
            (hash::file(&file).unwrap(), times, file)
        });
        facts.collect::<Vec<_>>()
    };
    let before = look();
    case.succeed(&["run", "probe"]);
    assert_eq!(look(), before);
    case.succeed(&["rm", "probe"]);
    assert_eq!(look(), before);
}

#[test]
fn a_bundle_built_anew_does_not_change_an_older_vm() {
    if !has_qemu() {
        return;
    }
    let case = Case::new();
    let folder = case.bundle("probe", &[ready(), Step::PowerOff]);
    case.succeed(&["run", "probe"]);
    let vm: serde_json::Value =
        serde_json::from_slice(&fs::read(case.vm("probe").join("vm.json")).unwrap()).unwrap();
    let disk = &vm["disk"];
    // A build replaces the folder; the VM's names for its files stay.
    fs::remove_dir_all(&folder).unwrap();
    case.bundle("probe", &[print("another kernel\n"), Step::PowerOff]);
    let base = disk["layers"][0]["file"].as_str().unwrap_or("disk.raw");
    assert_eq!(
        json!(hash::file(&case.vm("probe").join(base)).unwrap()),
        disk["base_sha256"]
    );
    let kernel = fs::read(case.vm("probe").join("vmlinux")).unwrap();
    assert!(!kernel.windows(7).any(|w| w == b"another"));
}

#[test]
fn json_events_tell_the_same_story() {
    if !has_qemu() {
        return;
    }
    let case = Case::new();
    case.bundle("probe", &[ready(), Step::PowerOff]);
    let ran = case.kindling(&["run", "probe", "--json"]);
    let events: Vec<serde_json::Value> = ran
        .stderr
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    let names: Vec<&str> = events
        .iter()
        .map(|e| e["event"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["note", "starting", "ready", "ended"]);
    assert_eq!(events[3]["ending"]["kind"], "powered_off");
    assert_eq!(ran.stdout, format!("{MARKER}\r\n"));
}
