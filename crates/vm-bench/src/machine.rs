//! The machine that a benchmark runs on.

use std::path::Path;

use kindling_base::{Result, files, parallel};
use kindling_bench::Machine;

use kindling_launcher::{Memory, kvm};

/// Describes this machine. `program` is our own binary, which measures KVM.
///
/// # Errors
/// `/proc` lacks what every Linux has.
pub(super) async fn describe(program: &Path) -> Result<Machine> {
    let cpuinfo = files::read_text(Path::new("/proc/cpuinfo"))?;
    let load = load()?;
    Ok(Machine {
        cpu: field(&cpuinfo, "model name")
            .unwrap_or("unknown")
            .to_owned(),
        cpus: u32::try_from(parallel::processors()).unwrap_or(u32::MAX),
        governor: governor(),
        virtual_machine: field(&cpuinfo, "flags")
            .is_some_and(|flags| flags.split_whitespace().any(|flag| flag == "hypervisor")),
        kvm: kvm::look(program).await.to_string(),
        kernel: rustix::system::uname()
            .release()
            .to_string_lossy()
            .into_owned(),
        memory_mib: Memory::read()?.total_mib,
        load_before: load,
        load_after: load,
    })
}

/// The load of the last minute.
///
/// # Errors
/// `/proc/loadavg` cannot be read.
pub(super) fn load() -> Result<f64> {
    let text = files::read_text(Path::new("/proc/loadavg"))?;
    let first = text.split_whitespace().next();
    Ok(first.and_then(|word| word.parse().ok()).unwrap_or_default())
}

fn governor() -> Option<String> {
    let path = Path::new("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
    let text = files::read_text(path).ok()?;
    Some(text.trim().to_owned())
}

fn field<'a>(cpuinfo: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = cpuinfo.lines().filter_map(|line| line.split_once(':'));
    lines.find_map(|(key, value)| (key.trim() == name).then_some(value.trim()))
}
