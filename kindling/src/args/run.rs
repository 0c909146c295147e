//! The command line of `kindling run`, whose options `kindling bench` takes too.

use std::path::PathBuf;

use clap::error::ContextKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};
use kindling_base::{Error, Result};
use kindling_launcher::firecracker::Transport;
use kindling_launcher::network::Mode;
use kindling_launcher::{EngineOptions, Monitor, Publish, RunOptions, Wanted};
use kindling_vm_bench::BootOptions;

pub(super) const EXAMPLES: &str = "\
Examples:
  kindling run minimal-debian-12
  kindling run minimal-debian-12 --detach --name web --publish 8080:80
  kindling run out/minimal-debian-12 --no-initramfs --append 'systemd.log_level=debug'";

#[derive(Args, Debug)]
pub(crate) struct RunArgs {
    /// A recipe whose bundle is in out/ here or in a folder above, or a bundle's folder
    #[arg(value_name = "RECIPE|BUNDLE")]
    bundle: String,
    /// Return when the guest is ready, print the VM's name and let it run in the background
    #[arg(long, short)]
    pub(crate) detach: bool,
    #[command(flatten)]
    options: RunFlags,
}

/// All options but those that say which bundle is run and where.
#[derive(Args, Debug)]
struct RunFlags {
    /// Find recipes' bundles in this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The VM's name, which is also the guest's host name [default: the recipe's name, with a number where needed]
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    machine: MachineArgs,
    /// Let Firecracker log how long the guest took to boot, as the guest's init tells it
    #[arg(long)]
    boot_timer: bool,
    /// Make a TCP port of the guest reachable on the host, at 127.0.0.1 unless an address is given; repeatable
    #[arg(long, short, value_name = "[ADDRESS:]HOST:GUEST")]
    publish: Vec<Publish>,
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

/// The machine and what runs it. `kindling bench` passes these to each boot.
#[derive(Args, Debug)]
pub(super) struct MachineArgs {
    /// The virtual machine monitor
    #[arg(long, value_enum, env = "KINDLING_VMM", default_value_t = Monitor::Auto)]
    vmm: Monitor,
    /// The accelerator, which runs the guest's instructions
    #[arg(long, value_enum, default_value_t = Wanted::Auto)]
    accel: Wanted,
    /// Firecracker's program [default: $KINDLING_FIRECRACKER, else `firecracker` in PATH]
    #[arg(long, value_name = "PATH")]
    firecracker: Option<PathBuf>,
    /// How the guest reaches its devices on Firecracker
    #[arg(long, value_enum, default_value_t = Transport::Pci)]
    transport: Transport,
    /// Run Firecracker in a jail: a root folder, a control group and a user of its own; needs root
    #[arg(long)]
    jail: bool,
    /// The user that Firecracker is in its jail
    #[arg(long, value_name = "UID", default_value_t = JAILED, requires = "jail")]
    jail_uid: u32,
    /// The group that Firecracker is in its jail
    #[arg(long, value_name = "GID", default_value_t = JAILED, requires = "jail")]
    jail_gid: u32,
    /// Virtual processors [default: the recipe's]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=255))]
    vcpus: Option<u32>,
    /// Memory in MiB [default: the recipe's]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u32).range(16..))]
    memory_mib: Option<u32>,
    /// The network card
    #[arg(long, value_enum, env = "KINDLING_NETWORK", default_value_t = Mode::Auto)]
    network: Mode,
    /// Add arguments to the kernel command line; repeatable
    #[arg(long, value_name = "ARGUMENTS", allow_hyphen_values = true)]
    append: Vec<String>,
    /// Let the kernel mount the root disk itself
    #[arg(long)]
    no_initramfs: bool,
}

/// `nobody` and `nogroup` of Debian and Ubuntu.
const JAILED: u32 = 65534;

impl RunArgs {
    /// The launcher's options.
    pub(crate) fn into_options(self) -> RunOptions {
        let RunFlags { machine, .. } = self.options;
        RunOptions {
            bundle: self.bundle,
            out: self.options.out,
            name: self.options.name,
            engine: EngineOptions {
                monitor: machine.vmm,
                accelerator: machine.accel,
                firecracker: machine.firecracker,
                transport: machine.transport,
                boot_timer: self.options.boot_timer,
                jail: machine.jail.then_some((machine.jail_uid, machine.jail_gid)),
            },
            vcpus: machine.vcpus,
            memory_mib: machine.memory_mib,
            publish: self.options.publish,
            network: machine.network,
            append: machine.append.join(" "),
            no_initramfs: machine.no_initramfs,
            timeout_s: self.options.timeout,
            remove: self.options.rm,
            signed_with: self
                .options
                .pubkey
                .filter(|_| self.options.require_signature),
            no_install: self.options.no_install,
        }
    }
}

/// Reads options of `kindling run`. A later one replaces an earlier one of the same name; repeatable ones add up.
///
/// # Errors
/// `run` has no such option or value.
pub(crate) fn read_options(words: &[String]) -> Result<BootOptions> {
    let command = Command::new("kindling run")
        .no_binary_name(true)
        .args_override_self(true);
    let command = RunFlags::augment_args(command);
    let mut matches = command
        .clone()
        .try_get_matches_from(words)
        .map_err(refused)?;
    let words = command
        .get_arguments()
        .flat_map(|arg| words_of(arg, &matches))
        .collect();
    let flags = RunFlags::from_arg_matches_mut(&mut matches).map_err(refused)?;
    Ok(BootOptions {
        words,
        addressed: flags.machine.network == Mode::Tap || flags.machine.vmm == Monitor::Firecracker,
    })
}

/// The words of the machine's options on a command line that was read.
pub(super) fn machine_words(matches: &ArgMatches) -> Vec<String> {
    MachineArgs::augment_args(Command::new(""))
        .get_arguments()
        .flat_map(|arg| words_of(arg, matches))
        .collect()
}

/// The words with which a person gave an option on the command line or in a variable; none for a default.
fn words_of(arg: &Arg, matches: &ArgMatches) -> Vec<String> {
    let id = arg.get_id().as_str();
    let given = [ValueSource::CommandLine, ValueSource::EnvVariable];
    let source = matches.value_source(id);
    let Some(option) = arg
        .get_long()
        .filter(|_| source.is_some_and(|s| given.contains(&s)))
    else {
        return Vec::new();
    };
    let option = format!("--{option}");
    if !arg.get_action().takes_values() {
        return vec![option];
    }
    let values = matches.get_raw(id).into_iter().flatten();
    values
        .flat_map(|value| [option.clone(), value.to_string_lossy().into_owned()])
        .collect()
}

/// The error for options that `kindling run` does not have.
fn refused(error: clap::Error) -> Error {
    let parts = [ContextKind::InvalidArg, ContextKind::InvalidValue].map(|part| error.get(part));
    let parts: Vec<String> = parts
        .into_iter()
        .flatten()
        .map(ToString::to_string)
        .collect();
    let problem = error.kind().as_str().unwrap_or("they do not parse");
    Error::user(format!(
        "options of `kindling run`: `{}`: {problem}",
        parts.join(" ")
    ))
    .hint("`kindling run --help` lists them")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Result<BootOptions> {
        let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        read_options(&words)
    }

    #[test]
    fn a_later_option_wins_and_repeatable_ones_add_up() {
        let all = [
            "--vmm",
            "qemu",
            "--append",
            "a=1 -b",
            "--no-initramfs",
            "-p",
            "1:1",
        ];
        let own = [
            "--vmm=firecracker",
            "--append",
            "--c",
            "--no-initramfs",
            "--publish",
            "2:2",
        ];
        let merged = read(&[&all[..], &own].concat()).unwrap();
        // In the order of `kindling run --help`.
        assert_eq!(
            merged.words.join("|"),
            "--vmm|firecracker|--append|a=1 -b|--append|--c|--no-initramfs|--publish|1:1|--publish|2:2"
        );
        assert!(merged.addressed);
        assert!(!read(&["--vmm", "qemu"]).unwrap().addressed);
        assert!(read(&["--network", "tap"]).unwrap().addressed);
        assert_eq!(read(&[]).unwrap().words, [] as [&str; 0]);
    }

    #[test]
    fn an_option_that_run_does_not_have_is_named() {
        let report = |words: &[&str]| read(words).unwrap_err().report();
        assert_eq!(
            report(&["--frob"]),
            "error: options of `kindling run`: `--frob`: unexpected argument found\nhint: `kindling run --help` lists them"
        );
        assert!(report(&["--vmm", "xen"]).contains("`--vmm <VMM> xen`: "));
        assert!(report(&["--append"]).contains("--append"));
    }
}
