//! The circumstances of a build.

use std::path::{Path, PathBuf};

use kindling_base::{Command, PRELOAD, Result, files};

/// The library that the second world's programs are preloaded with.
const SKEW: &str = include_str!("skew.c");

/// Programs of the machine that a build could reach for. In the second world each of them fails.
const MACHINES_TOOLS: [&str; 14] = [
    "ar",
    "as",
    "awk",
    "bc",
    "bison",
    "c++",
    "cargo",
    "cc",
    "flex",
    "gcc",
    "ld",
    "make",
    "pkg-config",
    "rustc",
];

/// Where and how a build runs.
#[derive(Debug)]
pub(super) struct World {
    folder: PathBuf,
    /// The project's root.
    checkout: PathBuf,
    /// The differences from an ordinary build, each for a person.
    pub(super) varied: Vec<String>,
    /// Programs that come before ours, each of which starts the next.
    wrappers: Vec<String>,
    environment: Vec<(&'static str, String)>,
}

impl World {
    /// As the user is, in the checkout.
    pub(super) fn plain(folder: &Path, checkout: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            checkout: checkout.to_owned(),
            varied: Vec::new(),
            wrappers: Vec::new(),
            environment: Vec::new(),
        }
    }

    /// Everything that must not matter is different; `copy` copies the checkout into a folder.
    ///
    /// # Errors
    /// The library that turns clock and directories cannot be compiled, or a folder cannot be written.
    pub(super) fn skewed(work: &Path, copy: &dyn Fn(&Path) -> Result<()>) -> Result<Self> {
        let library = library(work)?;
        let folder = work.join("another/deeper place/b");
        let checkout = folder.join("a checkout");
        copy(&checkout)?;
        let tools = folder.join("broken tools");
        break_tools(&tools)?;
        let mut varied: Vec<String> = [
            "another path of checkout, store and output, with spaces",
            "HOME, CARGO_HOME and TMPDIR elsewhere",
            "compilers, make and cargo of the machine that fail",
            "time zone Pacific/Apia",
            "locale tr_TR.UTF-8",
            "umask 027",
            "one processor",
            "a clock 400 days later",
            "directories listed backwards",
        ]
        .map(str::to_owned)
        .to_vec();
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let mut wrappers = words("taskset --cpu-list 0");
        let script = if rustix::process::geteuid().is_root() {
            varied.push("another host name".to_owned());
            wrappers.extend(words("unshare --uts"));
            r#"umask 027; hostname another.example; exec "$@""#
        } else {
            r#"umask 027; exec "$@""# // only root gives a namespace another name and stays who it is
        };
        wrappers.extend(["sh", "-c", script, "sh"].map(str::to_owned));
        let path = std::env::var("PATH").unwrap_or_default();
        let mut environment = vec![
            ("PATH", format!("{}:{path}", tools.display())),
            ("TZ", "Pacific/Apia".to_owned()),
            ("LC_ALL", "tr_TR.UTF-8".to_owned()),
            ("LD_PRELOAD", library.display().to_string()),
            (PRELOAD, library.display().to_string()),
        ];
        for name in ["HOME", "CARGO_HOME", "TMPDIR"] {
            let elsewhere = folder.join(name.to_lowercase());
            files::create_dir_all(&elsewhere)?;
            environment.push((name, elsewhere.display().to_string()));
        }
        Ok(Self {
            folder,
            checkout,
            varied,
            wrappers,
            environment,
        })
    }

    pub(super) fn description(&self) -> String {
        match self.varied.as_slice() {
            [] => "as this machine is".to_owned(),
            varied => varied.join(", "),
        }
    }

    pub(super) fn store(&self) -> PathBuf {
        self.folder.join("store")
    }

    pub(super) fn out(&self) -> PathBuf {
        self.folder.join("out")
    }

    /// Runs `program build-image ARGUMENTS` in the checkout with an output folder of this world.
    pub(super) fn run(&self, program: &Path, arguments: &[String]) -> Result<()> {
        let program = program.display().to_string();
        let mut words = self.wrappers.iter().chain([&program]);
        let mut command = words
            .next()
            .map_or_else(|| Command::new(&program), Command::new);
        for word in words {
            command = command.arg(word);
        }
        for (name, value) in std::env::vars_os() {
            command = command.env(name, value);
        }
        for (name, value) in &self.environment {
            command = command.env(name, value);
        }
        let command = command.arg("build-image").args(arguments);
        let command = command
            .args(["--locked", "--quiet", "--out"])
            .arg(self.out());
        let command = command.arg("--store").arg(self.store());
        command.directory(&self.checkout).run().map(drop)
    }
}

/// Compiles the library that turns clock and directories.
fn library(work: &Path) -> Result<PathBuf> {
    let source = work.join("skew.c");
    let library = work.join("skew.so");
    files::write_atomic(&source, SKEW.as_bytes(), 0o644)?;
    Command::new("gcc")
        .args(["-shared", "-fPIC", "-O2", "-o"])
        .arg(&library)
        .arg(&source)
        .run()?;
    Ok(library)
}

/// Writes a program that fails for each that a build of old would have taken from the machine.
fn break_tools(folder: &Path) -> Result<()> {
    files::create_dir_all(folder)?;
    let script = "#!/bin/sh\necho \"the machine's $0 was used\" >&2\nexit 1\n";
    for tool in MACHINES_TOOLS {
        files::write_atomic(&folder.join(tool), script.as_bytes(), 0o755)?;
    }
    Ok(())
}
