//! Whether the machine has the memory that its image needs to start.

use kindling_base::Result;

use crate::facts::Facts;
use crate::rule::{Report, Rule};

pub(super) const FLOOR: Rule = Rule {
    name: "memory-floor",
    summary: "the machine has memory for kernel, initramfs and what the image starts",
    explanation: "An initramfs is in memory twice while it is unpacked. One of 111 MB killed a guest of 256 MiB before its \
                  first program ran. The floor is the kernel, the initramfs packed and unpacked, 64 MiB for the kernel's \
                  own use, 64 MiB more where systemd is PID 1, and 512 MiB more where the image has a browser.",
    check: floor,
};

const MIB: u64 = 1 << 20;
/// Page tables, slabs and the page cache of a first program.
const KERNEL_NEEDS: u64 = 64 * MIB;
/// systemd, journald, udevd, logind and dbus, with their libraries in the page cache.
const SYSTEMD_NEEDS: u64 = 64 * MIB;
/// One window with one page.
const BROWSER_NEEDS: u64 = 512 * MIB;
/// Programs that are browsers.
const BROWSERS: [&str; 5] = [
    "chromium",
    "google-chrome",
    "google-chrome-stable",
    "firefox",
    "firefox-esr",
];

fn floor(facts: &Facts<'_>, report: &mut Report) -> Result<()> {
    let initramfs = facts.image.initramfs.as_ref();
    let mut parts = vec![
        ("the kernel", facts.image.kernel.bytes + KERNEL_NEEDS),
        (
            "the initramfs, packed and unpacked",
            initramfs.map_or(0, |initramfs| initramfs.bytes + initramfs.unpacked),
        ),
    ];
    if facts.files.is_program("/usr/lib/systemd/systemd") {
        parts.push(("systemd", SYSTEMD_NEEDS));
    }
    let browser = BROWSERS
        .iter()
        .find(|name| facts.files.on_path(name).is_some());
    if let Some(browser) = browser {
        parts.push((browser, BROWSER_NEEDS));
    }
    let needed: u64 = parts.iter().map(|(_, bytes)| bytes).sum();
    let has = u64::from(facts.image.memory_mib) * MIB;
    if needed > has {
        let parts = parts.iter().filter(|(_, bytes)| *bytes >= MIB);
        let list: Vec<String> = parts
            .map(|(what, bytes)| format!("{what} {} MiB", bytes.div_ceil(MIB)))
            .collect();
        let problem = format!(
            "memory_mib is {} and the image needs {}: {}",
            facts.image.memory_mib,
            needed.div_ceil(MIB),
            list.join(", ")
        );
        report.add("vm", problem);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{Plan, problems};

    #[test]
    fn a_fat_initramfs_in_a_small_guest_is_told() {
        let sound = Plan::bootable();
        assert_eq!(problems("memory-floor", &sound), [""; 0]);
        let mut fat = sound.clone();
        fat.memory_mib = 256;
        assert_eq!(problems("memory-floor", &fat), [""; 0]);
        fat.initramfs.as_mut().unwrap().bytes = 111_000_000;
        fat.initramfs.as_mut().unwrap().unpacked = 350_000_000;
        insta::assert_snapshot!(problems("memory-floor", &fat).join("\n"), @"vm: memory_mib is 256 and the image needs 584: the kernel 80 MiB, the initramfs, packed and unpacked 440 MiB, systemd 64 MiB");
        let browser = sound.program("usr/bin/chromium", "#!/bin/sh\n");
        insta::assert_snapshot!(problems("memory-floor", &browser).join("\n"), @"vm: memory_mib is 512 and the image needs 656: the kernel 80 MiB, systemd 64 MiB, chromium 512 MiB");
    }
}
