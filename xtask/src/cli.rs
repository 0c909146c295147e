//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::render::Mode;
use crate::units;

/// The recipes that `verify --thorough` builds.
const THOROUGH: [&str; 3] = [
    "minimal-debian-12",
    "golden-debian-12",
    "stock-kernel-debian-12",
];

/// The recipe that is built when none is named.
pub(crate) const DEFAULT_RECIPE: &str = "minimal-debian-12";

/// Builds microVM images from TOML recipes.
#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    version,
    max_term_width = 100
)]
#[command(
    after_help = "Exit codes: 0 success, 1 internal error, 2 user error, 3 an external program or server failed."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Args, Debug)]
pub(crate) struct Global {
    /// One JSON object a line on standard output instead of text
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Only errors
    #[arg(long, short, global = true, conflicts_with = "json")]
    pub(crate) quiet: bool,
    /// The store's folder [default: $KINDLING_STORE, else ~/.cache/kindling]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) store: Option<PathBuf>,
    /// Never install host packages; name the missing ones and stop
    #[arg(long, global = true)]
    pub(crate) no_install: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Build the bundle of a recipe: kernel, initramfs, root filesystem
    BuildImage(BuildImage),
    /// Resolve a recipe and write its lock
    Lock(Lock),
    /// Print a recipe's whole kernel configuration, every fragment line asserted
    KernelConfig(RecipeArgs),
    /// Check every byte of a bundle against its manifest
    Verify(Verify),
    /// Show what is in an image: sizes by package, privileged programs, listeners; or what changed between two
    Inspect(Inspect),
    /// Look for what would fail when an image boots: missing programs, libraries, users, drivers
    Lint(LintImage),
    /// Bound the store by size and age; nothing that a running build uses goes
    Gc(Gc),
    /// Show what this machine has and lacks
    Doctor,
    /// Build what the tests need, then run all of them
    Test(Test),
    /// Run us and our peers side by side on the packages of a desktop
    #[command(subcommand)]
    Bench(Bench),
    /// Build the book from docs/ into target/book
    Docs,
    /// Check formatting, lints, documentation, the rules of the house and dependencies
    Tidy,
}

/// Measurements. Ratios in one run: machines are noisy.
#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    /// The ext4 writer, against `tar x` with `mke2fs -d`, the arcbox-ext4 formatter, and plain `dd`
    Ext4(BenchArgs),
    /// Whole builds, against `mmdebstrap` with `mke2fs -d`
    Build(BenchArgs),
}

#[derive(Args, Debug)]
pub(crate) struct BenchArgs {
    /// The recipe whose packages are built
    #[arg(default_value = "bench-desktop-debian-12")]
    pub(crate) recipe: String,
    /// How often each way runs
    #[arg(long, default_value_t = 3, value_name = "COUNT", value_parser = clap::value_parser!(u8).range(1..=99))]
    pub(crate) rounds: u8,
}

/// A recipe, and where its inputs come from.
#[derive(Args, Clone, Debug)]
pub(crate) struct RecipeArgs {
    /// A recipe's name, or the path of its file
    #[arg(default_value = DEFAULT_RECIPE)]
    pub(crate) recipe: String,
    /// Where an archive is fetched from; overrides every other setting
    #[arg(long = "mirror", value_name = "NAME=URL")]
    pub(crate) mirrors: Vec<String>,
    /// Use a package index although its Valid-Until has passed
    #[arg(long)]
    pub(crate) allow_expired: bool,
}

#[derive(Args, Debug)]
pub(crate) struct BuildImage {
    #[command(flatten)]
    pub(crate) recipe: RecipeArgs,
    /// Folder in which the bundle appears [default: out]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Fail rather than change the lock
    #[arg(long)]
    pub(crate) locked: bool,
    /// Sign the bundle with this secret key of minisign [environment: KINDLING_SIGN_PASSWORD]
    #[arg(long, value_name = "FILE", env = "KINDLING_SIGN_KEY")]
    pub(crate) sign_key: Option<PathBuf>,
    /// Boot the bundle and save it, ready, beside its files: `kindling resume RECIPE` goes on from there
    #[arg(long, conflicts_with = "verify")]
    pub(crate) snapshot: bool,
    /// Build twice from an empty stage cache, the second time from another path of the checkout, by another user, with another HOME, time
    /// zone, locale, umask, host name, number of processors, order of directories and clock, and with compilers of the
    /// machine that fail, and compare every byte. `image` takes the kernel from the
    /// store if it is there, instead of compiling it twice
    #[arg(long, value_name = "WHAT", value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "all", conflicts_with = "out")]
    pub(crate) verify: Option<VerifyBuild>,
}

