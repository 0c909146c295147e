//! The command line of `kindling resume`.

use std::path::PathBuf;

use clap::Args;
use kindling_launcher::firecracker::Fill;
use kindling_launcher::network::Mode;
use kindling_launcher::{Publish, ResumeOptions};

pub(super) const EXAMPLES: &str = "\
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
    network: Option<Mode>,
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

impl ResumeArgs {
    /// The launcher's options.
    pub(crate) fn into_options(self) -> ResumeOptions {
        ResumeOptions {
            snapshot: self.snapshot,
            out: self.out,
            name: self.name,
            count: self.count,
            publish: self.publish,
            network: self.network,
            memory: self.memory,
            force: self.force,
            verify: self.verify,
            remove: self.rm,
        }
    }
}
