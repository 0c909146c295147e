//! KVM on this host: whether `/dev/kvm` runs guest code at the speed of the hardware.
//!
//! Some hosts offer the device but interpret guest code in software, a hundred times slower than QEMU's own
//! translator and with instructions missing. Only running real guest code tells them apart, and such a host
//! may not answer at all: so the code runs in a process of its own, which is killed at a deadline.

use std::fmt;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use kindling_base::{Command, Error, Result};
use kvm_bindings::kvm_userspace_memory_region;
use kvm_ioctls::{Kvm, VcpuExit};
use serde::{Deserialize, Serialize};

/// The device.
pub const DEVICE: &str = "/dev/kvm";

/// The hidden command of our binary that calls [`measure`].
pub const MEASURE_COMMAND: &str = "measure-kvm";

/// Guest instructions a second from which on KVM is taken for hardware. A processor of 1 GHz retires our
/// loop of two instructions at 1,000 to 2,000 million a second, nested virtualisation included; hosts
/// that interpret were measured at 1 to 20 million; TCG translates it to some hundred million.
pub const HARDWARE_INSTRUCTIONS_PER_SECOND: u64 = 300_000_000;

/// After this the process that runs the guest code is killed: a loaded machine starts it and measures in a
/// tenth of this.
const DEADLINE: Duration = Duration::from_millis(500);

/// The guest code is run for at most this long.
const WINDOW: Duration = Duration::from_millis(50);

/// Turns of the loop between two exits to us: 22 microseconds at 3 GHz, long against an exit of 1 to 20.
const TURNS: u32 = 65_536;

/// Exits after which the figure is good enough: 6 ms at 3 GHz.
const ENOUGH_EXITS: u64 = 256;

/// The state of KVM on this host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum KvmState {
    /// [`DEVICE`] does not exist.
    Missing,
    /// The device is there but not for us.
    Forbidden,
    /// A system call failed or the guest did something that the code cannot do.
    Failed {
        /// The failure, for a person.
        reason: String,
    },
    /// The guest code made no progress within the deadline.
    Stuck {
        /// The deadline.
        deadline_ms: u64,
    },
    /// The guest code ran.
    Measured {
        /// Its speed.
        instructions_per_second: u64,
    },
}

impl KvmState {
    /// Whether guests on KVM run at the speed of the hardware here.
    pub fn is_hardware(&self) -> bool {
        matches!(self, KvmState::Measured { instructions_per_second }
            if *instructions_per_second >= HARDWARE_INSTRUCTIONS_PER_SECOND)
    }
}

impl fmt::Display for KvmState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KvmState::Missing => write!(f, "there is no {DEVICE}"),
            KvmState::Forbidden => write!(f, "{DEVICE} is not readable and writable for this user"),
            KvmState::Failed { reason } => write!(f, "KVM does not run guest code: {reason}"),
            KvmState::Stuck { deadline_ms } => {
                write!(f, "KVM ran no guest code to its end in {deadline_ms} ms")
            }
            KvmState::Measured {
                instructions_per_second: speed,
            } => {
                let speed = *speed as f64 / 1e6;
                write!(f, "KVM runs ")?;
                if self.is_hardware() {
                    return write!(f, "{speed:.0} million instructions a second: hardware");
                }
                let needed = HARDWARE_INSTRUCTIONS_PER_SECOND / 1_000_000;
                write!(
                    f,
                    "only {speed:.1} million instructions a second: this host emulates it; hardware runs more than {needed}"
                )
            }
        }
    }
}

/// Why there is nothing to measure: [`KvmState::Missing`] or [`KvmState::Forbidden`]; `None` if the device opens.
pub(crate) fn obstacle() -> Option<KvmState> {
    if !Path::new(DEVICE).exists() {
        return Some(KvmState::Missing);
    }
    let access = rustix::fs::Access::READ_OK | rustix::fs::Access::WRITE_OK;
    rustix::fs::access(DEVICE, access)
        .is_err()
        .then_some(KvmState::Forbidden)
}

/// Looks at KVM in a process of its own, `program` (our own binary) with [`MEASURE_COMMAND`]; takes at most
/// half a second, whatever the host does.
pub async fn look(program: &Path) -> KvmState {
    if let Some(obstacle) = obstacle() {
        return obstacle;
    }
    let mut command = Command::new(program).arg(MEASURE_COMMAND).to_std();
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = tokio::process::Command::from(command)
        .kill_on_drop(true)
        .spawn();
    let failed = |reason: String| KvmState::Failed { reason };
    let child = match child {
        Ok(child) => child,
        Err(error) => return failed(format!("cannot start {}: {error}", program.display())),
    };
    match tokio::time::timeout(DEADLINE, child.wait_with_output()).await {
        Err(_) => KvmState::Stuck {
            deadline_ms: DEADLINE.as_millis() as u64,
        },
        Ok(Err(error)) => failed(error.to_string()),
        Ok(Ok(output)) if output.status.success() => serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| failed(format!("the answer is not JSON: {error}"))),
        Ok(Ok(output)) => failed(format!(
            "{}: {}",
            output.status,
            String::from_utf8_lossy(&output.stderr).trim_end()
        )),
    }
}

