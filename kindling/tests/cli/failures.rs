//! Bad input, and guests that do what they should not. Each has a clear error and the right exit code.

use std::fs;
use std::net::TcpListener;

use kindling_base::Exit;
use kindling_probe_guest::{Step, print};

use crate::support::{Case, free_port, has_qemu, ready};

#[test]
fn a_flipped_byte_is_found_before_anything_is_started() {
    if !has_qemu() {
        return;
    }
    let case = Case::new();
    let folder = case.bundle("probe", &[ready(), Step::PowerOff]);
    for file in ["vmlinux", "initramfs.cpio", "rootfs.ext4", "bundle.json"] {
        let path = folder.join(file);
        let whole = fs::read(&path).unwrap();
        let mut flipped = whole.clone();
        let at = match file {
            "bundle.json" => String::from_utf8_lossy(&whole).find("few hundred").unwrap(),
            _ => whole.len() / 2,
        };
        flipped[at] ^= 1;
        fs::write(&path, flipped).unwrap();
        let report = case.fail(Exit::User, &["run", "probe"]);
        assert!(
            report.contains(&format!("{file} is not what was built")),
            "{report}"
        );
        assert!(
            report.contains("expected sha256 ") && report.contains("computed sha256 "),
            "{report}"
        );
        assert!(report.contains("hint: the bundle is damaged"), "{report}");
        fs::write(&path, whole).unwrap();
    }
    assert_eq!(case.succeed(&["ps", "--json"]), "[]\n");
    case.succeed(&["run", "probe"]);
}

#[test]
fn what_is_no_bundle_is_refused_with_near_names() {
    let case = Case::new();
    case.bundle("minimal-debian-12", &[Step::Halt]);
    fs::create_dir_all(case.path("out/empty")).unwrap();
    let report = case.fail(Exit::User, &["run", "./out/empty", "--no-install"]);
    assert!(
        report.contains("./out/empty is not a bundle: it has no bundle.json"),
        "{report}"
    );
    let report = case.fail(Exit::User, &["run", "minimal-debain-12"]);
    assert!(
        report.contains("did you mean `minimal-debian-12`?"),
        "{report}"
    );
    let report = case.fail(Exit::User, &["logs", "nothing"]);
    assert!(
        report.contains("there is no VM called `nothing`"),
        "{report}"
    );
}

#[test]
fn a_name_is_used_once_and_is_a_host_name() {
    if !has_qemu() {
        return;
    }
    let case = Case::new();
    case.bundle("probe", &[ready(), Step::PowerOff]);
    case.succeed(&["run", "probe", "--name", "web"]);
    let report = case.fail(Exit::User, &["run", "probe", "--name", "web"]);
    assert!(
        report.contains("there is a VM called `web` already"),
        "{report}"
    );
    assert!(report.contains("kindling rm web"), "{report}");
    let report = case.fail(Exit::User, &["run", "probe", "--name", "../up"]);
    assert!(report.contains("`../up` cannot be a VM's name"), "{report}");
    let report = case.fail(Exit::User, &["stop", "wbe"]);
    assert!(report.contains("did you mean `web`?"), "{report}");
}

#[test]
fn more_memory_than_the_host_has_is_refused() {
    if !has_qemu() {
        return;
    }
    let case = Case::new();
    case.bundle("probe", &[Step::Halt]);
    let report = case.fail(Exit::User, &["run", "probe", "--memory-mib", "99999999"]);
    assert!(
        report.contains("the VM asks for 99999999 MiB of memory, this host has "),
        "{report}"
    );
}

#[test]
fn a_taken_port_is_named_with_who_has_it() {
    if !has_qemu() {
        return;
    }
    let case = Case::new();
    case.bundle("probe", &[ready(), Step::Halt]);
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let taken = listener.local_addr().unwrap().port();
    let report = case.fail(Exit::User, &["run", "probe", "-p", &format!("{taken}:80")]);
    let expected =
        format!("cannot publish port {taken} of 127.0.0.1: another program listens there");
    assert!(report.contains(&expected), "{report}");
    let port = free_port();
    case.succeed(&[
        "run",
        "probe",
        "-d",
        "--name",
        "first",
        "-p",
        &format!("{port}:80"),
    ]);
    let report = case.fail(
        Exit::User,
        &["run", "probe", "-d", "-p", &format!("{port}:81")],
    );
    let expected = format!("cannot publish port {port} of 127.0.0.1: the VM `first` has it");
    assert!(report.contains(&expected), "{report}");
    assert_eq!(case.ps().len(), 1, "the refused VM left nothing");
    let twice = format!("{port}:80");
    let report = case.fail(Exit::User, &["run", "probe", "-p", &twice, "-p", &twice]);
    assert!(report.contains("is published twice"), "{report}");
}

