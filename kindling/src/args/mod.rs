//! The command line.

pub(crate) mod bench;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use kindling_launcher::firecracker::{Memory, Transport};
use kindling_launcher::network::Mode;
use kindling_launcher::{
    Accelerator, EngineOptions, Place, Publish, ResumeOptions, RunOptions, Vmm, Wanted,
};

/// Run virtual machines from Kindling bundles.
///
/// A bundle is what `cargo xtask build-image RECIPE` makes: a kernel, an initramfs, a root filesystem and bundle.json.
/// Each VM is a folder under the state folder ($KINDLING_STATE, else $XDG_STATE_HOME/kindling, else
/// ~/.local/state/kindling) with its own copy-on-write disk, its console's log and its status; the bundle itself is
/// never changed.
#[derive(Debug, Parser)]
#[command(name = "kindling", version, max_term_width = 100, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    /// Write results and events as JSON, one object a line
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  it worked
  1  internal error: a bug or a machine that misbehaves
  2  user error: an argument, a damaged bundle or the host's set-up has to change
  3  external failure: QEMU or Firecracker failed, or the guest panicked, powered off or was not ready in time";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start a VM from a bundle
    ///
    /// In the foreground the guest's serial console goes to standard output as it comes, and readiness is reported on
    /// standard error. Ctrl-C asks the guest to power itself off; a second Ctrl-C ends it at once. With --detach the
    /// VM goes on in the background, and the command returns when its guest is ready.
    #[command(after_long_help = RUN_EXAMPLES)]
    Run(Box<RunArgs>),
    /// List VMs: name, state, uptime, time to readiness, published ports
    Ps,
    /// Show what a VM's guest wrote to its serial console
    Logs {
        /// The VM's name
        name: String,
        /// Go on until the VM ends
        #[arg(long, short)]
        follow: bool,
    },
    /// Stop a VM: by its power button, then by ending its machine, then by killing it
    ///
    /// The VM's folder stays, with its disk and its logs, until `kindling rm`.
    Stop {
        /// The VM's name
        name: String,
        /// How long the guest has to power itself off
        #[arg(long, value_name = "SECONDS", default_value_t = 30)]
        timeout: u32,
    },
    /// Remove VMs with their disks and their logs
    Rm {
        /// The VMs' names
        #[arg(required = true)]
        names: Vec<String>,
        /// Stop one first, at once, if it runs
        #[arg(long, short)]
        force: bool,
    },
    /// Save a VM that is ready, with its memory and its disk, for others to go on from
    ///
    /// The VM stands still for a moment and then goes on. A snapshot is for the same engine on the same kind of host; it
    /// holds whatever the guest's memory held.
    Snapshot {
        /// The VM's name
        vm: String,
        /// The snapshot's name [default: the VM's, with a number where needed]
        #[arg(long)]
        name: Option<String>,
        /// Keep it with the bundle that the VM was made from, for `resume RECIPE`
        #[arg(long, conflicts_with = "name")]
        with_bundle: bool,
    },
    /// List snapshots, or remove some
    Snapshots {
        #[command(subcommand)]
        command: Option<SnapshotsCommand>,
    },
    /// Start VMs that go on from a snapshot, in the background; print their names
    #[command(after_long_help = RESUME_EXAMPLES)]
    Resume(ResumeArgs),
    /// Clear away what is dead: processes, TAPs, addresses, sockets and disks of VMs whose supervisor died
    ///
    /// Their logs stay, as do VMs that stopped or failed, until they are removed or asked for here.
    Gc {
        /// VMs that stopped or failed as well
        #[arg(long)]
        ended: bool,
        /// The logs as well, and with them the last of each VM
        #[arg(long)]
        logs: bool,
        /// Only say what would go
        #[arg(long)]
        dry_run: bool,
    },
    /// Type on a VM's serial console and see what its guest writes; Ctrl-] leaves
    Console {
        /// The VM's name
        name: String,
    },
    /// Run a command in a VM's guest, through its agent
    ///
    /// Standard output and standard error stay apart, and the exit code is the command's (128 + N where signal N ended
    /// it, 124 after --timeout). Ctrl-C goes to the command.
    Exec {
        /// The VM's name
        name: String,
        /// Who runs it, by name or number [default: root]
        #[arg(long, short)]
        user: Option<String>,
        /// Add a variable to its environment; repeatable
        #[arg(long, short, value_name = "KEY=VALUE", value_parser = variable)]
        env: Vec<(String, String)>,
        /// Where it runs [default: its user's home]
        #[arg(long, short = 'C', value_name = "DIR")]
        cwd: Option<String>,
        /// End it after this long
        #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
        timeout: Option<u32>,
        /// Forward standard input even from a terminal; from elsewhere it always is
        #[arg(long, short)]
        interactive: bool,
        /// The command and its arguments
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<String>,
    },
    /// Copy a file or a folder from here to a VM's guest or back; a path in the guest is VM:PATH
    Cp {
        /// What is copied
        from: Place,
        /// Where to: into it where it is a folder, else as it
        to: Place,
    },
    /// Ask a VM on the bridge end to end: carrier, ARP, ping, TCP; the first that fails is named
    Probe {
        /// The VM's name
        name: String,
        /// The guest's TCP port
        port: u16,
        /// How long to wait for answers
        #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=3600))]
        timeout: u32,
    },
    /// Measure how fast VMs boot, resume and clone, and compare: percentiles with intervals, phases, a page with charts
    #[command(subcommand)]
    Bench(Box<bench::BenchCommand>),
    /// Say what this machine offers, what that means and what to do: KVM and its speed, Firecracker, QEMU, networks,
    /// control groups, memory, disk, leftovers of crashes
    Doctor,
    /// Supervise a VM in the background; started by `run --detach`
    #[command(name = kindling_launcher::SUPERVISE_COMMAND, hide = true)]
    Supervise {
        /// The VM's folder
        folder: PathBuf,
    },
    /// Measure KVM in this process, which may hang; started by `run` and `doctor`
    #[command(name = kindling_launcher::kvm::PROBE_COMMAND, hide = true)]
    ProbeKvm,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SnapshotsCommand {
    /// Remove snapshots; VMs that were resumed from them go on
    Rm {
        /// Their names
        #[arg(required = true)]
        names: Vec<String>,
    },
}

