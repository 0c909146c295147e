//! Programs of the tree, with the environment and the stand-ins that maintainer scripts get.

use std::path::{Path, PathBuf};

use kindling_base::{Result, files};
use kindling_sandbox::{Program, STAND_INS, StandIn};

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Stands in for start-stop-daemon(8): services do not start while an image is built.
const NO_DAEMON: &str = "#!/bin/sh\nexit 0\n";

/// Programs whose whole output `tidy` removes from the tree, because it holds times or secrets of the build: bytecode
/// of Python, font and icon caches, host keys. In a desktop they take half of the time that configuring takes.
const POINTLESS: [&str; 6] = [
    "ssh-keygen",
    "py3compile",
    "pypy3compile",
    "fc-cache",
    "gtk-update-icon-cache",
    "update-icon-caches",
];

/// The programs of a tree that is being made.
#[derive(Debug)]
pub(crate) struct Programs {
    pub(crate) root: PathBuf,
    /// Gets all output.
    pub(crate) log: PathBuf,
    /// The programs' `SOURCE_DATE_EPOCH`, in seconds since 1970.
    pub(crate) epoch: i64,
}

impl Programs {
    /// Runs a program that finds everything as it is in the tree; returns what it printed.
    ///
    /// # Errors
    /// It could not be started or failed; the error shows the end of its output and names the log.
    pub(crate) fn run(&self, argv: &[String], env: &[(&str, &str)]) -> Result<String> {
        self.program(argv, env, PATH).run(&self.log)
    }

    /// Runs a maintainer script, or dpkg, which runs them: services do not start, and what `tidy` would remove again is
    /// not made. Returns what it printed.
    ///
    /// # Errors
    /// As [`Programs::run`].
    pub(crate) fn run_script(&self, argv: &[String], env: &[(&str, &str)]) -> Result<String> {
        let path = format!("{STAND_INS}:{PATH}");
        let mut program = self.program(argv, env, &path);
        program.stand_ins = stand_ins(&self.root)?;
        program.run(&self.log)
    }

    fn program(&self, argv: &[String], env: &[(&str, &str)], path: &str) -> Program {
        let epoch = self.epoch.to_string();
        let base = [
            ("PATH", path),
            ("HOME", "/root"),
            ("TERM", "dumb"),
            ("LC_ALL", "C.UTF-8"),
            ("TZ", "UTC"),
            ("DEBIAN_FRONTEND", "noninteractive"),
            ("DEBCONF_NONINTERACTIVE_SEEN", "true"),
            ("SOURCE_DATE_EPOCH", epoch.as_str()),
        ];
        let env = base.iter().chain(env);
        Program {
            root: self.root.clone(),
            argv: argv.to_vec(),
            env: env
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect(),
            ..Program::default()
        }
    }
}

/// Programs and modules of ours in place of those that must not or need not run while packages are configured.
fn stand_ins(root: &Path) -> Result<Vec<StandIn>> {
    let stand_in = |name: &str, content: &str, mode, over| StandIn {
        name: name.to_owned(),
        content: content.to_owned(),
        mode,
        over,
    };
    let mut all: Vec<StandIn> = POINTLESS
        .iter()
        .map(|name| stand_in(name, "#!/bin/sh\nexit 0\n", 0o755, Vec::new()))
        .collect();
    // Python's own packages compile their library by this module, called by its path.
    let module = "def compile(*_, **__): pass\n";
    all.push(stand_in(
        "py_compile.py",
        module,
        0o644,
        python_compilers(root)?,
    ));
    let daemon = PathBuf::from("/usr/sbin/start-stop-daemon");
    all.push(stand_in(
        "start-stop-daemon",
        NO_DAEMON,
        0o755,
        vec![daemon],
    ));
    Ok(all)
}

/// `/usr/lib/python3*/py_compile.py` of the root.
fn python_compilers(root: &Path) -> Result<Vec<PathBuf>> {
    let is_folder = |path: &Path| std::fs::symlink_metadata(path).is_ok_and(|meta| meta.is_dir());
    let library = root.join("usr/lib");
    if !is_folder(&root.join("usr")) || !is_folder(&library) {
        return Ok(Vec::new());
    }
    let folders = files::list(&library)?.into_iter().filter(|folder| {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("python3") && is_folder(folder)
    });
    let modules = folders.filter_map(|folder| {
        let module = folder.join("py_compile.py");
        Some(Path::new("/").join(module.strip_prefix(root).ok()?))
    });
    Ok(modules.collect())
}

/// Runs a program in a tree with the isolation of maintainer scripts: no network, no services.
///
/// `helper` is an executable whose `main` calls [`kindling_sandbox::main_if_reexecuted`] with [`kindling_sandbox::RUN`].
/// Output goes to `log`.
///
/// # Errors
/// The program failed or the sandbox could not be made.
pub fn run_in_root(helper: &Path, root: &Path, argv: &[&str], log: &Path) -> Result<()> {
    let programs = Programs {
        root: root.to_owned(),
        log: log.to_owned(),
        epoch: 0,
    };
    let argv: Vec<String> = argv.iter().map(|arg| (*arg).to_owned()).collect();
    kindling_sandbox::run(helper, &programs.program(&argv, &[], PATH), log, |_| {})
}
