//! Leases: the addresses that VMs have.

use std::net::Ipv4Addr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use kindling_base::hash::Hasher;
use kindling_base::{Context, Error, Lock, Result, files};
use rustix::process::getpid;
use serde::{Deserialize, Serialize};

use super::{Mac, NetworkConfig, Subnet, resolvers};
use crate::vm::LOCK;

/// An address that a VM has for as long as it lives, and what hangs on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The guest's address with its network's prefix.
    pub address: Subnet,
    /// The bridge's address.
    pub gateway: Ipv4Addr,
    /// Name servers.
    pub dns: Vec<Ipv4Addr>,
    /// The bridge.
    pub bridge: String,
    /// The TAP on the host.
    pub tap: String,
    /// The guest's hardware address.
    pub mac: Mac,
    /// The folder of the VM that has it.
    pub vm: PathBuf,
    /// The process that took it for that VM.
    taker: Process,
}

/// The leases of one bridge in one network namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leases {
    folder: PathBuf,
}

/// Names a process across the reuse of its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Process {
    pid: i32,
    /// Clock ticks after boot at which it started: field 22 of `/proc/PID/stat` (proc(5)).
    started: u64,
}

impl Leases {
    /// The leases of the bridge in this process's network namespace: below `$KINDLING_RUN`, else `/run/kindling`,
    /// which every state folder of the machine shares and a reboot clears, as it clears TAPs.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn open(bridge: &str) -> Result<Self> {
        let set = std::env::var_os("KINDLING_RUN").filter(|root| !root.is_empty());
        let root = set.map_or_else(|| PathBuf::from("/run/kindling"), PathBuf::from);
        Self::open_in(&root, bridge)
    }

    /// As [`Leases::open`], below `root`.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn open_in(root: &Path, bridge: &str) -> Result<Self> {
        let namespace = files::metadata(Path::new("/proc/thread-self/ns/net"))?.ino();
        let folder = root.join(format!("net-{namespace}")).join(bridge);
        files::create_dir_all(&folder).map_err(|error| {
            Error::user("cannot record leases of addresses")
                .because(error)
                .hint("networks with TAPs need root; without it, `--network user` needs no privileges")
        })?;
        Ok(Self { folder })
    }

    /// The folder in which they are recorded.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Takes an address for the VM that will have the folder `vm`, whose lock this process holds or is about to hold.
    /// The same VM tends to get the same address again.
    ///
    /// # Errors
    /// Every address is taken, or the record cannot be written.
    pub fn take(&self, config: &NetworkConfig, vm: &Path) -> Result<Lease> {
        let _guard = self.guard()?;
        let taken: Vec<_> = self
            .read()?
            .iter()
            .map(|lease| lease.address.address)
            .collect();
        let hosts = || config.address.hosts();
        let choice = hosts().take(usize::from(u16::MAX)).count().max(1);
        let start = usize::from(start_for(vm)) % choice;
        let mut order = hosts().skip(start).chain(hosts().take(start));
        let Some(address) = order.find(|host| !taken.contains(host)) else {
            return Err(Error::user(format!(
                "every address of {} is taken: {} guests have one each",
                config.address.network(),
                taken.len()
            ))
            .hint("stop a VM, clear what is dead with `kindling gc`, or give [network] address a shorter prefix"));
        };
        let lease = Lease {
            address: Subnet {
                address,
                prefix: config.address.prefix,
            },
            gateway: config.address.address,
            dns: config.dns.clone().unwrap_or_else(resolvers::of_this_host),
            bridge: config.bridge.clone(),
            tap: tap_name(&config.bridge, address),
            mac: Mac::of_vm(vm),
            vm: vm.to_owned(),
            taker: Process::this()?,
        };
        let text = serde_json::to_vec_pretty(&lease)
            .map_err(|error| Error::internal("cannot write a lease as JSON").because(error))?;
        files::write_atomic(&self.path(address), &text, 0o644)?;
        Ok(lease)
    }

    /// Gives an address back. What hangs on it has to be gone before.
    ///
    /// # Errors
    /// The record cannot be removed.
    pub fn give_back(&self, lease: &Lease) -> Result<()> {
        let _guard = self.guard()?;
        let path = self.path(lease.address.address);
        match read(&path)? {
            Some(recorded) if recorded.vm == lease.vm => files::remove(&path),
            _ => Ok(()), // it was found dead meanwhile, and may be another VM's now
        }
    }

    /// All leases, sorted by address.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn list(&self) -> Result<Vec<Lease>> {
        let _guard = self.guard()?;
        self.read()
    }

    /// Runs `use_them` with all leases, none of which comes or goes meanwhile.
    ///
    /// # Errors
    /// They cannot be read, or `use_them` failed.
    pub(super) fn while_unchanged<T>(
        &self,
        use_them: impl FnOnce(&[Lease]) -> Result<T>,
    ) -> Result<T> {
        let _guard = self.guard()?;
        use_them(&self.read()?)
    }

    fn read(&self) -> Result<Vec<Lease>> {
        let mut leases = Vec::new();
        for path in files::list(&self.folder)? {
            if path
                .extension()
                .is_some_and(|extension| extension == "json")
            {
                leases.extend(read(&path)?);
            }
        }
        leases.sort_unstable_by_key(|lease: &Lease| lease.address.address);
        Ok(leases)
    }

    fn guard(&self) -> Result<Lock> {
        Lock::acquire(&self.folder.join(".lock"), || {})
    }

    fn path(&self, address: Ipv4Addr) -> PathBuf {
        self.folder.join(format!("{address}.json"))
    }
}