const RESUME_EXAMPLES: &str = "\
Examples:
  kindling snapshot web --name golden
  kindling resume golden --publish 8080:80
  kindling resume golden --name desk --count 8 --network tap";

#[derive(Args, Debug)]
pub(crate) struct ResumeArgs {
    /// The snapshot's name; or the recipe or folder of a bundle that carries one
    #[arg(value_name = "SNAPSHOT|RECIPE|BUNDLE")]
    snapshot: String,
    /// Find recipes' bundles in this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// How many VMs
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    count: u32,
    /// The VM's name, with a number where there are more [default: the saved VM's, with a number where needed]
    #[arg(long)]
    name: Option<String>,
    /// Make a TCP port of the guest reachable on the host; repeatable
    #[arg(long, short, value_name = "[ADDRESS:]HOST:GUEST")]
    publish: Vec<Publish>,
    /// The network card [default: the kind that the saved VM had]
    #[arg(long, value_enum)]
    network: Option<Net>,
    /// What fills the guest's memory on Firecracker: the kernel, page by page from the file, or a handler of ours that
    /// brings what the first VM wanted first [default: as the saved VM]
    #[arg(long, value_enum)]
    memory: Option<Fill>,
    /// Try it even where the snapshot is of another engine or host
    #[arg(long)]
    force: bool,
    /// Compare every byte of the snapshot with its manifest first
    #[arg(long)]
    verify: bool,
    /// Remove a VM once it has stopped; one that failed is kept
    #[arg(long)]
    rm: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Fill {
    File,
    Uffd,
}

impl ResumeArgs {
    pub(crate) fn into_options(self) -> ResumeOptions {
        ResumeOptions {
            snapshot: self.snapshot,
            out: self.out,
            name: self.name,
            count: self.count,
            publish: self.publish,
            network: self.network.map(Net::mode),
            memory: self.memory.map(|fill| match fill {
                Fill::File => Memory::File,
                Fill::Uffd => Memory::Uffd,
            }),
            force: self.force,
            verify: self.verify,
            remove: self.rm,
        }
    }
}

const RUN_EXAMPLES: &str = "\
Examples:
  kindling run minimal-debian-12
  kindling run minimal-debian-12 --detach --name web --publish 8080:80
  kindling run out/minimal-debian-12 --no-initramfs --append 'systemd.log_level=debug'";

#[derive(Args, Debug)]
pub(crate) struct RunArgs {
    /// A recipe whose bundle is in out/ here or in a folder above, or a bundle's folder
    #[arg(value_name = "RECIPE|BUNDLE")]
    bundle: String,
    /// Find recipes' bundles in this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Return when the guest is ready, print the VM's name and let it run in the background
    #[arg(long, short)]
    pub(crate) detach: bool,
    /// The VM's name, which is also the guest's host name [default: the recipe's name, with a number where needed]
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    engine: EngineArgs,
    /// Virtual processors [default: the recipe's]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=255))]
    vcpus: Option<u32>,
    /// Memory in MiB [default: the recipe's]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u32).range(16..))]
    memory_mib: Option<u32>,
    /// Make a TCP port of the guest reachable on the host, at 127.0.0.1 unless an address is given; repeatable
    #[arg(long, short, value_name = "[ADDRESS:]HOST:GUEST")]
    publish: Vec<Publish>,
    /// The network card: `tap` puts the guest on the host's bridge and needs root; `user` needs no privileges and lets
    /// nothing in but published ports; `auto` is tap where it can be and no port is published, else user
    #[arg(long, value_enum, env = "KINDLING_NETWORK", default_value_t = Net::Auto)]
    network: Net,
    /// Add arguments to the kernel command line
    #[arg(
        long,
        value_name = "ARGUMENTS",
        default_value = "",
        hide_default_value = true,
        allow_hyphen_values = true
    )]
    append: String,
    /// Let the kernel mount the root disk itself
    #[arg(long)]
    no_initramfs: bool,
    /// How long the guest may take to be ready [default: the recipe's]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    timeout: Option<u32>,
    /// Remove the VM once it has stopped; one that failed is kept
    #[arg(long)]
    rm: bool,
    /// Run only a bundle that is signed with --pubkey
    #[arg(long, requires = "pubkey")]
    require_signature: bool,
    /// The public key of minisign to check the bundle's signature with: a file, or its base64
    #[arg(long, value_name = "KEY", env = "KINDLING_PUBKEY")]
    pubkey: Option<String>,
    /// Never install QEMU: if it is missing, print the command that installs it and fail
    #[arg(long)]
    no_install: bool,
}

