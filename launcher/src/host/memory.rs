//! The host's memory.

use std::path::Path;

use kindling_base::{Error, Result, files};
use serde::Serialize;

/// The host's memory in MiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// All of it that the kernel manages.
    pub total_mib: u64,
    /// Memory that can be used without swapping, as the kernel estimates it.
    pub available_mib: u64,
}

impl Memory {
    /// Reads `/proc/meminfo`.
    ///
    /// # Errors
    /// It cannot be read or lacks a field.
    pub fn read() -> Result<Self> {
        let path = Path::new("/proc/meminfo");
        parse(&files::read_text(path)?)
            .ok_or_else(|| Error::internal("/proc/meminfo has no MemTotal or MemAvailable in kB"))
    }

    /// Refuses a machine that can never fit.
    ///
    /// # Errors
    /// The host has less memory in all than `wanted_mib`.
    pub(crate) fn check(self, wanted_mib: u32) -> Result<()> {
        if u64::from(wanted_mib) <= self.total_mib {
            return Ok(());
        }
        Err(Error::user(format!(
            "the VM asks for {wanted_mib} MiB of memory, this host has {} MiB",
            self.total_mib
        ))
        .note(format!("free now: {} MiB", self.available_mib))
        .hint("give it less with --memory-mib"))
    }
}

fn parse(meminfo: &str) -> Option<Memory> {
    let field = |name: &str| {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(name))?;
        let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kib / 1024)
    };
    Some(Memory {
        total_mib: field("MemTotal:")?,
        available_mib: field("MemAvailable:")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meminfo_is_read_in_mib() {
        let text = "MemTotal:       24683520 kB\nMemFree:        1 kB\nMemAvailable:   2048 kB\n";
        let memory = parse(text).unwrap();
        assert_eq!((memory.total_mib, memory.available_mib), (24105, 2));
        assert_eq!(parse("MemTotal: x kB"), None);
        assert!(Memory::read().unwrap().total_mib > 0);
        assert!(memory.check(24105).is_ok());
        assert!(memory.check(24106).is_err());
    }
}
