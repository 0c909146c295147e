//! Whether the root disk can be found and mounted.

use kindling_base::Result;

use crate::facts::Facts;
use crate::kconfig::State;
use crate::rule::{Report, Rule};

pub(super) const DEVICE: Rule = Rule {
    name: "root-device",
    summary: "root= names a disk that the kernel can see when it needs it",
    explanation: "The driver of the root disk must be built in, or be a module in the initramfs: as a module on the root \
                  disk it cannot be read before it is needed. Names by UUID or LABEL are understood by an initramfs only, \
                  by PARTUUID also by the kernel, for partitions.",
    check: device,
};

pub(super) const FILESYSTEM: Rule = Rule {
    name: "root-filesystem",
    summary: "the root filesystem's driver is there when root is mounted",
    explanation: "The image is ext4. Its driver, and that of rootfstype=, must be built in or be a module in the \
                  initramfs; an initramfs itself needs CONFIG_BLK_DEV_INITRD.",
    check: filesystem,
};

/// Beginnings of device names, the option and the module of their driver.
const DISKS: [(&str, &str, &str); 6] = [
    ("/dev/vd", "VIRTIO_BLK", "virtio_blk"),
    ("/dev/sd", "BLK_DEV_SD", "sd_mod"),
    ("/dev/nvme", "BLK_DEV_NVME", "nvme"),
    ("/dev/pmem", "BLK_DEV_PMEM", "nd_pmem"),
    ("/dev/xvd", "XEN_BLKDEV_FRONTEND", "xen_blkfront"),
    ("/dev/mmcblk", "MMC_BLOCK", "mmc_block"),
];

fn device(facts: &Facts<'_>, report: &mut Report) -> Result<()> {
    let Some(root) = facts.cmdline.value("root") else {
        let problem = "it has no root=: nothing says which disk to mount";
        report.add("cmdline", problem);
        return Ok(());
    };
    let by_name = ["UUID=", "LABEL=", "/dev/disk/by-"];
    if by_name.iter().any(|start| root.starts_with(start)) && facts.image.initramfs.is_none() {
        let problem = format!("root={root} is for an initramfs to understand, and there is none");
        report.add("cmdline", problem);
    }
    let known = DISKS.iter().find(|(start, ..)| root.starts_with(start));
    let is_named = root.contains('=') || root.starts_with("/dev/disk/");
    let (_, option, module) = match known {
        Some(disk) => disk,
        None if is_named => &DISKS[0], // what launchers give is a virtio disk
        None => {
            let problem = format!("root={root} is no disk that a microVM has");
            report.add("cmdline", problem);
            return Ok(());
        }
    };
    driver(facts, report, &format!("root={root}"), option, module);
    Ok(())
}

fn filesystem(facts: &Facts<'_>, report: &mut Report) -> Result<()> {
    if facts.image.initramfs.is_some() && !facts.config.has("BLK_DEV_INITRD") {
        let problem = "there is an initramfs and CONFIG_BLK_DEV_INITRD is not built in";
        report.add("kernel", problem);
    }
    let types = facts.cmdline.value("rootfstype").unwrap_or("ext4");
    if !types.split(',').any(|name| name == "ext4") {
        let problem = format!("rootfstype={types} does not name ext4, which the image is");
        report.add("cmdline", problem);
    }
    driver(
        facts,
        report,
        "the root filesystem is ext4 and",
        "EXT4_FS",
        "ext4",
    );
    Ok(())
}

fn driver(facts: &Facts<'_>, report: &mut Report, what: &str, option: &str, module: &str) {
    let problem = match facts.config.state(option) {
        State::BuiltIn => return,
        State::Module if facts.has_module(module) => return,
        State::Module if facts.image.initramfs.is_some() => {
            format!(
                "{what} needs CONFIG_{option}, which is a module that the initramfs does not have"
            )
        }
        State::Module => {
            format!(
                "{what} needs CONFIG_{option}, which is a module, and there is no initramfs to bring it"
            )
        }
        State::Absent => format!("{what} needs CONFIG_{option}, which is off"),
    };
    report.add("kernel", problem);
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{Plan, problems};

    #[test]
    fn a_root_disk_that_cannot_be_seen_is_told() {
        let sound = Plan::bootable();
        assert_eq!(problems("root-device", &sound), [""; 0]);
        let module = sound.clone().config("VIRTIO_BLK", "m");
        insta::assert_snapshot!(problems("root-device", &module).join("\n"), @"kernel: root=/dev/vda needs CONFIG_VIRTIO_BLK, which is a module that the initramfs does not have");
        assert_eq!(
            problems("root-device", &module.clone().module("virtio_blk")),
            [""; 0]
        );
        insta::assert_snapshot!(problems("root-device", &module.no_initramfs()).join("\n"), @"kernel: root=/dev/vda needs CONFIG_VIRTIO_BLK, which is a module, and there is no initramfs to bring it");
        let off = sound.clone().cmdline("console=ttyS0 root=/dev/sda1");
        insta::assert_snapshot!(problems("root-device", &off).join("\n"), @"kernel: root=/dev/sda1 needs CONFIG_BLK_DEV_SD, which is off");
        let named = sound.clone().cmdline("root=LABEL=root");
        assert_eq!(problems("root-device", &named), [""; 0]);
        insta::assert_snapshot!(problems("root-device", &named.no_initramfs()).join("\n"), @"cmdline: root=LABEL=root is for an initramfs to understand, and there is none");
        insta::assert_snapshot!(problems("root-device", &sound.clone().cmdline("root=/dev/hda")).join("\n"), @"cmdline: root=/dev/hda is no disk that a microVM has");
        insta::assert_snapshot!(problems("root-device", &sound.cmdline("console=ttyS0")).join("\n"), @"cmdline: it has no root=: nothing says which disk to mount");
    }

    #[test]
    fn a_root_filesystem_without_driver_is_told() {
        let sound = Plan::bootable();
        assert_eq!(problems("root-filesystem", &sound), [""; 0]);
        let module = sound
            .clone()
            .config("EXT4_FS", "m")
            .config("BLK_DEV_INITRD", "n");
        insta::assert_snapshot!(problems("root-filesystem", &module).join("\n"), @r"
        kernel: the root filesystem is ext4 and needs CONFIG_EXT4_FS, which is a module that the initramfs does not have
        kernel: there is an initramfs and CONFIG_BLK_DEV_INITRD is not built in
        ");
        let other = sound.cmdline("root=/dev/vda rootfstype=xfs");
        insta::assert_snapshot!(problems("root-filesystem", &other).join("\n"), @"cmdline: rootfstype=xfs does not name ext4, which the image is");
    }
}