#[test]
fn an_unusable_state_folder_is_named() {
    let case = Case::new();
    let file = case.path("a-file");
    fs::write(&file, "").unwrap();
    let output = case
        .command(&["ps"])
        .env("KINDLING_STATE", &file)
        .to_std()
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(Exit::User as i32));
    let report = String::from_utf8(output.stderr).unwrap();
    assert!(
        report.contains("a-file is not usable\n  because: cannot create the folder "),
        "{report}"
    );
    assert!(report.contains("hint: set KINDLING_STATE"), "{report}");
}

#[test]
fn a_qemu_that_dies_at_once_is_quoted() {
    if !has_qemu() {
        return;
    }
    let case = Case::new();
    case.bundle_of("probe", b"not a kernel at all");
    for how in [&["run", "probe"][..], &["run", "probe", "--detach"]] {
        let report = case.fail(Exit::External, how);
        assert!(
            report.contains("QEMU ended at once: exit status: 1"),
            "{report}"
        );
        assert!(report.contains("QEMU said:\n"), "{report}");
        assert!(report.contains("command: cd "), "{report}");
    }
    assert!(case.ps().iter().all(|vm| vm["state"] == "failed"));
}

#[test]
fn a_guest_that_is_never_ready_is_ended_and_its_console_shown() {
    if !has_qemu() {
        return;
    }
    let case = Case::new();
    case.bundle("probe", &[print("waiting for a root disk\n"), Step::Halt]);
    for how in [
        &["run", "probe", "--timeout", "1"][..],
        &["run", "probe", "--timeout", "1", "-d"],
    ] {
        let report = case.fail(Exit::External, how);
        assert!(report.contains("was not ready within 1 s"), "{report}");
        assert!(
            report.contains("the console's last lines:\n  waiting for a root disk"),
            "{report}"
        );
        assert!(report.contains("--timeout SECONDS"), "{report}");
    }
    assert!(case.ps().iter().all(|vm| vm["state"] == "failed"));
}

#[test]
fn a_panic_is_recognised_before_and_after_readiness() {
    if !has_qemu() {
        return;
    }
    let case = Case::new();
    let panic = print("[    1.234567] Kernel panic - not syncing: VFS: Unable to mount root fs\n");
    case.bundle("early", &[panic.clone(), Step::Reset]);
    let report = case.fail(Exit::External, &["run", "early"]);
    assert!(
        report.contains("error: the guest of `early` gave up: Kernel panic - not syncing: VFS"),
        "{report}"
    );
    case.bundle("late", &[ready(), panic, Step::Reset]);
    case.fail(Exit::External, &["run", "late"]);
    // One that stays where it is after its last words is ended by us.
    case.bundle(
        "init",
        &[print("kindling-init: failed: no root\n"), Step::Halt],
    );
    let report = case.fail(Exit::External, &["run", "init", "-d"]);
    assert!(
        report.contains("gave up: kindling-init: failed: no root"),
        "{report}"
    );
}

#[test]
fn a_guest_that_ends_before_it_is_ready_has_failed() {
    if !has_qemu() {
        return;
    }
    let case = Case::new();
    case.bundle("off", &[print("no marker\n"), Step::PowerOff]);
    let report = case.fail(Exit::External, &["run", "off", "--rm"]);
    assert!(
        report.contains("the guest of `off` powered off before it was ready"),
        "{report}"
    );
    assert_eq!(case.ps()[0]["state"], "failed", "--rm keeps what failed");
    case.bundle("reset", &[print("no marker\n"), Step::Reset]);
    let report = case.fail(Exit::External, &["run", "reset", "--detach"]);
    assert!(
        report.contains("the guest of `reset` reset before it was ready"),
        "{report}"
    );
}

#[test]
fn a_missing_qemu_is_named_with_its_package() {
    let case = Case::new();
    case.bundle("probe", &[Step::Halt]);
    let output = case
        .command(&["run", "probe", "--no-install"])
        .env("PATH", "/nowhere")
        .to_std()
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(Exit::User as i32));
    let report = String::from_utf8(output.stderr).unwrap();
    assert!(
        report.contains("qemu-system-x86 (program `qemu-system-x86_64`) to run virtual machines"),
        "{report}"
    );
}

#[test]
fn a_running_vm_is_not_removed_by_accident() {
    if !has_qemu() {
        return;
    }
    let case = Case::new();
    case.bundle("probe", &[ready(), Step::Halt]);
    case.succeed(&["run", "probe", "-d"]);
    let report = case.fail(Exit::User, &["rm", "probe"]);
    assert!(report.contains("`probe` is running"), "{report}");
    assert!(report.contains("kindling stop probe"), "{report}");
    assert_eq!(
        case.succeed(&["rm", "--force", "probe"]),
        "probe: removed\n"
    );
}