impl Lease {
    /// Whether its VM lives, or is about to: its lock is held, or who took the lease for it still runs.
    ///
    /// # Errors
    /// The VM's lock cannot be looked at.
    pub fn is_live(&self) -> Result<bool> {
        if self.taker.is_alive() {
            return Ok(true);
        }
        let lock = self.vm.join(LOCK);
        Ok(lock.exists() && Lock::try_acquire(&lock)?.is_none())
    }

    /// The word `ip=...` for the guest's kernel command line (`Documentation/admin-guide/nfs/nfsroot.rst`).
    pub fn kernel_argument(&self, host_name: &str) -> String {
        let address = self.address;
        let mut word = format!(
            "ip={}::{}:{}:{host_name}:eth0:off",
            address.address,
            self.gateway,
            address.mask()
        );
        for server in self.dns.iter().take(2) {
            word.push_str(&format!(":{server}"));
        }
        word
    }
}

impl Process {
    fn this() -> Result<Self> {
        let pid = getpid().as_raw_nonzero().get();
        let started = started(pid).context("cannot read /proc/self/stat")?;
        Ok(Self { pid, started })
    }

    fn is_alive(self) -> bool {
        started(self.pid).is_ok_and(|started| started == self.started)
    }
}

fn started(pid: i32) -> std::io::Result<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The second field is the program's name in brackets and may hold spaces and brackets.
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let field = after_name.split_ascii_whitespace().nth(22 - 3);
    let number = field.and_then(|field| field.parse().ok());
    number.ok_or_else(|| std::io::ErrorKind::InvalidData.into())
}

fn read(path: &Path) -> Result<Option<Lease>> {
    let bytes = match std::fs::read(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        read => read.context(format!("cannot read {}", path.display()))?,
    };
    let lease = serde_json::from_slice(&bytes).map_err(|error| {
        Error::user(format!("{} is not a lease", path.display()))
            .because(error)
            .hint("remove it if no VM uses that address")
    })?;
    Ok(Some(lease))
}

/// `fc-vm-` and eight hexadecimal digits: 14 of the 15 characters that a device may have.
fn tap_name(bridge: &str, address: Ipv4Addr) -> String {
    let mut hash = Hasher::new();
    hash.field("kindling tap")
        .field(bridge)
        .field(address.octets());
    let [a, b, c, d, ..] = hash.digest();
    format!("fc-vm-{a:02x}{b:02x}{c:02x}{d:02x}")
}

fn start_for(vm: &Path) -> u16 {
    let mut hash = Hasher::new();
    hash.field("kindling lease")
        .field(vm.as_os_str().as_encoded_bytes());
    let [a, b, ..] = hash.digest();
    u16::from_be_bytes([a, b])
}

#[cfg(test)]
mod tests;
