//! Limits of all VMs together, checked before one is made.

use kindling_base::{Error, Result, files, parallel};
use serde::{Deserialize, Serialize};

use crate::host::Memory;
use crate::vm::{StateFolder, Vm};

/// `[limits]` of the user's configuration file. Unset limits follow from the host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Limits {
    /// Memory of all guests in MiB; unset: the host's.
    pub(crate) memory_mib: Option<u64>,
    /// Virtual processors of all guests; unset: 16 for each of the host's.
    pub(crate) vcpus: Option<u64>,
    /// The number of VMs that run at once; unset: any.
    pub(crate) vms: Option<u64>,
    /// Disk space of the state folder in MiB, ended VMs and snapshots included; unset: all that is free.
    pub(crate) disk_mib: Option<u64>,
}

/// Virtual processors for each of the host's: guests are idle most of the time, but not all of them.
const VCPUS_EACH: u64 = 16;

/// Disk space in MiB that a VM needs before its guest has written anything: its overlay, its logs.
const DISK_TO_START_MIB: u64 = 16;

/// The share of the host that a VM takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    /// Memory in MiB.
    pub(crate) memory_mib: u32,
    /// Virtual processors.
    pub(crate) vcpus: u32,
}

/// A limit, what is in use, and what is asked for.
struct Use {
    what: &'static str,
    key: &'static str,
    limit: u64,
    used: u64,
    more: u64,
}

impl Limits {
    /// Refuses a VM that does not fit beside those that live.
    ///
    /// # Errors
    /// A limit would be passed; the error shows the sum.
    pub(crate) fn check(&self, state: &StateFolder, others: &[Vm], vm: Size) -> Result<()> {
        let live = || others.iter().filter(|vm| vm.status.state.is_live());
        let sum = |of: fn(&Vm) -> u32| live().map(|vm| u64::from(of(vm))).sum();
        let processors = parallel::processors();
        let uses = [
            Use {
                what: "running VMs",
                key: "vms",
                limit: self.vms.unwrap_or(u64::MAX),
                used: live().count() as u64,
                more: 1,
            },
            Use {
                what: "MiB of memory",
                key: "memory_mib",
                limit: match self.memory_mib {
                    Some(limit) => limit,
                    None => Memory::read()?.total_mib,
                },
                used: sum(|vm| vm.spec.memory_mib),
                more: vm.memory_mib.into(),
            },
            Use {
                what: "virtual processors",
                key: "vcpus",
                limit: self.vcpus.unwrap_or(processors as u64 * VCPUS_EACH),
                used: sum(|vm| vm.spec.vcpus),
                more: vm.vcpus.into(),
            },
            self.disk(state)?,
        ];
        uses.iter().try_for_each(Use::check)
    }

    fn disk(&self, state: &StateFolder) -> Result<Use> {
        let (limit, used) = match self.disk_mib {
            Some(limit) => (limit, files::disk_usage(state.root())? >> 20),
            None => (free_mib(state)?, 0),
        };
        Ok(Use {
            what: "MiB on the disk",
            key: "disk_mib",
            limit,
            used,
            more: DISK_TO_START_MIB,
        })
    }
}

/// Free space on the state folder's disk in MiB.
fn free_mib(state: &StateFolder) -> Result<u64> {
    let stat = rustix::fs::statvfs(state.root());
    let stat = stat.map_err(|error| {
        Error::internal(format!(
            "cannot look at the disk of {}",
            state.root().display()
        ))
        .because(std::io::Error::from(error))
    })?;
    Ok((stat.f_bavail * stat.f_frsize) >> 20)
}

impl Use {
    fn check(&self) -> Result<()> {
        let Self {
            what,
            key,
            limit,
            used,
            more,
        } = self;
        if used.saturating_add(*more) <= *limit {
            return Ok(());
        }
        Err(Error::user(format!("this would be more than {limit} {what}"))
            .note(format!("in use:    {used}"))
            .note(format!("asked for: {more}"))
            .hint(format!(
                "stop or remove a VM (`kindling ps`), or raise `{key}` in [limits] of ~/.config/kindling/config.toml"
            )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_counts() {
        let with = |used, more| Use {
            what: "MiB of memory",
            key: "memory_mib",
            limit: 1000,
            used,
            more,
        };
        assert!(with(500, 500).check().is_ok());
        assert!(with(u64::MAX, 1).check().is_err());
        assert_eq!(
            with(500, 501).check().unwrap_err().report(),
            "error: this would be more than 1000 MiB of memory\n  in use:    500\n  asked for: 501\n\
             hint: stop or remove a VM (`kindling ps`), or raise `memory_mib` in [limits] of ~/.config/kindling/config.toml"
        );
    }
}
