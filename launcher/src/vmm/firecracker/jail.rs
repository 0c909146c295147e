//! The jail: a root folder of its own, a user without rights and a control group, made by us, entered by Firecracker's
//! jailer, removed by us.
//!
//! ```text
//! VM/jail/PROGRAM/NAME/root/    what Firecracker sees as its root and its working folder
//! VM/vsock.sock                 a link to the socket in there
//! CGROUP2/kindling/NAME-PID/    the control group
//! ```

use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use kindling_base::{Command, Context, Error, Result, files};

use super::VSOCK_SOCKET;
use super::cgroup::Group;
use super::settings::{Jail, Settings};
use crate::vm::spec::Spec;

/// The folder in a jail to which a snapshot is written.
const SAVING: &str = "saving";

/// The folder in a VM's folder that holds its jail.
const FOLDER: &str = "jail";

/// The place in which Firecracker works: the VM's folder, or its jail.
#[derive(Debug)]
pub(super) struct Place {
    /// Its working folder, as we see it.
    pub(super) folder: PathBuf,
    inside: Option<Inside>,
}

/// A snapshot that is being written.
#[derive(Debug)]
pub(super) struct Saving {
    /// The folder, as Firecracker has to call it.
    pub(super) path: PathBuf,
    /// The folder in the jail, as we see it.
    inside: Option<PathBuf>,
}

/// A jail that was made; removed when it is dropped.
#[derive(Debug)]
struct Inside {
    jail: Jail,
    /// The folder to remove.
    whole: PathBuf,
    /// The link to remove.
    vsock: PathBuf,
    group: Group,
}

impl Place {
    /// Makes the place for the VM in `folder`.
    ///
    /// # Errors
    /// A jail is wanted, and this process is not root or the files cannot be made.
    pub(super) fn make(folder: &Path, spec: &Spec, settings: &Settings) -> Result<Self> {
        let Some(jail) = settings.jail.clone() else {
            return Ok(Self {
                folder: folder.to_owned(),
                inside: None,
            });
        };
        if !rustix::process::geteuid().is_root() {
            return Err(
                Error::user("only root makes jails").hint("run as root, or leave out --jail")
            );
        }
        let whole = folder.join(FOLDER);
        files::remove(&whole)?; // what a crash left: the VM is ours
        let program = settings.program.file_name().unwrap_or_default();
        let root = whole.join(program).join(&spec.name).join("root");
        files::create_dir_all(&root)?;
        let vsock = folder.join(VSOCK_SOCKET);
        files::remove(&vsock)?;
        let inner = root.join(VSOCK_SOCKET);
        let target = inner.strip_prefix(folder).unwrap_or(&inner);
        symlink(target, &vsock).context(format!("cannot link {}", vsock.display()))?;
        let place = Self {
            folder: root,
            inside: Some(Inside {
                group: Group::make(&spec.name, spec.memory_mib)?,
                jail,
                whole,
                vsock,
            }),
        };
        place.give(&place.folder)?;
        Ok(place)
    }

    /// Makes a file that somebody else may read too, and nobody may change, reachable as `name`; returns its path as
    /// Firecracker has to call it.
    ///
    /// # Errors
    /// It can be neither linked nor copied.
    pub(super) fn read_only(&self, folder: &Path, file: &Path, name: &str) -> Result<PathBuf> {
        let Some(inside) = &self.inside else {
            return Ok(file.to_owned());
        };
        let source = folder.join(file);
        let target = self.folder.join(name);
        let mode = files::metadata(&source)?.permissions().mode();
        let readable = mode & 0o004 != 0;
        if !readable || std::fs::hard_link(&source, &target).is_err() {
            files::copy(&source, &target, 0o400)?;
            inside.jail.own(&target)?;
        }
        Ok(name.into())
    }

    /// Makes a file of the VM's own, which Firecracker writes to, reachable by its name; returns that.
    ///
    /// # Errors
    /// It cannot be linked.
    pub(super) fn writable(&self, folder: &Path, file: &Path) -> Result<PathBuf> {
        if self.inside.is_some() {
            let target = self.folder.join(file.file_name().unwrap_or_default());
            let source = folder.join(file);
            std::fs::hard_link(&source, &target).context(format!(
                "cannot link {} to {}",
                source.display(),
                target.display()
            ))?;
            self.give(&target)?;
            return Ok(file.file_name().unwrap_or_default().into());
        }
        Ok(file.to_owned())
    }

    /// Gives what is in the jail to its user.
    ///
    /// # Errors
    /// The operating system refuses.
    pub(super) fn give(&self, path: &Path) -> Result<()> {
        match &self.inside {
            Some(inside) => inside.jail.own(path),
            None => Ok(()),
        }
    }

    /// The place in which Firecracker may write a snapshot for the folder `into`.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub(super) fn saving(&self, into: &Path) -> Result<Saving> {
        if self.inside.is_none() {
            return Ok(Saving {
                path: into.to_owned(),
                inside: None,
            });
        }
        let folder = self.folder.join(SAVING);
        files::remove(&folder)?;
        files::create_dir_all(&folder)?;
        self.give(&folder)?;
        Ok(Saving {
            path: SAVING.into(),
            inside: Some(folder),
        })
    }

    /// Whether the process will change its user, which makes the kernel forget to end it with us.
    pub(super) fn is_jail(&self) -> bool {
        self.inside.is_some()
    }

    /// The command that starts the program, without the arguments that follow its name.
    pub(super) fn command(&self, settings: &Settings, name: &str) -> Command {
        let Some(inside) = &self.inside else {
            return Command::new(&settings.program)
                .directory(&self.folder)
                .args(["--id", name]);
        };
        let jail = &inside.jail;
        let command = Command::new(&jail.program)
            .args(["--id", name])
            .arg("--exec-file")
            .arg(&settings.program)
            .args([
                "--uid",
                &jail.uid.to_string(),
                "--gid",
                &jail.gid.to_string(),
            ])
            .arg("--chroot-base-dir")
            .arg(&inside.whole);
        let command = match inside.group.name() {
            // Without a --cgroup, the jailer moves itself into the group that is its "parent".
            Some(group) => command.args(["--cgroup-version", "2", "--parent-cgroup", group]),
            None => command,
        };
        command.arg("--")
    }
}

impl Saving {
    /// Takes the files out of the jail.
    ///
    /// # Errors
    /// They are not there, or cannot be moved or copied.
    pub(super) fn finish(self, into: &Path, names: &[&str]) -> Result<()> {
        let Some(folder) = self.inside else {
            return Ok(());
        };
        for name in names {
            let (from, to) = (folder.join(name), into.join(name));
            let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
            chown(&from, Some(user.as_raw()), Some(group.as_raw()))
                .context(format!("cannot take {} out of the jail", from.display()))?;
            if std::fs::rename(&from, &to).is_err() {
                files::copy(&from, &to, 0o600)?;
            }
        }
        files::remove(&folder)
    }
}

impl Jail {
    fn own(&self, path: &Path) -> Result<()> {
        chown(path, Some(self.uid), Some(self.gid)).context(format!(
            "cannot give {} to user {}",
            path.display(),
            self.uid
        ))
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        // What stays is removed with the VM.
        let _ = files::remove(&self.vsock);
        let _ = files::remove(&self.whole);
    }
}