/// The parts that `build-image --verify` builds twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum VerifyBuild {
    /// Everything
    All,
    /// Everything but the kernel
    Image,
}

#[derive(Args, Debug)]
pub(crate) struct LintImage {
    #[command(flatten)]
    pub(crate) recipe: RecipeArgs,
    /// Show notes as well: what fails no build, as only somebody who asks for it would meet it
    #[arg(long)]
    pub(crate) all: bool,
    /// Show all rules
    #[arg(long)]
    pub(crate) list: bool,
    /// Say what a rule demands, and why
    #[arg(long, value_name = "RULE", conflicts_with = "list")]
    pub(crate) explain: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Lock {
    #[command(flatten)]
    pub(crate) recipe: RecipeArgs,
    /// Move PACKAGE to its newest version, and others as far as that needs it; without a name, all of them
    #[arg(long, value_name = "PACKAGE", num_args = 0..=1)]
    pub(crate) update: Option<Vec<String>>,
    /// Lock the lists of build tools in tools/ instead of a recipe
    #[arg(long, conflicts_with = "recipe")]
    pub(crate) tools: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Verify {
    /// A bundle's folder
    #[arg(default_value = "out/minimal-debian-12")]
    pub(crate) bundle: PathBuf,
    /// Also check that it is signed with this public key of minisign: a file, or its base64
    #[arg(long, value_name = "KEY")]
    pub(crate) pubkey: Option<String>,
    /// Also build it again from what its provenance names, and compare every byte. `image` takes the kernel from the store if
    /// it is there
    #[arg(long, value_name = "WHAT", value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "all")]
    pub(crate) rebuild: Option<VerifyBuild>,
    #[command(flatten)]
    pub(crate) thorough: Thorough,
}

#[derive(Args, Debug)]
pub(crate) struct Thorough {
    /// Instead of checking a bundle, build these recipes in every world that this machine can make, from empty caches, and
    /// print the hash of each bundle: as the machine is, with all that `build-image --verify` varies, on other machines and
    /// file systems, and over what earlier builds left. Takes an hour [default: minimal, golden and stock-kernel of Debian 12]
    #[arg(long, value_name = "RECIPE,...", num_args = 0.., require_equals = true, value_delimiter = ',', default_missing_values = THOROUGH, conflicts_with_all = ["bundle", "pubkey", "rebuild"])]
    pub(crate) thorough: Option<Vec<String>>,
    /// With --thorough: the root folder of another machine to build on, such as an unpacked container, instead of Debian
    /// 12 and 13 without a compiler
    #[arg(long = "host", value_name = "DIR", requires = "thorough")]
    pub(crate) hosts: Vec<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct Inspect {
    /// A recipe whose bundle is in out/, or a bundle's folder
    #[arg(default_value = DEFAULT_RECIPE)]
    pub(crate) bundle: String,
    /// Another one: show what changed from the first to this
    pub(crate) other: Option<String>,
    /// Every row, not only the first of each table
    #[arg(long)]
    pub(crate) all: bool,
    /// Every path of the image: type and mode, owner, size, package
    #[arg(long, conflicts_with = "other")]
    pub(crate) files: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Gc {
    /// Remove what was used longest ago until the rest fits
    #[arg(long, value_name = "SIZE", default_value = "20G", value_parser = units::bytes)]
    pub(crate) max_size: u64,
    /// Remove what has not been used for so long
    #[arg(long, value_name = "AGE", default_value = "30d", value_parser = units::age)]
    pub(crate) max_age: Duration,
    /// Only say what would go
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Test {
    /// Only tests whose name contains this
    pub(crate) filter: Option<String>,
}

impl RecipeArgs {
    /// A recipe by its name, with the mirrors that the machine knows.
    pub(crate) fn named(recipe: impl Into<String>) -> Self {
        Self {
            recipe: recipe.into(),
            mirrors: Vec::new(),
            allow_expired: false,
        }
    }
}

impl Global {
    /// How events are shown.
    pub(crate) fn mode(&self) -> Mode {
        if self.json {
            Mode::Json
        } else if self.quiet {
            Mode::Quiet
        } else {
            Mode::detect()
        }
    }
}