/// Runs the guest code in this process, which may hang; returns [`KvmState::Measured`].
///
/// # Errors
/// A system call of KVM failed or the guest left in an unexpected way.
pub fn measure() -> Result<KvmState> {
    #[repr(align(4096))]
    struct Page([u8; 4096]);
    const CODE_ADDRESS: u64 = 0x1000;

    let failed = |what: &'static str| {
        move |error: kvm_ioctls::Error| Error::external(format!("{what} fails")).because(error)
    };
    let mut page = Box::new(Page([0; 4096]));
    let code = loop_code();
    page.0[..code.len()].copy_from_slice(&code);

    let kvm = Kvm::new().map_err(failed("opening /dev/kvm"))?;
    let vm = kvm.create_vm().map_err(failed("KVM_CREATE_VM"))?;
    // Older Intel processors run real mode in a task of their own, which needs three pages below 4 GiB.
    vm.set_tss_address(0xfffb_d000)
        .map_err(failed("KVM_SET_TSS_ADDR"))?;
    let region = kvm_userspace_memory_region {
        slot: 0,
        flags: 0,
        guest_phys_addr: CODE_ADDRESS,
        memory_size: 4096,
        userspace_addr: (&raw mut *page) as u64,
    };
    #[expect(unsafe_code, reason = "the guest's memory is ours to keep alive")]
    // SAFETY: the page is aligned, of the size given, and outlives `vm`, which is dropped before it.
    unsafe { vm.set_user_memory_region(region) }.map_err(failed("KVM_SET_USER_MEMORY_REGION"))?;
    let mut vcpu = vm.create_vcpu(0).map_err(failed("KVM_CREATE_VCPU"))?;
    let mut sregs = vcpu.get_sregs().map_err(failed("KVM_GET_SREGS"))?;
    sregs.cs.base = 0;
    sregs.cs.selector = 0;
    vcpu.set_sregs(&sregs).map_err(failed("KVM_SET_SREGS"))?;
    let mut regs = vcpu.get_regs().map_err(failed("KVM_GET_REGS"))?;
    regs.rip = CODE_ADDRESS;
    regs.rflags = 2; // bit 1 is always set
    vcpu.set_regs(&regs).map_err(failed("KVM_SET_REGS"))?;

    let start = Instant::now();
    let mut exits = 0;
    while exits < ENOUGH_EXITS && start.elapsed() < WINDOW {
        match vcpu.run().map_err(failed("KVM_RUN"))? {
            VcpuExit::IoOut(..) => exits += 1,
            other => {
                return Err(Error::external(format!(
                    "the guest code ended with {other:?} instead of a port write"
                )));
            }
        }
    }
    let instructions = exits * (2 * u64::from(TURNS) + 3);
    let nanoseconds = u64::try_from(start.elapsed().as_nanos())
        .unwrap_or(u64::MAX)
        .max(1);
    Ok(KvmState::Measured {
        instructions_per_second: instructions.saturating_mul(1_000_000_000) / nanoseconds,
    })
}

/// 16-bit code: count down from [`TURNS`], write to a port, again.
fn loop_code() -> Vec<u8> {
    let mut code = vec![0x66, 0xb9]; // mov ecx, TURNS
    code.extend_from_slice(&TURNS.to_le_bytes());
    code.extend_from_slice(&[0x66, 0x49, 0x75, 0xfc]); // dec ecx; jnz -4
    code.extend_from_slice(&[0xe6, 0x10]); // out 0x10, al
    code.extend_from_slice(&[0xeb, 0xf2]); // jmp to the beginning
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_jumps_to_its_own_beginning() {
        let code = loop_code();
        assert_eq!(code.len() as i32 + i32::from(code[code.len() - 1] as i8), 0);
    }

    #[test]
    fn only_speed_makes_hardware() {
        let measured = |instructions_per_second| KvmState::Measured {
            instructions_per_second,
        };
        assert!(measured(1_500_000_000).is_hardware());
        assert!(!measured(20_000_000).is_hardware());
        assert!(!KvmState::Stuck { deadline_ms: 500 }.is_hardware());
        assert!(!KvmState::Missing.is_hardware());
        assert_eq!(
            measured(12_340_000).to_string(),
            "KVM runs only 12.3 million instructions a second: this host emulates it; hardware runs more than 300"
        );
    }
}
