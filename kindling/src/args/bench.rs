//! The command line of `kindling bench`.

use std::path::{Path, PathBuf};

use clap::{ArgMatches, Args, Subcommand};
use kindling_base::{Error, Result};
use kindling_vm_bench::{Options, Side, Until};

use super::run::{MachineArgs, machine_words, read_options};

const EXAMPLES: &str = "\
Examples:
  kindling bench boot minimal-debian-12 --runs 20 --html boot.html
  kindling bench resume golden-debian-12 --until 6080 --html resume.html
  kindling bench clone golden-debian-12 --count 8
  kindling bench compare minimal-debian-12 bench-stock-minimal-debian-12 --runs 5
  kindling bench compare minimal-debian-12 minimal-debian-12 --b '--vmm firecracker'
  kindling bench compare before.json after.json --tolerance 2

docs/benchmarks.md has the method: what each phase is, the clock, the statistics.";

#[derive(Debug, Subcommand)]
#[command(after_long_help = EXAMPLES)]
pub(crate) enum BenchCommand {
    /// Boot a bundle again and again: phases of monitor, kernel, init, units, until it is ready or answers
    #[command(override_usage = "kindling bench boot [OPTIONS] <RECIPE|BUNDLE>")]
    Boot {
        /// A recipe whose bundle is in out/, or a bundle's folder
        #[arg(value_name = "RECIPE|BUNDLE")]
        bundle: String,
        /// Boot once more with initcall_debug, to see the kernel's own steps; --html does so too
        #[arg(long)]
        initcalls: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Resume again and again, from the start of the process to the guest's first answer
    ///
    /// A bundle is booted and saved for it, and cold boots of it alternate with the resumes, so that their ratio is one of
    /// the same minutes. A VM that runs is saved for it and goes on.
    #[command(override_usage = "kindling bench resume [OPTIONS] <SNAPSHOT|VM|BUNDLE>")]
    Resume {
        /// A snapshot, a VM that is ready, or a bundle
        #[arg(value_name = "SNAPSHOT|VM|BUNDLE")]
        saved: String,
        /// Alternate with cold boots of the bundle that it was made from; a bundle always does
        #[arg(long)]
        against_boot: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Resume many VMs by one command: the first answer of each, its memory and its disk
    #[command(override_usage = "kindling bench clone [OPTIONS] <SNAPSHOT|VM|BUNDLE>")]
    Clone {
        /// A snapshot, a VM that is ready, or a bundle
        #[arg(value_name = "SNAPSHOT|VM|BUNDLE")]
        saved: String,
        /// How many VMs
        #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=1000))]
        count: u32,
        #[command(flatten)]
        common: Common,
    },
    /// Boot two bundles in turns, or compare two saved reports; fails where B is slower than A beyond the interval
    #[command(override_usage = "kindling bench compare [OPTIONS] <A> <B>")]
    Compare {
        /// A bundle, or a report that --save wrote: what B is held against
        a: String,
        /// The other bundle or report
        b: String,
        /// More options of `kindling run` for A, separated by spaces
        #[arg(
            long = "a",
            value_name = "OPTIONS",
            default_value = "",
            hide_default_value = true,
            allow_hyphen_values = true
        )]
        run_a: String,
        /// More options of `kindling run` for B
        #[arg(
            long = "b",
            value_name = "OPTIONS",
            default_value = "",
            hide_default_value = true,
            allow_hyphen_values = true
        )]
        run_b: String,
        /// Do not fail where B is slower by less than this
        #[arg(long, value_name = "PERCENT", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=1000))]
        tolerance: u32,
        /// Never fail because of the figures
        #[arg(long)]
        report_only: bool,
        #[command(flatten)]
        common: Common,
    },
}

/// The options of all benchmarks.
#[derive(Args, Debug)]
pub(crate) struct Common {
    /// Runs that count, of each thing that is measured
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1000))]
    runs: u32,
    /// Runs before them that do not count
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(0..=100))]
    warmup: u32,
    /// A port of the guest, or an address such as http://guest:6080/vnc.html, that has to answer HTTP
    #[arg(long, value_name = "PORT|URL")]
    until: Option<Until>,
    /// How long one VM may take
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    timeout: u32,
    /// Find recipes' bundles in this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write everything to this file as JSON, for `bench compare`; with --json it goes to standard output
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Write the tables to this file as Markdown [default: to standard output]
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Write a page with charts, which needs no network and no script
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    // Passed on as words, which only the command line as it was read has.
    #[command(flatten)]
    _machine: MachineArgs,
}

/// The files that a report is written to.
#[derive(Debug)]
pub(crate) struct Files {
    pub(crate) save: Option<PathBuf>,
    pub(crate) markdown: Option<PathBuf>,
    pub(crate) html: Option<PathBuf>,
}

impl Common {
    /// The options of a benchmark; `given` is the command line as it was read.
    ///
    /// # Errors
    /// `kindling run` has no such options.
    pub(crate) fn options(&self, given: &ArgMatches, initcalls: bool) -> Result<Options> {
        let words = std::env::args().skip(1);
        let quoted = words.map(|word| {
            if word.contains(' ') {
                format!("'{word}'")
            } else {
                word
            }
        });
        let command: Vec<String> = ["kindling".to_owned()].into_iter().chain(quoted).collect();
        Ok(Options {
            runs: self.runs,
            warmup: self.warmup,
            until: self.until.clone(),
            timeout_s: self.timeout,
            out: self.out.clone(),
            run: read_options(&machine_words(leaf(given)))?,
            profile: initcalls || self.html.is_some(),
            command: command.join(" "),
        })
    }

    /// Refuses, before anything is measured, files that cannot be written.
    pub(crate) fn check_files(&self) -> Result<()> {
        for path in [&self.save, &self.markdown, &self.html]
            .into_iter()
            .flatten()
        {
            let folder = path
                .parent()
                .filter(|folder| !folder.as_os_str().is_empty());
            let folder = folder.unwrap_or(Path::new("."));
            if path.is_dir() || !folder.is_dir() {
                let hint = "name a file in a folder that exists";
                return Err(Error::user(format!("cannot write {}", path.display())).hint(hint));
            }
        }
        Ok(())
    }

    /// The files that the report is written to.
    pub(crate) fn files(self) -> Result<Files> {
        self.check_files()?;
        Ok(Files {
            save: self.save,
            markdown: self.markdown.filter(|path| path != Path::new("-")),
            html: self.html,
        })
    }
}

/// The arguments of the innermost command.
fn leaf(matches: &ArgMatches) -> &ArgMatches {
    match matches.subcommand() {
        Some((_, inner)) => leaf(inner),
        None => matches,
    }
}

/// One side of a comparison, with its own options of `kindling run`.
///
/// # Errors
/// `run` has no such options.
pub(crate) fn side(bundle: String, run: &str) -> Result<Side> {
    let run: Vec<String> = run.split_whitespace().map(str::to_owned).collect();
    read_options(&run)?;
    Ok(Side { bundle, run })
}
