//! The circumstances of a build.

use std::path::{Path, PathBuf};

use kindling_base::{Command, PRELOAD, Result, files};

/// The library that the second world's programs are preloaded with.
const SKEW: &str = include_str!("skew.c");

/// Where and how a build runs.
#[derive(Debug)]
pub(super) struct World {
    folder: PathBuf,
    /// The differences from an ordinary build, each for a person.
    pub(super) varied: Vec<String>,
    /// Programs that come before ours, each of which starts the next.
    wrappers: Vec<String>,
    environment: Vec<(&'static str, String)>,
}

impl World {
    /// As the user is.
    pub(super) fn plain(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            varied: Vec::new(),
            wrappers: Vec::new(),
            environment: Vec::new(),
        }
    }

    /// Everything that must not matter is different.
    ///
    /// # Errors
    /// The library that turns clock and directories cannot be compiled.
    pub(super) fn skewed(work: &Path) -> Result<Self> {
        let source = work.join("skew.c");
        let library = work.join("skew.so");
        files::write_atomic(&source, SKEW.as_bytes(), 0o644)?;
        Command::new("gcc")
            .args(["-shared", "-fPIC", "-O2", "-o"])
            .arg(&library)
            .arg(&source)
            .run()?;
        let mut varied = vec![
            "another path of store and output".to_owned(),
            "time zone Pacific/Apia".to_owned(),
            "locale tr_TR.UTF-8".to_owned(),
            "umask 027".to_owned(),
            "one processor".to_owned(),
            "a clock 400 days later".to_owned(),
            "directories listed backwards".to_owned(),
        ];
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
        Ok(Self {
            folder: work.join("another/deeper/place/b"),
            varied,
            wrappers,
            environment: vec![
                ("TZ", "Pacific/Apia".to_owned()),
                ("LC_ALL", "tr_TR.UTF-8".to_owned()),
                ("LD_PRELOAD", library.display().to_string()),
                (PRELOAD, library.display().to_string()),
            ],
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

    /// Runs `program build-image ARGUMENTS` with an output folder of this world.
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
        command.arg("--store").arg(self.store()).run().map(drop)
    }
}
