//! Another distribution's root as the machine of a build, with the store on another file system.

use std::path::{Path, PathBuf};

use kindling_base::{Result, files};

use crate::Request;
use crate::world::{CHECKOUT, OUT, PROGRAM, World, quoted};

/// The path at which builds find the world's folder.
const MOUNTED: &str = "/mnt";

/// The root of another machine.
#[derive(Clone, Debug)]
pub struct Host {
    /// What it is, for a person: `Debian 13 without a compiler`.
    pub name: String,
    /// Its root: a folder with a shell, with `/dev`, `/proc` and `/mnt`. Nothing in it changes.
    pub root: PathBuf,
    /// The file system that checkout and store are on.
    pub file_system: FileSystem,
}

/// A file system to build on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileSystem {
    /// In memory.
    Tmpfs,
    /// A layer over the file system of this machine's store.
    Overlay,
}

impl FileSystem {
    fn name(self) -> &'static str {
        match self {
            Self::Tmpfs => "tmpfs",
            Self::Overlay => "overlay",
        }
    }

    /// Shell commands that mount it on `$root/mnt`, with all that is in the folder `b`.
    fn mount(self) -> &'static str {
        match self {
            Self::Tmpfs => {
                "mount -t tmpfs -o mode=0755,size=80% builds \"$root/mnt\"
cp -a b/. \"$root/mnt\"
"
            }
            Self::Overlay => {
                "mkdir upper work
mount -t overlay -o lowerdir=b,upperdir=upper,workdir=work builds \"$root/mnt\"
"
            }
        }
    }
}

impl World {
    /// In the root of another machine, whose variables are its own. Only root may do this.
    ///
    /// # Errors
    /// A folder cannot be written.
    pub(crate) fn host(work: &Path, host: &Host, request: &Request<'_>) -> Result<Self> {
        let folder = work.join("b");
        request.project.copy(&folder.join(CHECKOUT))?;
        files::create_dir_all(&folder.join(OUT))?;
        files::copy(request.program, &folder.join(PROGRAM), 0o755)?;
        let seen = PathBuf::from(MOUNTED);
        // Names relative to the work folder: those of an overlay may not hold a comma or a colon.
        let setup = format!(
            "root={}
cd {}
mount --bind \"$root\" \"$root\"
mount --rbind /dev \"$root/dev\"
mount -t proc proc \"$root/proc\"
{}mount --bind b/{OUT} \"$root/mnt/{OUT}\"
",
            quoted(&host.root),
            quoted(work),
            host.file_system.mount(),
        );
        Ok(Self {
            folder,
            checkout: seen.join(CHECKOUT),
            program: Some(seen.join(PROGRAM)),
            seen,
            varied: vec![host.name.clone(), format!("on {}", host.file_system.name())],
            wrappers: ["unshare", "--mount"].map(str::to_owned).to_vec(),
            setup,
            inside: "chroot \"$root\"".to_owned(),
            environment: vec![
                ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin".to_owned()),
                ("HOME", "/root".to_owned()),
            ],
            has_environment_of_its_own: true,
            ..Self::default()
        })
    }
}
