//! `kindling gc`, and the limits for all VMs together.
#![expect(
    clippy::unwrap_used,
    reason = "clippy takes helpers of integration tests for production code"
)]

use std::fs;
use std::process::Stdio;

use kindling_base::{Command, Exit};
use kindling_probe_guest::Step;
use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Case, MARKER, eventually, has_qemu, ready, runs};

/// Starts a VM that does nothing and kills its supervisor, hard.
fn dead(case: &Case, name: &str) {
    case.succeed(&["run", "probe", "--detach", "--name", name]);
    let vm = case.ps().into_iter().find(|vm| vm["name"] == name).unwrap();
    let supervisor = vm["supervisor_pid"].as_i64().unwrap();
    let supervisor = Pid::from_raw(i32::try_from(supervisor).unwrap()).unwrap();
    kill_process(supervisor, Signal::KILL).unwrap();
    let machine = vm["pid"].as_u64().unwrap();
    eventually("QEMU is gone", || !runs(machine));
    case.ps(); // whoever looks first writes it down
}

/// Names of the files in a VM's folder.
fn left(case: &Case, name: &str) -> Vec<String> {
    let entries = fs::read_dir(case.vm(name)).unwrap().flatten();
    let names = entries.map(|entry| entry.file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    names
}

#[test]
fn exactly_what_is_dead_goes_and_logs_outlive_it() {
    if !has_qemu() {
        return;
    }
    let case = Case::new();
    case.bundle("probe", &[ready(), Step::Halt]);
    case.succeed(&["gc"]); // control groups are the machine's: some may be left of others' VMs
    assert_eq!(case.succeed(&["gc"]), "nothing is dead\n");
    case.succeed(&["run", "probe", "--detach", "--name", "alive"]);
    case.succeed(&["run", "probe", "--detach", "--name", "ended"]);
    case.succeed(&["stop", "ended", "--timeout", "0"]);
    dead(&case, "dead");
    let (alive, ended, before) = (
        left(&case, "alive"),
        left(&case, "ended"),
        left(&case, "dead"),
    );
    // A monitor that outlived its supervisor: QEMU, working in the dead VM's folder.
    let mut orphan = Command::new("qemu-system-x86_64")
        .args(["-M", "none", "-nodefaults", "-display", "none"])
        .directory(case.vm("dead"))
        .to_std()
        .stdin(Stdio::null())
        .spawn()
        .unwrap();

    let said = case.succeed(&["gc", "--dry-run"]);
    assert!(
        said.contains("would clear VMs, but for their logs: dead"),
        "{said}"
    );
    assert!(
        said.contains(&format!("would clear processes: {}", orphan.id())),
        "{said}"
    );
    assert_eq!(left(&case, "dead"), before);
    assert!(runs(orphan.id().into()));

    let said = case.succeed(&["gc"]);
    assert!(
        said.contains("cleared VMs, but for their logs: dead"),
        "{said}"
    );
    assert!(!orphan.wait().unwrap().success(), "it was killed");
    let logs = ["console.log", "lock", "status.json", "vm.json", "vmm.log"];
    assert_eq!(left(&case, "dead"), logs);
    assert!(case.succeed(&["logs", "dead"]).starts_with(MARKER));
    assert_eq!((left(&case, "alive"), left(&case, "ended")), (alive, ended));
    assert_eq!(case.succeed(&["gc"]), "nothing is dead\n");

    let said = case.succeed(&["gc", "--logs"]);
    assert!(said.contains("cleared whole VMs: dead"), "{said}");
    assert!(!case.vm("dead").exists());
    let said = case.succeed(&["gc", "--ended", "--logs", "--json"]);
    let told: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(told["removed"], serde_json::json!(["ended"]));
    let names: Vec<_> = case.ps().iter().map(|vm| vm["name"].clone()).collect();
    assert_eq!(names, ["alive"]);
    assert_eq!(case.ps()[0]["state"], "ready");
}

#[test]
fn limits_count_what_is_in_use() {
    if !has_qemu() {
        return;
    }
    let case = Case::new();
    case.bundle("probe", &[ready(), Step::Halt]); // 64 MiB, one processor
    let config = case.path("config/kindling");
    fs::create_dir_all(&config).unwrap();
    let run = |limits: &str, name: &str| {
        fs::write(config.join("config.toml"), format!("[limits]\n{limits}\n")).unwrap();
        let command = case.command(&["run", "probe", "--detach", "--name", name]);
        let command = command.env("XDG_CONFIG_HOME", case.path("config"));
        let output = command.to_std().output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code().unwrap(), said)
    };
    assert_eq!(run("memory_mib = 127\nvms = 1\nvcpus = 1", "first").0, 0);
    for (limits, problem) in [
        (
            "memory_mib = 127",
            "this would be more than 127 MiB of memory\n  in use:    64\n  asked for: 64",
        ),
        (
            "vms = 1",
            "this would be more than 1 running VMs\n  in use:    1\n  asked for: 1",
        ),
        (
            "vcpus = 1",
            "this would be more than 1 virtual processors\n  in use:    1\n  asked for: 1",
        ),
        (
            "disk_mib = 16",
            "this would be more than 16 MiB on the disk\n  in use:    ",
        ),
    ] {
        let (code, said) = run(limits, "second");
        assert_eq!(code, Exit::User as i32, "{limits}: {said}");
        assert!(
            said.contains(problem) && said.contains("hint: stop or remove a VM"),
            "{said}"
        );
    }
    let (code, said) = run("memroy_mib = 1", "second");
    assert_eq!(code, Exit::User as i32);
    assert!(
        said.contains("config.toml:2:1: unknown key `memroy_mib` in [limits]"),
        "{said}"
    );
    assert!(said.contains("hint: did you mean `memory_mib`?"), "{said}");
    // A table that nobody reads would limit nothing: it is refused even where its keys are right.
    let (code, said) = run("[netwrok]\nbridge = \"br7\"", "second");
    assert_eq!(code, Exit::User as i32);
    assert!(said.contains("hint: did you mean `network`?"), "{said}");
    assert_eq!(
        run(
            "memory_mib = 128\nvms = 2\nvcpus = 2\ndisk_mib = 1000",
            "second"
        )
        .0,
        0
    );
    // What has ended is not in use, and a refusal leaves nothing.
    case.succeed(&["stop", "first", "--timeout", "0"]);
    assert_eq!(run("memory_mib = 128\nvms = 2", "third").0, 0);
    assert_eq!(case.ps().len(), 3);
}
