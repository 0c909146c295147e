//! Requirements of the monitors: KVM, Firecracker and its jailer, QEMU, userfaultfd.

use std::path::Path;

use kindling_base::Error;

use super::requirement::Requirement;
use crate::host::kvm::KvmState;
use crate::vmm::firecracker::{self, Binary, MINIMUM, VARIABLE, uffd};

pub(super) fn kvm(state: &KvmState) -> Requirement {
    let found = state.to_string();
    let translated =
        "guests run on QEMU's translator, some ten times slower; Firecracker cannot boot Linux";
    match state {
        state if state.is_hardware() => {
            Requirement::ok("KVM", found, "guests run at the speed of the processor")
        }
        KvmState::Missing => Requirement::missing(
            "KVM",
            found,
            translated,
            "enable virtualisation in the firmware or the outer hypervisor, then `modprobe kvm_intel` or `kvm_amd`",
        ),
        KvmState::Forbidden => Requirement::missing(
            "KVM",
            found,
            translated,
            "join the device's group: `sudo usermod -aG kvm $USER`, then log in again",
        ),
        KvmState::Measured { .. } | KvmState::Stuck { .. } | KvmState::Failed { .. } => {
            Requirement::limited(
                "KVM",
                found,
                translated,
                "use a host with hardware virtualisation or nested virtualisation switched on",
            )
        }
    }
}

/// Firecracker and its jailer.
pub(super) fn firecracker() -> [Requirement; 2] {
    let found = firecracker::locate(None).map(|path| firecracker::find(Some(&path)));
    let install = format!(
        "install a release of Firecracker {MINIMUM} or newer into PATH, or name it with {VARIABLE}"
    );
    let without = "`--vmm auto` takes QEMU";
    match found {
        None => [
            Requirement::limited("Firecracker", "not in PATH", without, install),
            Requirement::limited(
                "jailer",
                "no Firecracker",
                "no --jail",
                "install Firecracker first",
            ),
        ],
        Some(Err(error)) => [
            Requirement::missing("Firecracker", one_line(&error), without, install),
            Requirement::limited(
                "jailer",
                "no Firecracker",
                "no --jail",
                "install Firecracker first",
            ),
        ],
        Some(Ok(binary)) => [
            Requirement::ok(
                "Firecracker",
                shown(&binary),
                "`--vmm auto` takes it where KVM is hardware",
            ),
            jailer(&binary.path),
        ],
    }
}

fn jailer(beside: &Path) -> Requirement {
    match firecracker::jailer(beside) {
        Ok(binary) => Requirement::ok("jailer", shown(&binary), "root may use --jail"),
        Err(error) => Requirement::limited(
            "jailer",
            one_line(&error),
            "no --jail",
            error.advice().unwrap_or("put it beside Firecracker"),
        ),
    }
}

pub(super) fn qemu(version: Option<&str>) -> Requirement {
    match version {
        Some(version) => Requirement::ok("QEMU", version, "VMs run without KVM and without root"),
        None => Requirement::missing(
            "QEMU",
            "not installed",
            "`--vmm qemu` does not work",
            "`kindling run` installs qemu-system-x86 as root; or: apt-get install qemu-system-x86",
        ),
    }
}

pub(super) fn userfaultfd() -> Requirement {
    let means = |how: &str| format!("the memory of resumed Firecracker guests is filled by {how}");
    match uffd::available() {
        Ok(()) => Requirement::ok(
            "userfaultfd",
            "works",
            means("a page-fault handler that prefetches the working set"),
        ),
        Err(why) => Requirement::limited(
            "userfaultfd",
            why,
            means("the kernel, page by page"),
            "run as root, give this user /dev/userfaultfd, or `sysctl vm.unprivileged_userfaultfd=1`",
        ),
    }
}

fn shown(binary: &Binary) -> String {
    format!("{} {}", binary.path.display(), binary.version)
}

/// An error's message and its facts in one line.
fn one_line(error: &Error) -> String {
    let mut line = error.to_string();
    for note in error.notes() {
        line.push_str("; ");
        line.push_str(&note.split_whitespace().collect::<Vec<_>>().join(" "));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::super::requirement::Verdict;
    use super::*;

    #[test]
    fn kvm_is_judged_by_its_speed() {
        let measured = |instructions_per_second| KvmState::Measured {
            instructions_per_second,
        };
        assert_eq!(kvm(&measured(2_000_000_000)).verdict, Verdict::Ok);
        let slow = kvm(&measured(800_000));
        assert_eq!(slow.verdict, Verdict::Limited);
        assert!(slow.found.contains("only 0.8 million"), "{slow:?}");
        let forbidden = kvm(&KvmState::Forbidden);
        assert!(forbidden.advice.unwrap().contains("usermod"));
    }

    #[test]
    fn an_error_is_one_line() {
        let error = Error::user("x is too old")
            .note("found    1.2")
            .note("expected 1.3\nor so");
        assert_eq!(
            one_line(&error),
            "x is too old; found 1.2; expected 1.3 or so"
        );
    }
}
