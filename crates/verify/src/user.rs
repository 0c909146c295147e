//! An ordinary user for the second world, where root verifies: an account that only that build sees.

use std::path::Path;

use kindling_base::{Command, Result, files};

use crate::world::quoted;

/// The path at which the user finds the world's folder, whose own place may be root's alone.
pub(crate) const MOUNTED: &str = "/mnt";

/// The user's id, which no account has.
const ID: u32 = 64_321;

/// Name of the account.
const NAME: &str = "kindling-verify";

/// The first of its subordinate ids.
const SUBORDINATE: u32 = 500_000;

/// An account to make.
#[derive(Debug)]
pub(crate) struct User(());

impl User {
    /// A user, if this process may become another and the machine has what a user's sandbox needs.
    pub(crate) fn of_this_machine() -> Option<Self> {
        let root = rustix::process::geteuid().is_root();
        let can = root
            && ["newuidmap", "newgidmap", "setpriv"]
                .iter()
                .all(|program| Command::new(program).arg("--help").output().is_ok())
            && Path::new("/etc/subuid").exists()
            && Path::new("/etc/subgid").exists()
            && Path::new(MOUNTED).is_dir();
        can.then_some(Self(()))
    }

    /// Writes the account's files into the world's folder.
    ///
    /// # Errors
    /// They cannot be written.
    pub(crate) fn move_in(&self, folder: &Path) -> Result<()> {
        let accounts = files::read_text(Path::new("/etc/passwd"))?;
        let account = format!("{accounts}{NAME}:x:{ID}:{ID}::/nonexistent:/bin/sh\n");
        files::write(&folder.join("passwd"), account.as_bytes())?;
        let ids = format!("{NAME}:{SUBORDINATE}:65536\n");
        files::write(&folder.join("ids"), ids.as_bytes())
    }

    /// Shell commands that show the user its folder and its account, in namespaces of their own.
    pub(crate) fn mounts(&self, folder: &Path) -> String {
        let folder = quoted(folder);
        format!(
            "mount --bind {folder} {MOUNTED}
mount --bind {MOUNTED}/passwd /etc/passwd
mount --bind {MOUNTED}/ids /etc/subuid
mount --bind {MOUNTED}/ids /etc/subgid
"
        )
    }

    /// Shell words that start a program as the user.
    pub(crate) fn becoming(&self) -> String {
        format!("setpriv --reuid {ID} --regid {ID} --clear-groups --")
    }
}

/// Makes everything below `folder` the user's but downloads and results of stages in the store: these files are links to
/// those of the store that they were lent from.
///
/// # Errors
/// It cannot be changed.
pub(crate) fn own(folder: &Path) -> Result<()> {
    let lent = ["*/store/blobs/*", "*/store/stages/*"];
    let [blobs, stages] = lent.map(|pattern| ["-not", "-path", pattern]);
    Command::new("find")
        .arg(folder)
        .args(["(", "-type", "d", "-o"])
        .args(blobs)
        .args(stages)
        .args([")", "-exec", "chown", "--no-dereference"])
        .args([&format!("{ID}:{ID}"), "{}", "+"])
        .run()
        .map(drop)
}
