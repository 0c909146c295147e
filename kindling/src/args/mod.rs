//! The command line.

pub(crate) mod bench;
mod exec;
mod resume;
mod run;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};
use kindling_launcher::Place;

pub(crate) use exec::ExecArgs;
pub(crate) use resume::ResumeArgs;
pub(crate) use run::{RunArgs, read_options};

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
    #[command(after_long_help = run::EXAMPLES, override_usage = "kindling run [OPTIONS] <RECIPE|BUNDLE>")]
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
    #[command(after_long_help = resume::EXAMPLES)]
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
    Exec(ExecArgs),
    /// Copy a file or a folder from here to a VM's guest or back; a path in the guest is VM:PATH
    Cp {
        /// File or folder to copy
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
    #[command(name = kindling_launcher::kvm::MEASURE_COMMAND, hide = true)]
    MeasureKvm,
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

/// A number of seconds as a duration.
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
