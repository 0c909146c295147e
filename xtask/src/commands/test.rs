//! `cargo xtask test`: builds the bundles that are booted, then runs every test and counts.

use std::path::{Path, PathBuf};

use kindling_base::{Command, Context, Error, Result, files};
use kindling_host as host;
use kindling_image::resolve::Policy;
use kindling_image::{Built, Request, build};

use super::tools::NEXTEST;
use super::{TESTED, cargo, setup::Setup};
use crate::cli::{Global, RecipeArgs, Test};
use crate::render::Renderer;
use crate::tally::Tally;

/// The recipes whose bundles the end-to-end tests boot.
const BOOTED: [&str; 4] = [
    "minimal-debian-12",
    "minimal-debian-12-direct",
    "stock-kernel-debian-12",
    "golden-debian-12",
];

/// Variables that tests read: the store, the sign of CI, and the real Firecracker that some run on.
const PASSED: [&str; 4] = [
    "KINDLING_STORE",
    "KINDLING_FIRECRACKER",
    "KINDLING_JAILER",
    "CI",
];

pub(crate) fn run(args: &Test, global: &Global, renderer: &dyn Renderer) -> Result<()> {
    let setup = Setup::new(global)?;
    host::ensure(host::TEST, !global.no_install, renderer)?;
    for recipe in BOOTED {
        build_bundle(recipe, &setup, renderer)?;
    }
    let subjects = subjects(&build_bundle(BOOTED[0], &setup, renderer)?, &setup)?;
    let root = setup.project.root();
    let log = root.join("target/test.log");
    files::remove(&log)?;
    let nextest = NEXTEST.find(renderer)?;
    let mut tally = Tally::default();
    let run = |command: Command, shown: &mut dyn FnMut(&str) -> bool| {
        let mut command = command.directory(root).log(&log);
        for (key, value) in &subjects {
            command = command.env(key, value);
        }
        command = cargo::pass_environment(command);
        let ended = cargo::pass(command, &PASSED).stream(|line| {
            if shown(line) {
                renderer.note(line);
            }
            Ok(())
        });
        ended.is_ok()
    };
    for manifest in TESTED {
        let report = report(root, manifest);
        files::remove(&report)?;
        let ok = run(tests(&nextest, manifest, root, args), &mut |_| true);
        if report.exists() {
            tally.report(&files::read_text(&report)?)?;
        }
        tally.ended(ok);
    }
    let ok = run(doc_tests(args), &mut |line| tally.doc_line(line));
    tally.ended(ok);
    for line in tally.to_string().lines() {
        renderer.note(line);
    }
    if let (Some(filter), true) = (&args.filter, tally.ran_nothing()) {
        return Err(Error::user(format!("no test has `{filter}` in its name"))
            .hint("`cargo xtask test` runs all of them and shows their names"));
    }
    if tally.failed() {
        return Err(Error::user("some tests failed")
            .hint(format!("the whole output is in {}", log.display())));
    }
    Ok(())
}

/// The real things that tests of single crates look at, by the variable that names each: the kernel, the initramfs, the
/// frozen package tree, and a folder with the very .debs that it was made of.
fn subjects(built: &Built, setup: &Setup) -> Result<Vec<(&'static str, PathBuf)>> {
    let mut subjects = vec![(
        "KINDLING_TEST_VMLINUX",
        built.folder.join(&built.manifest.kernel.artifact.file),
    )];
    if let Some(initramfs) = &built.manifest.initramfs {
        subjects.push((
            "KINDLING_TEST_INITRAMFS",
            built.folder.join(&initramfs.file),
        ));
    }
    if let Some(tree) = built.plan.packages[0].result(&setup.store) {
        subjects.push(("KINDLING_TEST_TAR", tree.join(kindling_debian_root::TREE)));
    }
    let debs = setup.project.root().join("target/test-debs");
    files::remove(&debs)?;
    files::create_dir_all(&debs)?;
    for package in &built.manifest.packages {
        let Some(blob) = setup.store.blob(&package.sha256) else {
            return Ok(subjects); // cleared from the store: the tests fetch packages of their own
        };
        let version = package.version.replace(':', "%3a"); // as apt names its archives
        let name = format!("{}_{version}_{}.deb", package.name, package.architecture);
        std::os::unix::fs::symlink(&blob, debs.join(&name))
            .context(format!("cannot link {name} to {}", blob.display()))?;
    }
    subjects.push(("KINDLING_TEST_DEBS", debs));
    Ok(subjects)
}

fn build_bundle(recipe: &str, setup: &Setup, renderer: &dyn Renderer) -> Result<Built> {
    let args = RecipeArgs::named(recipe);
    let request = Request {
        recipe: &setup.recipe(&args)?,
        out: &setup.project.out(),
        policy: Policy::Keep,
        sources: setup.sources(&args),
    };
    build(&request, renderer)
}

/// Runs the tests of one workspace. Those of the guest have no tests in their documentation.
fn tests(nextest: &Path, manifest: &str, root: &Path, args: &Test) -> Command {
    let settings = root.join("xtask/nextest.toml");
    let command = Command::new(nextest)
        .args(["nextest", "run", "--release", "--locked", "--workspace"])
        .args(["--no-tests", "pass", "--manifest-path", manifest])
        .arg("--tool-config-file")
        .arg(format!("xtask:{}", settings.display()))
        .env("CARGO", cargo::program());
    command.args(&args.filter)
}

/// Runs the tests in documentation, which nextest does not know.
fn doc_tests(args: &Test) -> Command {
    let command = Command::new(cargo::program())
        .args(["test", "--release", "--locked", "--workspace", "--doc"])
        .arg("--no-fail-fast");
    command.args(&args.filter)
}

/// The path of nextest's report: `xtask/nextest.toml` has its name, the folder is nextest's own.
fn report(root: &Path, manifest: &str) -> PathBuf {
    root.join(manifest)
        .with_file_name("target/nextest/default/junit.xml")
}
