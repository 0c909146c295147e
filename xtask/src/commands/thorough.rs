//! `cargo xtask verify --thorough`: recipes built in every world that this machine can make, as a table of hashes.

use std::path::{Path, PathBuf};

use kindling_base::{Command, Error, Event, Result, files};
use kindling_debian::Mirrors;
use kindling_host as host;
use kindling_image::resolve::Policy;
use kindling_verify::{FileSystem, Host, Request, Row, differs, thorough};

use super::setup::Setup;
use super::subject::Subject;
use crate::cli::{Global, RecipeArgs, Thorough, VerifyBuild};
use crate::render::Renderer;

/// The suites of the machines that are made, where none is named: one older and one newer than most.
const SUITES: [&str; 2] = ["bookworm", "trixie"];

/// Programs that another machine had better not have.
const COMPILERS: [&str; 4] = ["gcc", "make", "cargo", "rustc"];

/// Characters of a hash that a table shows.
const SHOWN: usize = 16;

pub(crate) fn run(args: &Thorough, global: &Global, renderer: &dyn Renderer) -> Result<()> {
    let setup = Setup::new(global)?;
    let recipes = args.thorough.iter().flatten();
    let recipes: Vec<RecipeArgs> = recipes.map(RecipeArgs::named).collect();
    let subjects = recipes
        .iter()
        .map(|args| Subject::new(args, Policy::Frozen, &setup, renderer));
    let subjects = subjects.collect::<Result<Vec<_>>>()?;
    let requests: Vec<Request<'_>> = subjects
        .iter()
        .map(|subject| subject.request(VerifyBuild::All))
        .collect();
    let (folder, _lock) = setup.store.work("verify-hosts", || {})?;
    let hosts = hosts(&args.hosts, &folder, global, renderer)?;
    let mut header = String::new();
    for request in &requests {
        header.push_str(&format!(
            "{:width$}  ",
            request.recipe,
            width = SHOWN.max(request.recipe.len())
        ));
    }
    renderer.data(&format!("{header}{:>7}  world", "time"));
    let mut differences = Vec::new();
    let mut show = |row: &Row| {
        renderer.data(&line(row, &requests));
        differences.extend(row.differences.clone());
    };
    let requests: Vec<&Request<'_>> = requests.iter().collect();
    thorough(&requests, &hosts, renderer, &mut show)?;
    files::remove(&folder)?;
    if differences.is_empty() {
        renderer.note("every bundle is the same in all worlds");
        return Ok(());
    }
    Err(differs("bundles that were built in several worlds differ", &differences)
        .hint("the first is this machine's; find what writes it: a path, a time, an order, a leftover of the build"))
}

/// One line of the table.
fn line(row: &Row, requests: &[Request<'_>]) -> String {
    let mut line = String::new();
    for (sha256, request) in row.bundles.iter().zip(requests) {
        let width = SHOWN.max(request.recipe.len());
        line.push_str(&format!("{:width$}  ", &sha256[..SHOWN]));
    }
    format!("{line}{:>5} s  {}", row.elapsed.as_secs(), row.world)
}

/// The machines to build on: the roots that were named, or new ones, which take turns with file systems.
fn hosts(
    named: &[PathBuf],
    folder: &Path,
    global: &Global,
    renderer: &dyn Renderer,
) -> Result<Vec<Host>> {
    if !rustix::process::geteuid().is_root() {
        let problem = "only root can enter another machine's root: these worlds are left out";
        renderer.report(Event::Warning(problem.to_owned()));
        return Ok(Vec::new());
    }
    let mut roots = Vec::new();
    for root in named {
        roots.push(files::absolute(root)?);
    }
    if roots.is_empty() {
        host::ensure(host::TEST, !global.no_install, renderer)?;
        files::remove(folder)?;
        files::create_dir_all(folder)?;
        for suite in SUITES {
            renderer.note(&format!("making a machine of Debian {suite}"));
            roots.push(bootstrap(suite, &folder.join(suite))?);
        }
    }
    let file_systems = [FileSystem::Overlay, FileSystem::Tmpfs].into_iter().cycle();
    let hosts = roots.into_iter().zip(file_systems);
    hosts
        .map(|(root, file_system)| {
            Ok(Host {
                name: name(&root)?,
                root,
                file_system,
            })
        })
        .collect()
}

/// The smallest system of a suite, by a tool that is not ours.
fn bootstrap(suite: &str, root: &Path) -> Result<PathBuf> {
    let mirrors = Mirrors::of_this_machine(&[], &Default::default())?;
    let urls = mirrors.urls("debian", suite)?;
    let url = urls.first().map_or("", String::as_str);
    let mmdebstrap =
        Command::new("mmdebstrap").args(["--quiet", "--variant=essential", "--format=directory"]);
    mmdebstrap.arg(suite).arg(root).arg(url).run()?;
    Ok(root.to_owned())
}

/// A machine's name for itself, os-release(5), and what it lacks.
fn name(root: &Path) -> Result<String> {
    let path = root.join("etc/os-release");
    let release = match path.exists() {
        true => files::read_text(&path)?,
        false => String::new(),
    };
    let mut lines = release.lines();
    let name = lines.find_map(|line| line.strip_prefix("PRETTY_NAME="));
    let name = name.ok_or_else(|| {
        Error::user(format!(
            "{} is not the root of a machine: it has no etc/os-release with a name",
            root.display()
        ))
        .hint("unpack a system there: a container, or what mmdebstrap makes")
    })?;
    let is_there = |program: &&&str| root.join("usr/bin").join(program).exists();
    let lacks: Vec<&str> = COMPILERS
        .iter()
        .filter(|program| !is_there(program))
        .copied()
        .collect();
    let name = name.trim_matches('"');
    match lacks.as_slice() {
        [] => Ok(name.to_owned()),
        lacks => Ok(format!("{name} without {}", lacks.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_named_with_what_it_lacks_and_another_folder_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let report = name(root.path()).unwrap_err().report();
        for text in [
            "is not the root of a machine",
            "hint: unpack a system there",
        ] {
            assert!(report.contains(text), "{report}");
        }
        for folder in ["etc", "usr/bin"] {
            std::fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        let release = "ID=x\nPRETTY_NAME=\"X 1\"\n";
        std::fs::write(root.path().join("etc/os-release"), release).unwrap();
        for program in ["gcc", "make"] {
            std::fs::write(root.path().join("usr/bin").join(program), "").unwrap();
        }
        assert_eq!(name(root.path()).unwrap(), "X 1 without cargo, rustc");
    }
}
