//! The kernel itself: its file, and what machine and init demand of its configuration.

use kindling_base::Result;

use crate::facts::Facts;
use crate::kconfig::State;
use crate::rule::{Report, Rule};

pub(super) const IMAGE: Rule = Rule {
    name: "kernel-image",
    summary: "the kernel is an ELF file for x86-64",
    explanation: "Firecracker and QEMU's microvm load an uncompressed ELF `vmlinux`. A bzImage, which distributions put \
                  into /boot, is refused or hangs without a word. Build the target `vmlinux`.",
    check: image,
};

pub(super) const MACHINE: Rule = Rule {
    name: "kernel-machine",
    summary: "drivers of the machine are built in or in the initramfs",
    explanation: "A microVM has virtio devices on PCI (or MMIO) and nothing else. Without the bus's driver no disk and \
                  no network card is ever seen; without CONFIG_PVH the hypervisor has no entry point for an ELF kernel.",
    check: machine,
};

pub(super) const CONSOLE: Rule = Rule {
    name: "kernel-console",
    summary: "console= names a console that the kernel has a driver for",
    explanation: "Readiness, panics and the log reach the host over the serial console. With none, or one without a \
                  driver, a guest that fails does so in silence.",
    check: console,
};

pub(super) const SYSTEMD: Rule = Rule {
    name: "kernel-systemd",
    summary: "the kernel has what systemd cannot start without",
    explanation: "systemd's README lists kernel features that it requires; without one of them PID 1 freezes or units \
                  fail in ways that do not name the cause.",
    check: systemd,
};

fn image(facts: &Facts<'_>, report: &mut Report) -> Result<()> {
    // e_ident: magic, 64 bits, little endian; e_machine at 18 is EM_X86_64 (62).
    let head = facts.image.kernel.head;
    let problem = if !head.starts_with(b"\x7fELF") {
        "it is no ELF file: a bzImage, perhaps; an uncompressed `vmlinux` is needed"
    } else if head.get(4..6) != Some(&[2, 1]) || head.get(18..20) != Some(&[62, 0]) {
        "it is an ELF file, but not for x86-64"
    } else {
        return Ok(());
    };
    report.add("vmlinux", problem);
    Ok(())
}

fn machine(facts: &Facts<'_>, report: &mut Report) -> Result<()> {
    let buses = [("VIRTIO_PCI", "virtio_pci"), ("VIRTIO_MMIO", "virtio_mmio")];
    let usable = |&(option, module): &(&str, &str)| match facts.config.state(option) {
        State::BuiltIn => true,
        State::Module => facts.has_module(module),
        State::Absent => false,
    };
    if !buses.iter().any(usable) {
        let problem = "neither CONFIG_VIRTIO_PCI nor CONFIG_VIRTIO_MMIO is built in or in the initramfs: \
                       the guest sees no device";
        report.add("kernel", problem);
    }
    if !facts.config.has("PVH") {
        let problem = "CONFIG_PVH is off: the hypervisor cannot enter an ELF kernel";
        report.add("kernel", problem);
    }
    if facts.image.network && facts.config.state("VIRTIO_NET") == State::Absent {
        let problem = "the machine has a network card and CONFIG_VIRTIO_NET is off";
        report.add("kernel", problem);
    }
    Ok(())
}

fn console(facts: &Facts<'_>, report: &mut Report) -> Result<()> {
    let mut any = false;
    for value in facts.cmdline.values("console") {
        any = true;
        let device = value.split(',').next().unwrap_or_default();
        let option = match device.trim_end_matches(|c: char| c.is_ascii_digit()) {
            "ttyS" => "SERIAL_8250_CONSOLE",
            "hvc" => "VIRTIO_CONSOLE",
            "tty" => "VT_CONSOLE",
            _ => continue,
        };
        if !facts.config.has(option) {
            let problem = format!("console={value} needs CONFIG_{option} built in");
            report.add("cmdline", problem);
        }
    }
    if !any {
        let problem = "it has no console=: nothing that the guest says reaches the host";
        report.add("cmdline", problem);
    }
    Ok(())
}

