//! PID 1 in a virtual machine: every way to name a root, and every way to fail.
//!
//! Needs QEMU and a kernel with virtio_blk, ext4 and partition tables built in, named by `KINDLING_TEST_VMLINUX`, and the archive
//! of a build, named by `KINDLING_TEST_INITRAMFS`.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests, outside of test functions"
)]

use std::path::PathBuf;

use kindling_base::Command;
use kindling_initramfs as initramfs;

const UUID: &str = "01234567-89ab-4cde-8f01-23456789abcd";

/// An init without a C library: says that it runs, waits until that has left the machine, and restarts it.
const INIT: &str = r#"
.globl _start
_start: mov $1, %eax; mov $1, %edi; lea text(%rip), %rsi; mov $(end - text), %edx; syscall  # write
        mov $16, %eax; mov $1, %edi; mov $0x5409, %esi; mov $1, %edx; syscall               # ioctl TCSBRK: drain
        mov $169, %eax; mov $0xfee1dead, %edi; mov $672274793, %esi; mov $0x1234567, %edx; syscall # reboot
        ud2
text:   .ascii "init reached\n"
end:
"#;

/// A machine to boot, with its files.
struct Machine {
    folder: tempfile::TempDir,
    kernel: PathBuf,
}

impl Machine {
    /// `None`, with the reason printed, where something is missing.
    fn new() -> Option<Self> {
        let named = |name: &str| {
            let path = std::env::var_os(name);
            if path.is_none() {
                println!("skipped: {name} names nothing to boot");
            }
            path.map(PathBuf::from)
        };
        let kernel = named("KINDLING_TEST_VMLINUX")?;
        let archive = named("KINDLING_TEST_INITRAMFS")?;
        for program in ["qemu-system-x86_64", "mke2fs"] {
            if let Err(error) = Command::new("sh")
                .args(["-c", &format!("command -v {program}")])
                .run()
            {
                println!("skipped: no {program} here: {error}");
                return None;
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        std::fs::copy(archive, at.join(initramfs::FILE)).unwrap();
        std::fs::write(at.join("init.s"), INIT).unwrap();
        for (root, init) in [("root", "sbin/init"), ("other", "other")] {
            let path = at.join(root).join(init);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            for mount_point in ["dev", "proc", "sys"] {
                std::fs::create_dir_all(at.join(root).join(mount_point)).unwrap();
            }
            Command::new("cc")
                .args(["-nostdlib", "-static", "-no-pie", "-o"])
                .args([&path, &at.join("init.s")])
                .run()
                .unwrap();
            Command::new("mke2fs")
                .args([
                    "-q",
                    "-F",
                    "-t",
                    "ext4",
                    "-L",
                    root,
                    "-U",
                    if root == "root" { UUID } else { "random" },
                    "-d",
                ])
                .args([&at.join(root), &at.join(format!("{root}.img"))])
                .arg("8M")
                .run()
                .unwrap();
        }
        // The same file system in the first partition of an MBR disk.
        let image = std::fs::read(at.join("root.img")).unwrap();
        let mut disk = vec![0; 1 << 20];
        disk[0x1b8..0x1bc].copy_from_slice(&0xdead_beef_u32.to_le_bytes());
        disk[450] = 0x83;
        disk[454..458].copy_from_slice(&2048_u32.to_le_bytes());
        disk[458..462].copy_from_slice(&u32::try_from(image.len() / 512).unwrap().to_le_bytes());
        disk[510..512].copy_from_slice(&[0x55, 0xaa]);
        disk.extend_from_slice(&image);
        std::fs::write(at.join("mbr.img"), disk).unwrap();
        std::fs::write(at.join("blank.img"), vec![0; 1 << 20]).unwrap();
        Some(Self { folder, kernel })
    }

    /// Boots with these disks and returns what the console said. The machine must end by itself.
    ///
    /// `no_timer_check`: on a busy host the emulated timer can be too late for the kernel's test of it, which panics,
    /// or for finding the counter's frequency with its help, which never ends.
    fn boot(&self, cmdline: &str, disks: &[&str]) -> String {
        let at = self.folder.path();
        let mut command = Command::new("timeout")
            .args([
                "120",
                "qemu-system-x86_64",
                "-M",
                "q35,accel=tcg",
                "-cpu",
                "max",
                "-m",
                "256",
            ])
            .args([
                "-nodefaults",
                "-no-reboot",
                "-display",
                "none",
                "-serial",
                "stdio",
                "-kernel",
            ])
            .arg(&self.kernel)
            .arg("-initrd")
            .arg(at.join(initramfs::FILE))
            .arg("-append")
            .arg(format!(
                "console=ttyS0 quiet no_timer_check {} panic=-1 kindling.root_timeout=1 {cmdline}",
                kindling_launcher::tsc::kernel_arguments()
            ));
        for (index, disk) in disks.iter().enumerate() {
            let file = at.join(format!("{disk}.img"));
            command = command
                .arg("-drive")
                .arg(format!(
                    "if=none,id=d{index},format=raw,snapshot=on,file={}",
                    file.display()
                ))
                .arg("-device")
                .arg(format!("virtio-blk-pci,drive=d{index}"));
        }
        command.run().unwrap().text().replace('\r', "")
    }

    fn reaches_init(&self, cmdline: &str, disks: &[&str]) {
        let console = self.boot(cmdline, disks);
        assert!(console.contains("init reached"), "{cmdline}\n{console}");
        assert!(!console.contains("kindling-init: failed"), "{console}");
    }

    /// The failure is the beginning of a line, for a launcher to see; the rest is for a person.
    fn fails(&self, cmdline: &str, disks: &[&str], expected: &[&str]) {
        let console = self.boot(cmdline, disks);
        let first = format!("\nkindling-init: failed: {}\n", expected[0]);
        assert!(console.contains(&first), "{cmdline}\n{console}");
        for text in &expected[1..] {
            assert!(
                console.contains(text),
                "{cmdline}: no `{text}` in\n{console}"
            );
        }
        assert!(
            console.contains("kindling-init: restarting in 0 s (panic=-1)"),
            "{console}"
        );
        assert!(!console.contains("Kernel panic"), "{console}");
    }
}

#[test]
fn every_form_of_root_is_found() {
    let Some(machine) = Machine::new() else {
        return;
    };
    machine.reaches_init("root=/dev/vda rw", &["root"]);
    machine.reaches_init(
        &format!("root=UUID={} rootflags=noatime", UUID.to_uppercase()),
        &["blank", "root"],
    );
    machine.reaches_init("root=LABEL=root rw rootfstype=xfs,ext4", &["other", "root"]);
    machine.reaches_init("root=PARTUUID=deadbeef-01 ro", &["blank", "mbr"]);
    machine.reaches_init("root=/dev/vda rw init=/other", &["other"]);
}

#[test]
fn a_failure_says_what_was_seen() {
    let Some(machine) = Machine::new() else {
        return;
    };
    machine.fails(
        "root=/dev/vda",
        &[],
        &[
            "no root device: /dev/vda did not appear",
            "block devices: none",
            "CONFIG_VIRTIO_BLK",
        ],
    );
    machine.fails(
        "root=UUID=1234",
        &["mbr", "blank"],
        &[
            "no root device: UUID=1234 did not appear",
            "  looked for:   root=UUID=1234\n",
            "LABEL=root  PARTUUID=deadbeef-01\n",
            &format!("for example root=UUID={UUID} for /dev/vda1"),
        ],
    );
    machine.fails(
        "root=/dev/vda rootfstype=nosuch",
        &["root"],
        &["cannot mount /dev/vda as nosuch: this kernel has no such driver or file system (ENODEV)",
            "this kernel was built without nosuch"],
    );
    machine.fails(
        "root=/dev/vda",
        &["blank"],
        &["/dev/vda has no known file system"],
    );
    machine.fails(
        "root=/dev/vda",
        &["other"],
        &[
            "the root has no init",
            "tried:        /sbin/init: no such file or folder (ENOENT)",
        ],
    );
    machine.fails("root=vda", &["root"], &["root=vda has an unknown form"]);
}
