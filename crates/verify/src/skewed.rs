//! The second world of a verification: everything that must not matter is different.

use std::path::{Path, PathBuf};

use kindling_base::{PRELOAD, Result, files};

use crate::Request;
use crate::user::{MOUNTED, User};
use crate::world::{CHECKOUT, PROGRAM, World, quoted};

/// The library that the second world's programs are preloaded with.
const SKEW: &str = include_str!("skew.c");
const SOURCE: &str = "skew.c";
const LIBRARY: &str = "skew.so";

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
const TOOLS: &str = "broken tools";

/// Variables that name a person's folders.
const HOMES: [&str; 3] = ["HOME", "CARGO_HOME", "TMPDIR"];

/// What differs for everybody; for root, who may change more, there is more.
const VARIED: [&str; 9] = [
    "another path of checkout, store and output, with spaces",
    "HOME, CARGO_HOME and TMPDIR elsewhere",
    "compilers, make and cargo of the machine that fail",
    "time zone Pacific/Apia",
    "locale tr_TR.UTF-8",
    "umask 027",
    "one processor",
    "a clock 400 days later",
    "directories listed backwards",
];

impl World {
    /// Everything that must not matter is different.
    ///
    /// # Errors
    /// The library that turns clock and directories cannot be compiled, or a folder cannot be written.
    pub(crate) fn skewed(work: &Path, request: &Request<'_>) -> Result<Self> {
        let folder = work.join("another/deeper place/b");
        request.project.copy(&folder.join(CHECKOUT))?;
        files::write_atomic(&folder.join(SOURCE), SKEW.as_bytes(), 0o644)?;
        request.project.compile(&folder, SOURCE, LIBRARY)?;
        break_tools(&folder.join(TOOLS))?;
        for name in HOMES {
            files::create_dir_all(&folder.join(name.to_lowercase()))?;
        }
        let user = User::of_this_machine();
        let mut world = Self {
            seen: match user {
                None => folder.clone(),
                Some(_) => PathBuf::from(MOUNTED),
            },
            has_own_user: user.is_some(),
            varied: VARIED.map(str::to_owned).to_vec(),
            wrappers: words("taskset --cpu-list 0"),
            setup: "umask 027\n".to_owned(),
            folder,
            ..Self::default()
        };
        // Only root gives a namespace another name and stays who it is.
        if rustix::process::geteuid().is_root() {
            world.varied.push("another host name".to_owned());
            world.wrappers.extend(words("unshare --uts --mount"));
            world.setup.push_str("hostname another.example\n");
        }
        if let Some(user) = user {
            world.varied.push("an ordinary user".to_owned());
            files::copy(request.program, &world.folder.join(PROGRAM), 0o755)?;
            world.program = Some(world.seen.join(PROGRAM));
            user.move_in(&world.folder)?;
            world.setup.push_str(&user.mounts(&world.folder));
            world.inside = user.becoming();
        }
        world.checkout = world.seen.join(CHECKOUT);
        let library = world.seen.join(LIBRARY);
        world
            .setup
            .push_str(&format!("export LD_PRELOAD={}\n", quoted(&library)));
        world.environment = environment(&world.seen, &library);
        Ok(world)
    }
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

/// Variables of the second world.
fn environment(seen: &Path, library: &Path) -> Vec<(&'static str, String)> {
    let path = std::env::var("PATH").unwrap_or_default();
    let tools = seen.join(TOOLS);
    let mut variables = vec![
        ("PATH", format!("{}:{path}", tools.display())),
        ("TZ", "Pacific/Apia".to_owned()),
        ("LC_ALL", "tr_TR.UTF-8".to_owned()),
        (PRELOAD, library.display().to_string()),
    ];
    let homes = HOMES.iter().map(|name| {
        let elsewhere = seen.join(name.to_lowercase());
        (*name, elsewhere.display().to_string())
    });
    variables.extend(homes);
    variables
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
