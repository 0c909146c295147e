//! Runs the kernel's own build system.

use std::path::Path;

use kindling_base::{Context, Event, Reporter, Result, Unit, files};
use kindling_sandbox::{BuildRoot, Order};

use super::{STAGE, TREE, threads};

/// Objects for each option that is on, for a first build's progress: 1,338 objects for the 673 options of all our
/// fragments.
const OBJECTS_PER_OPTION: usize = 2;

/// The kernel's `make`, which gives the same bytes wherever and whenever it runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Make<'a> {
    /// The tools, the only ones that are used.
    pub(super) tools: &'a BuildRoot,
    /// The work folder, in which the tree is.
    pub(super) work: &'a Path,
    /// The time that the kernel says it was built.
    pub(super) epoch: i64,
    /// Gets what make prints.
    pub(super) log: &'a Path,
}

impl Make<'_> {
    /// Runs it in the tree; `line` gets each line that it prints.
    ///
    /// The variables are those of Linux's Documentation/kbuild/reproducible-builds.rst.
    ///
    /// # Errors
    /// It failed; the error has the end of its output and names the log.
    pub(super) fn run(
        &self,
        args: &[&str],
        env: &[(&str, String)],
        line: impl FnMut(&str) + Send,
    ) -> Result<()> {
        let fixed = ["make", "ARCH=x86_64", "LOCALVERSION="];
        let epoch = format!("@{}", self.epoch);
        let variables = [
            ("KBUILD_BUILD_TIMESTAMP", epoch),
            ("KBUILD_BUILD_USER", "kindling".to_owned()),
            ("KBUILD_BUILD_HOST", "kindling".to_owned()),
            ("KBUILD_BUILD_VERSION", "1".to_owned()), // otherwise .version counts the builds
        ];
        let variables = variables.iter().chain(env);
        let order = Order {
            argv: fixed
                .iter()
                .chain(args)
                .map(|arg| (*arg).to_owned())
                .collect(),
            env: variables
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect(),
            build: self.work,
            folder: TREE,
        };
        self.tools.run(&order, self.log, line)
    }

    /// Compiles `vmlinux` in a configured tree. `options` is how many are on, for the estimate of a first build.
    ///
    /// # Errors
    /// As [`Make::run`].
    pub(super) fn compile(&self, options: usize, reporter: &dyn Reporter) -> Result<()> {
        let first = !self.work.join(TREE).join("vmlinux").exists();
        let mut done = 0;
        let jobs = format!("-j{}", threads());
        self.run(&[&jobs, "vmlinux"], &[], |line| {
            if is_object(line) {
                done += 1;
                let total = first.then_some(done.max((options * OBJECTS_PER_OPTION) as u64));
                reporter.report(Event::Progress {
                    stage: STAGE,
                    unit: Unit::Objects,
                    done,
                    total,
                });
            }
        })
    }
}

/// Whether a line of make's output says that an object file is being made: `  CC      kernel/fork.o`.
fn is_object(line: &str) -> bool {
    line.starts_with("  ") && line.ends_with(".o")
}

/// Removes what an interrupted make may have left half-written, so that the next one makes it again; returns how
/// many targets that were.
///
/// Kbuild writes `.NAME.cmd` after NAME: a target that is newer than its command file, or empty, or whose
/// command file was cut, was not finished.
///
/// # Errors
/// The tree cannot be read or changed.
pub(super) fn discard_unfinished(tree: &Path) -> Result<usize> {
    let mut removed = 0;
    let mut folders = vec![tree.to_owned()];
    while let Some(folder) = folders.pop() {
        let what = || format!("cannot read the folder {}", folder.display());
        for entry in std::fs::read_dir(&folder).context(what())? {
            let entry = entry.context(what())?;
            if entry.file_type().context(what())?.is_dir() {
                folders.push(entry.path());
                continue;
            }
            let name = entry.file_name();
            let target = name
                .to_str()
                .and_then(|n| n.strip_prefix('.')?.strip_suffix(".cmd"));
            let Some(target) = target.map(|target| folder.join(target)) else {
                continue;
            };
            if !is_finished(&target, &entry.path())? {
                files::remove(&target)?;
                files::remove(&entry.path())?;
                removed += 1;
            }
        }
    }
    Ok(removed)
}

fn is_finished(target: &Path, command: &Path) -> Result<bool> {
    let Ok(made) = target.symlink_metadata() else {
        return Ok(true); // nothing that could be wrong
    };
    let text = files::read(command)?;
    let recorded = command
        .metadata()
        .context(format!("cannot read {}", command.display()))?;
    let in_order = match (made.modified(), recorded.modified()) {
        (Ok(made), Ok(recorded)) => made <= recorded,
        _ => false,
    };
    Ok(in_order && made.len() > 0 && text.ends_with(b"\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, SystemTime};

    #[test]
    fn only_object_lines_count() {
        assert!(is_object("  CC      kernel/fork.o"));
        assert!(is_object("  AS      arch/x86/entry/entry_64.o"));
        assert!(!is_object("  AR      kernel/built-in.a"));
        assert!(!is_object("kernel/fork.c:1: warning: x.o"));
    }

    #[test]
    fn unfinished_targets_go_and_finished_ones_stay() {
        let tree = tempfile::tempdir().unwrap();
        let folder = tree.path().join("kernel/bpf");
        std::fs::create_dir_all(&folder).unwrap();
        let now = SystemTime::now();
        let earlier = now - Duration::from_secs(60);
        let file = |name: &str, text: &str, time: SystemTime| {
            let path = folder.join(name);
            std::fs::write(&path, text).unwrap();
            std::fs::File::options()
                .write(true)
                .open(&path)
                .unwrap()
                .set_modified(time)
                .unwrap();
        };
        for (name, content, made, command, recorded) in [
            ("good.o", "x", earlier, "cmd_good.o := gcc\n", now),
            ("newer.o", "x", now, "cmd_newer.o := gcc\n", earlier),
            ("empty.o", "", earlier, "cmd_empty.o := gcc\n", now),
            ("cut.o", "x", earlier, "cmd_cut.o := gc", now),
        ] {
            file(name, content, made);
            file(&format!(".{name}.cmd"), command, recorded);
        }
        file(".gone.o.cmd", "cmd_gone.o := gcc\n", now);
        file("fork.c", "", now);
        assert_eq!(discard_unfinished(tree.path()).unwrap(), 3);
        let mut left: Vec<_> = std::fs::read_dir(&folder)
            .unwrap()
            .map(|e| e.unwrap().file_name())
            .collect();
        left.sort_unstable();
        assert_eq!(left, [".gone.o.cmd", ".good.o.cmd", "fork.c", "good.o"]);
    }
}
