//! The kernel: a source and configuration fragments become a stripped ELF `vmlinux`.
//!
//! ```text
//! WORK/linux/             the unpacked source and its object files
//! WORK/fragments.config   all fragments merged, as `make allnoconfig` got them
//! WORK/next.config        what Kconfig made of them; becomes linux/.config if it differs
//! WORK/making             there while make runs: found at the start, the last make was cut short
//! WORK/build.log          what make printed
//! ```
//!
//! The work folder outlives builds, so that a changed fragment compiles only what make must. **The result
//! depends on source, fragments, epoch and tools alone**, not on the folder's path or history: make runs in the tools' root,
//! where the work folder is always `/build`.

mod config;
mod expression;
mod extract;
mod fragment;
mod kconfig;
mod make;
mod source;
mod strip;
mod version;

use std::path::{Path, PathBuf};

use kindling_base::{Event, Reporter, Result, files, parallel};
use kindling_sandbox::{BUILD, BuildRoot};

pub use extract::{Tarball, extract, extracted};
pub use fragment::{Fragment, names};
pub use source::Source;

use kconfig::Kconfig;
use make::Make;
use version::Version;

/// The hash of all code that this stage's results depend on.
pub const CODE: &str = env!("KINDLING_CODE");

/// The name of this stage in events.
const STAGE: &str = "kernel";

/// The folder of the source in the work folder.
const TREE: &str = "linux";

/// Configures the source and returns the path of the finished `.config`, in which every line holds that the
/// fragments have for this version of Linux.
///
/// `tools` have all that compiles it. `work` is a folder for this very source and these tools that is kept between builds;
/// the caller has locked it.
///
/// # Errors
/// The source cannot be unpacked; a fragment's line does not set an option, contradicts another, or has no effect (a
/// user error that says why); make failed.
pub fn configure(
    source: &Source<'_>,
    fragments: &[Fragment],
    tools: &BuildRoot,
    work: &Path,
    reporter: &dyn Reporter,
) -> Result<PathBuf> {
    fragment::settings(fragments, None)?; // what is wrong for any version shows before a source is unpacked
    let work = files::absolute(work)?;
    let tree = source::unpack(source, &work, reporter)?;
    let version = Version::of_source(&tree)?;
    let settings = fragment::settings(fragments, Some(version))?;
    let log = work.join("build.log");
    files::remove(&log)?;
    let merged = work.join("fragments.config");
    files::write_atomic(&merged, fragment::merged(&settings).as_bytes(), 0o644)?;
    // Beside the real one: an unchanged configuration keeps its time stamp, and make has nothing to do.
    let next = work.join("next.config");
    let make = Make {
        tools,
        work: &work,
        epoch: 0,
        log: &log,
    };
    let inside = |name: &str| format!("{BUILD}/{name}");
    let variables = [
        ("KCONFIG_CONFIG", inside("next.config")),
        ("KCONFIG_ALLCONFIG", inside("fragments.config")),
    ];
    for target in ["allnoconfig", "olddefconfig"] {
        make.run(&["-s", target], &variables, |_| {})?;
    }
    let text = files::read_text(&next)?;
    config::check(&settings, &text, || Kconfig::read(&tree, "x86"))
        .map_err(|error| error.within(format!("Linux {version}")))?;
    let config = tree.join(".config");
    if !config.exists() || files::read_text(&config)? != text {
        files::rename(&next, &config)?;
    }
    Ok(config)
}

/// Name of the kernel in its stage folder and in the bundle.
pub const FILE: &str = "vmlinux";

/// Builds the kernel: `out/vmlinux`, a stripped ELF with a PVH entry point, `out/config` and `out/release`
/// (what `uname -r` says, and a newline).
///
/// `epoch` is the time that the kernel says it was built, in seconds of Unix time. `tools` and `work` are as for
/// [`configure`].
///
/// # Errors
/// Those of [`configure`]; make failed (an external error with the end of its output and the log's path);
/// the result has no PVH entry point, because no fragment sets `CONFIG_PVH`.
pub fn build(
    source: &Source<'_>,
    fragments: &[Fragment],
    epoch: i64,
    (tools, work): (&BuildRoot, &Path),
    out: &Path,
    reporter: &dyn Reporter,
) -> Result<()> {
    let work = files::absolute(work)?;
    let config = configure(source, fragments, tools, &work, reporter)?;
    let tree = work.join(TREE);
    let text = files::read_text(&config)?;
    let options = text.lines().filter(|line| line.ends_with("=y")).count();

    let making = work.join("making");
    if making.exists() {
        let removed = make::discard_unfinished(&tree)?;
        reporter.report(Event::Note(format!(
            "the last kernel build was cut short: {removed} files are made again"
        )));
    }
    files::write_atomic(&making, b"", 0o644)?;
    let detail = format!("compiling Linux with {options} options");
    reporter.report(Event::Started {
        stage: STAGE,
        detail,
    });
    let make = Make {
        tools,
        work: &work,
        epoch,
        log: &work.join("build.log"),
    };
    make.compile(options, reporter)?;
    files::remove(&making)?;

    files::create_dir_all(out)?;
    let vmlinux = out.join(FILE);
    strip::strip(&tree.join("vmlinux"), &vmlinux)?;
    kindling_vmlinux::check(&vmlinux)?;
    files::copy(&config, &out.join("config"), 0o644)?;
    files::copy(
        &tree.join("include/config/kernel.release"),
        &out.join("release"),
        0o644,
    )
}

/// How many jobs and threads to run.
fn threads() -> u32 {
    u32::try_from(parallel::processors()).unwrap_or(u32::MAX)
}
