//! Packages unpacked into a folder and not configured: build tools, which no maintainer script has to prepare.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kindling_base::{Context, Event, Reporter, Result, Unit, files};
use kindling_sandbox::Job;
use serde::{Deserialize, Serialize};

use crate::assemble::job::{architecture, deb_files, prepare, read};
use crate::unpack::{Ahead, Claims, Conffiles, unpack};

/// Name of the folder in the stage's own.
pub const TOOLS: &str = "root";

/// Folders of every root of tools: where the build is, and what a sandbox mounts.
const FOLDERS: [&str; 4] = ["build", "dev", "proc", "tmp"];

/// Folders that no build reads.
const NOT_NEEDED: [&str; 5] = [
    "usr/share/doc",
    "usr/share/info",
    "usr/share/locale",
    "usr/share/man",
    "var",
];

/// The work of one [`tools`].
#[derive(Clone, Debug)]
pub struct Tools<'a> {
    /// The name of the stage in events.
    pub stage: &'static str,
    /// The packages: a set in which all dependencies are met. Their order does not matter.
    pub debs: &'a [PathBuf],
    /// Programs that scripts of the packages would link: `awk` is `mawk`. Names in `/usr/bin`.
    pub links: &'a BTreeMap<String, String>,
    /// The folder in which [`TOOLS`] is made.
    pub out: &'a Path,
    /// Gets complaints of the sandbox.
    pub log: &'a Path,
    /// An executable whose `main` calls [`kindling_sandbox::main_if_reexecuted`] with [`UNPACK`]: `std::env::current_exe()`.
    pub helper: &'a Path,
}

/// The job as the sandbox's helper gets it.
#[derive(Debug, Serialize, Deserialize)]
struct Spec {
    debs: Vec<PathBuf>,
    links: BTreeMap<String, String>,
    root: PathBuf,
}

/// Unpacks the packages into `out/root`. No script runs: what is there are the packages' files and the links that were asked
/// for.
///
/// # Errors
/// A .deb is unsound, two of them have one file, or the machine forbids namespaces.
pub fn tools(tools: &Tools<'_>, reporter: &dyn Reporter) -> Result<()> {
    let absolute = tools.debs.iter().map(|deb| files::absolute(deb));
    let spec = Spec {
        debs: absolute.collect::<Result<_>>()?,
        links: tools.links.clone(),
        root: files::absolute(tools.out)?.join(TOOLS),
    };
    let spec = serde_json::to_vec(&spec).map_err(|error| {
        kindling_base::Error::internal("cannot describe the tools").because(error)
    })?;
    let total = Some(tools.debs.len() as u64);
    kindling_sandbox::perform(tools.helper, tools.log, UNPACK, &spec, |done| {
        reporter.report(Event::Progress {
            stage: tools.stage,
            unit: Unit::Packages,
            done,
            total,
        });
    })
}

/// The job behind [`tools`], for the executable that is its helper.
pub const UNPACK: Job = Job {
    name: "unpack",
    perform: |input, done| {
        let spec: Spec = serde_json::from_slice(input).map_err(|error| {
            kindling_base::Error::internal("cannot read the sandbox's job").because(error)
        })?;
        perform(&spec)?;
        done(spec.debs.len() as u64);
        Ok(())
    },
};

fn perform(spec: &Spec) -> Result<()> {
    let packages = read(&spec.debs)?;
    let root = prepare(&spec.root, architecture(&packages)?)?;
    let claims = Claims::new(&packages, &root)?;
    let all: Vec<usize> = (0..packages.len()).collect();
    let debs = deb_files(&packages, &spec.debs);
    let ahead = Ahead::default();
    unpack(&root, &debs, &all, &claims, Conffiles::InPlace, &ahead)?;
    root.enter(|| {
        for folder in NOT_NEEDED {
            files::remove(&Path::new("/").join(folder))?;
        }
        for folder in FOLDERS {
            files::create_dir_all(&Path::new("/").join(folder))?;
        }
        for (name, target) in &spec.links {
            let link = Path::new("/usr/bin").join(name);
            files::remove(&link)?;
            std::os::unix::fs::symlink(target, &link)
                .context(format!("cannot create {}", link.display()))?;
        }
        Ok(())
    })
}
