//! The file systems that a program finds in its root; all of them go with the program.

use std::path::{Path, PathBuf};

use kindling_base::{Context, Error, PRELOAD, Result, files};
use rustix::mount::MountFlags;

use crate::program::{Bind, Program, STAND_INS, StandIn};

/// Devices that programs may use. They are the machine's, bound, because a user namespace cannot make devices.
const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

const DEVICE_LINKS: [(&str, &str); 5] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
];

/// The name of the library that [`PRELOAD`] names, among the stand-ins.
pub(crate) const PRELOADED: &str = "preload.so";

/// Mounts `/proc`, `/dev`, the binds and the stand-ins of a program.
pub(crate) fn mount(program: &Program) -> Result<()> {
    let root = &program.root;
    rustix::mount::mount_bind(root, root).context(what(root))?;
    for folder in ["proc", "dev"] {
        refuse_link(&root.join(folder))?;
    }
    let proc = root.join("proc");
    rustix::mount::mount("proc", &proc, "proc", strict(), None).context(what(&proc))?;
    devices(&root.join("dev"))?;
    for from in &program.binds {
        bind(root, from)?;
    }
    stand_ins(root, &program.stand_ins)?;
    if program.read_only {
        let tmp = inside(root, Path::new("/tmp"))?;
        tmpfs(&tmp, MountFlags::NOSUID | MountFlags::NODEV, c"mode=1777")?;
        read_only(root)?;
    }
    Ok(())
}

fn what(path: &Path) -> String {
    format!("cannot mount {}", path.display())
}

/// The flags of a file system in which nothing can be started.
fn strict() -> MountFlags {
    MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC
}

fn tmpfs(path: &Path, flags: MountFlags, options: &std::ffi::CStr) -> Result<()> {
    rustix::mount::mount("tmpfs", path, "tmpfs", flags, options).context(what(path))
}

fn devices(dev: &Path) -> Result<()> {
    let flags = MountFlags::NOSUID | MountFlags::NOEXEC;
    tmpfs(dev, flags, c"mode=0755")?;
    for device in DEVICES {
        let target = dev.join(device);
        files::create(&target)?;
        let source = Path::new("/dev").join(device);
        rustix::mount::mount_bind(&source, &target).context(what(&target))?;
    }
    for (name, target) in DEVICE_LINKS {
        let link = dev.join(name);
        std::os::unix::fs::symlink(target, &link)
            .context(format!("cannot create {}", link.display()))?;
    }
    let (shm, pts) = (dev.join("shm"), dev.join("pts"));
    files::create_dir_all(&shm)?;
    tmpfs(&shm, strict(), c"mode=1777")?;
    files::create_dir_all(&pts)?;
    let options = c"newinstance,ptmxmode=0666,mode=0620,gid=5";
    rustix::mount::mount("devpts", &pts, "devpts", flags, options).context(what(&pts))
}

/// Shows something of the machine in the root.
fn bind(root: &Path, bind: &Bind) -> Result<()> {
    let at = inside(root, &bind.at)?;
    if at.is_symlink() {
        refuse_link(&at)?;
    }
    rustix::mount::mount_bind(&bind.from, &at).context(what(&at))?;
    match bind.writable {
        true => Ok(()),
        false => read_only(&at),
    }
}

/// Makes a bind read-only. Only a second call does that, mount(2); in a user namespace it has to keep the flags that are there.
fn read_only(at: &Path) -> Result<()> {
    let there = rustix::fs::statvfs(at).context(what(at))?.f_flag;
    let kept = [
        (rustix::fs::StatVfsMountFlags::NOSUID, MountFlags::NOSUID),
        (rustix::fs::StatVfsMountFlags::NODEV, MountFlags::NODEV),
        (rustix::fs::StatVfsMountFlags::NOEXEC, MountFlags::NOEXEC),
        (rustix::fs::StatVfsMountFlags::NOATIME, MountFlags::NOATIME),
        (
            rustix::fs::StatVfsMountFlags::NODIRATIME,
            MountFlags::NODIRATIME,
        ),
        (
            rustix::fs::StatVfsMountFlags::RELATIME,
            MountFlags::RELATIME,
        ),
    ];
    let kept = kept.into_iter().filter(|(flag, _)| there.contains(*flag));
    let flags = kept.fold(MountFlags::RDONLY | MountFlags::BIND, |flags, (_, flag)| {
        flags | flag
    });
    rustix::mount::mount_remount(at, flags, "").context(what(at))
}

/// Puts files of ours in the way of those of the root, and the library that is to be preloaded.
fn stand_ins(root: &Path, all: &[StandIn]) -> Result<()> {
    let preload = std::env::var_os(PRELOAD);
    if all.is_empty() && preload.is_none() {
        return Ok(());
    }
    let folder = root.join(STAND_INS.trim_start_matches('/'));
    files::create_dir_all(&folder)?;
    tmpfs(
        &folder,
        MountFlags::NOSUID | MountFlags::NODEV,
        c"mode=0755",
    )?;
    if let Some(library) = preload {
        files::copy(Path::new(&library), &folder.join(PRELOADED), 0o755)?;
    }
    for one in all {
        let file = folder.join(&one.name);
        files::write_atomic(&file, one.content.as_bytes(), one.mode)?;
        for path in &one.over {
            let meta = std::fs::symlink_metadata(root.join(path.strip_prefix("/").unwrap_or(path)));
            if meta.is_ok_and(|meta| meta.is_file()) {
                let target = inside(root, path)?;
                rustix::mount::mount_bind(&file, &target).context(what(&target))?;
            }
        }
    }
    Ok(())
}

/// A path of the root as one of the machine; a link on the way is refused, because it would lead out of the root.
fn inside(root: &Path, path: &Path) -> Result<PathBuf> {
    let path = path.strip_prefix("/").unwrap_or(path);
    let mut folder = root.to_owned();
    for part in path.parent().into_iter().flat_map(Path::components) {
        folder.push(part);
        refuse_link(&folder)?;
    }
    Ok(root.join(path))
}

fn refuse_link(path: &Path) -> Result<()> {
    match std::fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => Ok(()),
        _ => Err(Error::user(format!(
            "the tree has no directory {}",
            path.display()
        ))),
    }
}