/// What runs the machine.
#[derive(Args, Debug)]
struct EngineArgs {
    /// The virtual machine monitor: `auto` takes Firecracker where it is there, KVM is hardware and the network is one
    /// that it has, else QEMU
    #[arg(long, value_enum, env = "KINDLING_VMM", default_value_t = Monitor::Auto)]
    vmm: Monitor,
    /// What runs the guest's instructions: `auto` takes KVM only where a short measurement shows real hardware
    #[arg(long, value_enum, default_value_t = Accel::Auto)]
    accel: Accel,
    /// Firecracker's program [default: $KINDLING_FIRECRACKER, else `firecracker` in PATH]
    #[arg(long, value_name = "PATH")]
    firecracker: Option<PathBuf>,
    /// How the guest reaches its devices on Firecracker
    #[arg(long, value_enum, default_value_t = Bus::Pci)]
    transport: Bus,
    /// Let Firecracker log how long the guest took to boot, as the guest's init tells it
    #[arg(long)]
    boot_timer: bool,
    /// Run Firecracker in a jail: a root folder, a control group and a user of its own; needs root
    #[arg(long)]
    jail: bool,
    /// The user that Firecracker is in its jail
    #[arg(long, value_name = "UID", default_value_t = JAILED, requires = "jail")]
    jail_uid: u32,
    /// The group that Firecracker is in its jail
    #[arg(long, value_name = "GID", default_value_t = JAILED, requires = "jail")]
    jail_gid: u32,
}

/// `nobody` and `nogroup` of Debian and Ubuntu.
const JAILED: u32 = 65534;

impl EngineArgs {
    fn into_options(self) -> EngineOptions {
        EngineOptions {
            vmm: match self.vmm {
                Monitor::Auto => None,
                Monitor::Firecracker => Some(Vmm::Firecracker),
                Monitor::Qemu => Some(Vmm::Qemu),
            },
            accelerator: match self.accel {
                Accel::Auto => Wanted::Auto,
                Accel::Kvm => Wanted::Exactly(Accelerator::Kvm),
                Accel::Tcg => Wanted::Exactly(Accelerator::Tcg),
            },
            firecracker: self.firecracker,
            transport: match self.transport {
                Bus::Pci => Transport::Pci,
                Bus::Mmio => Transport::Mmio,
            },
            boot_timer: self.boot_timer,
            jail: self.jail.then_some((self.jail_uid, self.jail_gid)),
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Monitor {
    Auto,
    Firecracker,
    Qemu,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Bus {
    Pci,
    Mmio,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Accel {
    Auto,
    Kvm,
    Tcg,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Net {
    Auto,
    Tap,
    User,
    None,
}

impl Net {
    fn mode(self) -> Mode {
        match self {
            Net::Auto => Mode::Auto,
            Net::Tap => Mode::Tap,
            Net::User => Mode::User,
            Net::None => Mode::None,
        }
    }
}

impl RunArgs {
    pub(crate) fn into_options(self) -> RunOptions {
        RunOptions {
            bundle: self.bundle,
            out: self.out,
            name: self.name,
            engine: self.engine.into_options(),
            vcpus: self.vcpus,
            memory_mib: self.memory_mib,
            publish: self.publish,
            network: self.network.mode(),
            append: self.append,
            no_initramfs: self.no_initramfs,
            timeout_s: self.timeout,
            remove: self.rm,
            signed_with: self.pubkey.filter(|_| self.require_signature),
            no_install: self.no_install,
        }
    }
}

/// `KEY=VALUE` as clap has it.
fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("not of the form KEY=VALUE".to_owned()),
    }
}

/// Seconds as clap parsed them.
pub(crate) fn seconds(count: u32) -> Duration {
    Duration::from_secs(u64::from(count))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
