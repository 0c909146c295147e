//! The circumstances of a build.

use std::path::{Path, PathBuf};

use kindling_base::{Command, PRELOAD, Result, files};

use crate::user::{self, MOUNTED, User};

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

/// Names in the second world's folder.
const CHECKOUT: &str = "a checkout";
const TOOLS: &str = "broken tools";
const LIBRARY: &str = "skew.so";
const PROGRAM: &str = "kindling";

/// Variables that name a person's folders.
const HOMES: [&str; 3] = ["HOME", "CARGO_HOME", "TMPDIR"];

/// Where and how a build runs.
#[derive(Debug)]
pub(super) struct World {
    folder: PathBuf,
    /// The folder as the build sees it.
    seen: PathBuf,
    /// The project's root, likewise.
    checkout: PathBuf,
    /// Our own program, likewise; `None` for where it is.
    program: Option<PathBuf>,
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
            seen: folder.to_owned(),
            checkout: checkout.to_owned(),
            program: None,
            varied: Vec::new(),
            wrappers: Vec::new(),
            environment: Vec::new(),
        }
    }

    /// Everything that must not matter is different; `copy` copies the checkout into a folder. `program` is ours.
    ///
    /// # Errors
    /// The library that turns clock and directories cannot be compiled, or a folder cannot be written.
    pub(super) fn skewed(
        work: &Path,
        copy: &dyn Fn(&Path) -> Result<()>,
        program: &Path,
    ) -> Result<Self> {
        let folder = work.join("another/deeper place/b");
        copy(&folder.join(CHECKOUT))?;
        library(&folder)?;
        break_tools(&folder.join(TOOLS))?;
        let user = User::of_this_machine();
        let seen = match user {
            None => folder.clone(),
            Some(_) => PathBuf::from(MOUNTED),
        };
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
        for name in HOMES {
            files::create_dir_all(&folder.join(name.to_lowercase()))?;
        }
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let mut wrappers = words("taskset --cpu-list 0");
        if rustix::process::geteuid().is_root() {
            varied.push("another host name".to_owned());
            wrappers.extend(words("unshare --uts --mount"));
        }
        let mut inside = None;
        let script = match (&user, rustix::process::geteuid().is_root()) {
            (Some(user), _) => {
                varied.push("an ordinary user".to_owned());
                files::copy(program, &folder.join(PROGRAM), 0o755)?;
                inside = Some(seen.join(PROGRAM));
                user.move_in(&folder)?;
                user.script(&folder, CHECKOUT, LIBRARY)
            }
            (None, true) => r#"umask 027; hostname another.example; exec "$@""#.to_owned(),
            // Only root gives a namespace another name and stays who it is.
            (None, false) => r#"umask 027; exec "$@""#.to_owned(),
        };
        wrappers.extend(["sh", "-ec", &script, "sh"].map(str::to_owned));
        Ok(Self {
            checkout: seen.join(CHECKOUT),
            environment: environment(&seen, user.is_none()),
            program: inside,
            folder,
            seen,
            varied,
            wrappers,
        })
    }

    /// Makes its folder the user's, if another user builds: what was laid into it since.
    ///
    /// # Errors
    /// The folder cannot be read or changed.
    pub(super) fn hand_over(&self) -> Result<()> {
        match self.program {
            Some(_) => user::own(&self.folder),
            None => Ok(()),
        }
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
        let program = self.program.as_deref().unwrap_or(program);
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
            .arg(self.seen.join("out"));
        let command = command.arg("--store").arg(self.seen.join("store"));
        let command = match self.program {
            None => command.directory(&self.checkout),
            Some(_) => command, // the script goes there when it is mounted
        };
        command.run().map(drop)
    }
}

/// Variables of the second world.
fn environment(seen: &Path, preload: bool) -> Vec<(&'static str, String)> {
    let path = std::env::var("PATH").unwrap_or_default();
    let tools = seen.join(TOOLS);
    let library = seen.join(LIBRARY).display().to_string();
    let mut variables = vec![
        ("PATH", format!("{}:{path}", tools.display())),
        ("TZ", "Pacific/Apia".to_owned()),
        ("LC_ALL", "tr_TR.UTF-8".to_owned()),
        (PRELOAD, library.clone()),
    ];
    if preload {
        variables.push(("LD_PRELOAD", library)); // a script sets it where the library is not there from the start
    }
    let homes = HOMES.iter().map(|name| {
        let elsewhere = seen.join(name.to_lowercase());
        (*name, elsewhere.display().to_string())
    });
    variables.extend(homes);
    variables
}

/// Compiles the library that turns clock and directories.
fn library(folder: &Path) -> Result<()> {
    let source = folder.join("skew.c");
    let library = folder.join(LIBRARY);
    files::write_atomic(&source, SKEW.as_bytes(), 0o644)?;
    Command::new("gcc")
        .args(["-shared", "-fPIC", "-O2", "-o"])
        .arg(&library)
        .arg(&source)
        .run()
        .map(drop)
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