fn systemd(facts: &Facts<'_>, report: &mut Report) -> Result<()> {
    // systemd 252, README, "REQUIREMENTS".
    const REQUIRED: [&str; 14] = [
        "DEVTMPFS",
        "CGROUPS",
        "INOTIFY_USER",
        "SIGNALFD",
        "TIMERFD",
        "EPOLL",
        "UNIX",
        "SYSFS",
        "PROC_FS",
        "FHANDLE",
        "TMPFS",
        "NET",
        "BINFMT_ELF",
        "BINFMT_SCRIPT",
    ];
    if !facts.files.is_program("/usr/lib/systemd/systemd") {
        return Ok(());
    }
    for option in REQUIRED {
        if !facts.config.has(option) {
            let problem = format!("systemd is PID 1 and CONFIG_{option} is not built in");
            report.add("kernel", problem);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{Plan, problems};

    #[test]
    fn a_bzimage_is_seen() {
        let sound = Plan::bootable();
        assert_eq!(problems("kernel-image", &sound), [""; 0]);
        let mut zipped = sound.clone();
        zipped.kernel_head = b"MZ".repeat(40);
        insta::assert_snapshot!(problems("kernel-image", &zipped).join("\n"), @"vmlinux: it is no ELF file: a bzImage, perhaps; an uncompressed `vmlinux` is needed");
        let mut arm = sound;
        arm.kernel_head[18] = 183;
        insta::assert_snapshot!(problems("kernel-image", &arm).join("\n"), @"vmlinux: it is an ELF file, but not for x86-64");
    }

    #[test]
    fn missing_drivers_of_the_machine_are_seen() {
        let sound = Plan::bootable();
        assert_eq!(problems("kernel-machine", &sound), [""; 0]);
        let none = sound
            .clone()
            .config("VIRTIO_PCI", "m")
            .config("VIRTIO_MMIO", "n")
            .config("PVH", "n")
            .config("VIRTIO_NET", "n");
        insta::assert_snapshot!(problems("kernel-machine", &none).join("\n"), @r"
        kernel: CONFIG_PVH is off: the hypervisor cannot enter an ELF kernel
        kernel: neither CONFIG_VIRTIO_PCI nor CONFIG_VIRTIO_MMIO is built in or in the initramfs: the guest sees no device
        ");
        let brought = sound
            .config("VIRTIO_PCI", "m")
            .config("VIRTIO_MMIO", "n")
            .module("virtio_pci");
        assert_eq!(problems("kernel-machine", &brought), [""; 0]);
    }

    #[test]
    fn a_console_without_driver_and_none_at_all_are_seen() {
        let sound = Plan::bootable();
        assert_eq!(problems("kernel-console", &sound), [""; 0]);
        let other = sound
            .clone()
            .cmdline("console=tty0 console=hvc0,115200 root=/dev/vda");
        let other = other
            .config("VT_CONSOLE", "n")
            .config("VIRTIO_CONSOLE", "m");
        insta::assert_snapshot!(problems("kernel-console", &other).join("\n"), @r"
        cmdline: console=hvc0,115200 needs CONFIG_VIRTIO_CONSOLE built in
        cmdline: console=tty0 needs CONFIG_VT_CONSOLE built in
        ");
        let none = sound.cmdline("root=/dev/vda rw");
        insta::assert_snapshot!(problems("kernel-console", &none).join("\n"), @"cmdline: it has no console=: nothing that the guest says reaches the host");
    }

    #[test]
    fn what_systemd_needs_is_seen() {
        let sound = Plan::bootable();
        assert_eq!(problems("kernel-systemd", &sound), [""; 0]);
        let lacking = sound.config("FHANDLE", "n").config("TMPFS", "m");
        insta::assert_snapshot!(problems("kernel-systemd", &lacking).join("\n"), @r"
        kernel: systemd is PID 1 and CONFIG_FHANDLE is not built in
        kernel: systemd is PID 1 and CONFIG_TMPFS is not built in
        ");
        let other_init = Plan::new().config("FHANDLE", "n");
        assert_eq!(problems("kernel-systemd", &other_init), [""; 0]);
    }
}
