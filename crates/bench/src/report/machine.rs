//! The machine that a benchmark ran on.

use serde::{Deserialize, Serialize};

/// The machine that a benchmark ran on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// The processor's name.
    pub cpu: String,
    /// Processors online.
    pub cpus: u32,
    /// Their frequency governor; `None` where the kernel shows none, as in most VMs.
    pub governor: Option<String>,
    /// Whether the machine is a VM itself.
    pub virtual_machine: bool,
    /// The probe's finding on `/dev/kvm`, for a person.
    pub kvm: String,
    /// The kernel's release.
    pub kernel: String,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// The load of the last minute when the benchmark began.
    pub load_before: f64,
    /// And when it had ended.
    pub load_after: f64,
}

impl Machine {
    /// In what two machines differ as far as times depend on it: the field and both values.
    pub fn differences<'a>(&'a self, other: &'a Self) -> Vec<(&'static str, &'a str, &'a str)> {
        let governor = |machine: &'a Self| machine.governor.as_deref().unwrap_or("none");
        let fields = [
            ("the processor", self.cpu.as_str(), other.cpu.as_str()),
            ("the kernel", &self.kernel, &other.kernel),
            ("the governor", governor(self), governor(other)),
        ];
        let differs = |(_, one, two): &(_, &str, &str)| one != two;
        fields.into_iter().filter(differs).collect()
    }
}
