//! Running one program with a folder as its root.

use std::io::{Read, Seek, SeekFrom};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};

use kindling_base::{Command, Context, Error, PRELOAD, Result, files};
use rustix::fs::Mode;
use rustix::mount::{MountFlags, UnmountFlags};
use rustix::thread::UnshareFlags;
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};
use serde::{Deserialize, Serialize};

use super::STAGE;

/// The variable that carries an [`Entry`].
const ENTRY: &str = "KINDLING_SANDBOX_ENTRY";

/// Lines of a program's output that an error shows.
const TAIL_LINES: usize = 20;

/// Devices that maintainer scripts may use. They are the machine's, bound, because a user namespace
/// cannot make devices.
const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

const DEVICE_LINKS: [(&str, &str); 5] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
];

/// Stands in for start-stop-daemon(8): services do not start while an image is built.
const NO_DAEMON: &str = "#!/bin/sh\nexit 0\n";

/// A root in which the inner process runs programs.
#[derive(Debug)]
pub(crate) struct Sandbox {
    pub(crate) root: PathBuf,
    /// Gets all output.
    pub(crate) log: PathBuf,
    /// The programs' `SOURCE_DATE_EPOCH`, in seconds since 1970.
    pub(crate) epoch: i64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    root: PathBuf,
    argv: Vec<String>,
    env: Vec<(String, String)>,
    services: bool,
}

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Where stand-ins are, in a file system of their own that ends with the program.
const STAND_INS: &str = "/dev/.kindling";

/// The library that [`PRELOAD`] names, among the stand-ins.
const PRELOADED: &str = "preload.so";

/// [`PATH`], stand-ins first.
const PATH_WITH_STAND_INS: &str =
    "/dev/.kindling:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

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

impl Sandbox {
    /// Runs a program in the root and returns what it printed.
    ///
    /// It prints straight into the log and not into a pipe, which a daemon that it leaves behind would keep
    /// open. With `services`, the real start-stop-daemon is in place.
    ///
    /// # Errors
    /// It could not be started or failed; the error shows the end of its output and names the log.
    pub(crate) fn run(
        &self,
        argv: &[String],
        env: &[(&str, &str)],
        services: bool,
    ) -> Result<String> {
        let own = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
        let epoch = self.epoch.to_string();
        let base = [
            ("PATH", if services { PATH } else { PATH_WITH_STAND_INS }),
            ("HOME", "/root"),
            ("TERM", "dumb"),
            ("LC_ALL", "C.UTF-8"),
            ("TZ", "UTC"),
            ("DEBIAN_FRONTEND", "noninteractive"),
            ("DEBCONF_NONINTERACTIVE_SEEN", "true"),
            ("SOURCE_DATE_EPOCH", epoch.as_str()),
        ];
        let entry = Entry {
            root: self.root.clone(),
            argv: argv.to_vec(),
            env: base
                .into_iter()
                .chain(env.iter().copied())
                .map(own)
                .collect(),
            services,
        };
        let entry = serde_json::to_string(&entry).map_err(|error| {
            Error::internal("cannot describe a sandboxed program").because(error)
        })?;
        let what = || format!("cannot write the log {}", self.log.display());
        let mut options = std::fs::File::options();
        let mut log = options
            .create(true)
            .read(true)
            .append(true)
            .open(&self.log)
            .context(what())?;
        let start = log.seek(SeekFrom::End(0)).context(what())?;
        let mut command = Command::new("/proc/self/exe")
            .env(STAGE, "enter")
            .env(ENTRY, entry)
            .to_std();
        command
            .stdout(log.try_clone().context(what())?)
            .stderr(log.try_clone().context(what())?);
        let status = command
            .status()
            .context(format!("cannot start `{}` in the sandbox", argv.join(" ")))?;
        let mut printed = Vec::new();
        log.seek(SeekFrom::Start(start))
            .and_then(|_| log.read_to_end(&mut printed))
            .context(format!("cannot read {}", self.log.display()))?;
        let printed = String::from_utf8_lossy(&printed).into_owned();
        if status.success() {
            return Ok(printed);
        }
        let lines: Vec<&str> = printed.lines().collect();
        let tail = lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n");
        Err(Error::external(format!(
            "`{}` failed in the sandbox: {status}",
            argv.join(" ")
        ))
        .note(tail)
        .note(format!("whole log: {}", self.log.display())))
    }
}

/// The last stage of the helper: becomes the program.
#[expect(clippy::print_stderr, reason = "standard error is the program's log")]
pub(super) fn run() -> i32 {
    let failure = match become_program() {
        Ok(never) => match never {},
        Err(error) => error,
    };
    eprintln!("{}", failure.report());
    1
}

fn become_program() -> Result<std::convert::Infallible> {
    let entry = std::env::var(ENTRY)
        .map_err(|error| Error::internal("the sandbox has no program to run").because(error))?;
    let entry: Entry = serde_json::from_str(&entry)
        .map_err(|error| Error::internal("the sandbox has no program to run").because(error))?;
    let [program, args @ ..] = entry.argv.as_slice() else {
        return Err(Error::internal("the sandbox has no program to run"));
    };
    #[expect(
        unsafe_code,
        reason = "rustix leaves sharing of descriptors to the caller"
    )]
    // SAFETY: the process has one thread and keeps its table of descriptors.
    unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNS) }
        .context("cannot make a mount namespace")?;
    mount(&entry.root, entry.services)?;
    change_root(&entry.root)?;
    ignore_syncs()?;
    rustix::process::umask(Mode::WGRP | Mode::WOTH);
    let mut command = Command::new(program).args(args).to_std();
    command.env_clear().envs(entry.env).current_dir("/");
    if !entry.services && std::env::var_os(PRELOAD).is_some() {
        command.env("LD_PRELOAD", Path::new(STAND_INS).join(PRELOADED));
    }
    Err(Error::external(format!("cannot start `{program}`")).because(command.exec()))
}

/// Mounts /proc, /dev and the stand-in for services; the mounts go with the process.
fn mount(root: &Path, services: bool) -> Result<()> {
    let what = |path: &Path| format!("cannot mount {}", path.display());
    rustix::mount::mount_bind(root, root).context(what(root))?;
    let strict = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    let tmpfs = |path: &Path, flags, options: &std::ffi::CStr| {
        rustix::mount::mount("tmpfs", path, "tmpfs", flags, options).context(what(path))
    };
    for folder in ["proc", "dev"] {
        refuse_link(&root.join(folder))?;
    }
    let proc = root.join("proc");
    rustix::mount::mount("proc", &proc, "proc", strict, None).context(what(&proc))?;
    let dev = root.join("dev");
    tmpfs(&dev, MountFlags::NOSUID | MountFlags::NOEXEC, c"mode=0755")?;
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
    tmpfs(&shm, strict, c"mode=1777")?;
    files::create_dir_all(&pts)?;
    let options = c"newinstance,ptmxmode=0666,mode=0620,gid=5";
    let flags = MountFlags::NOSUID | MountFlags::NOEXEC;
    rustix::mount::mount("devpts", &pts, "devpts", flags, options).context(what(&pts))?;
    if !services {
        stand_ins(root)?;
    }
    Ok(())
}

/// Puts programs of ours in the way of those that must not or need not run while packages are configured.
fn stand_ins(root: &Path) -> Result<()> {
    let what = |path: &Path| format!("cannot mount {}", path.display());
    let folder = root.join(STAND_INS.trim_start_matches('/'));
    files::create_dir_all(&folder)?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    rustix::mount::mount("tmpfs", &folder, "tmpfs", flags, c"mode=0755").context(what(&folder))?;
    if let Some(library) = std::env::var_os(PRELOAD) {
        files::copy(Path::new(&library), &folder.join(PRELOADED), 0o755)?;
    }
    for name in POINTLESS {
        files::write_atomic(&folder.join(name), b"#!/bin/sh\nexit 0\n", 0o755)?;
    }
    // Python's own packages compile their library by this module, called by its path.
    for compiler in python_compilers(root)? {
        let module = folder.join("py_compile.py");
        files::write_atomic(&module, b"def compile(*_, **__): pass\n", 0o644)?;
        rustix::mount::mount_bind(&module, &compiler).context(what(&compiler))?;
    }
    let daemon = root.join("usr/sbin/start-stop-daemon");
    if std::fs::symlink_metadata(&daemon).is_ok_and(|meta| meta.is_file()) {
        refuse_link(&root.join("usr"))?;
        refuse_link(&root.join("usr/sbin"))?;
        let script = folder.join("start-stop-daemon");
        files::write_atomic(&script, NO_DAEMON.as_bytes(), 0o755)?;
        rustix::mount::mount_bind(&script, &daemon).context(what(&daemon))?;
    }
    Ok(())
}

/// `usr/lib/python3*/py_compile.py`.
fn python_compilers(root: &Path) -> Result<Vec<PathBuf>> {
    let library = root.join("usr/lib");
    if refuse_link(&root.join("usr")).is_err() || refuse_link(&library).is_err() {
        return Ok(Vec::new());
    }
    let folders = files::list(&library)?.into_iter().filter(|folder| {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("python3") && refuse_link(folder).is_ok()
    });
    let modules = folders.map(|folder| folder.join("py_compile.py"));
    let is_file = |path: &PathBuf| std::fs::symlink_metadata(path).is_ok_and(|meta| meta.is_file());
    Ok(modules.filter(is_file).collect())
}

/// The paths here are the machine's: a link that a package planted would lead out of the tree.
fn refuse_link(path: &Path) -> Result<()> {
    match std::fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => Ok(()),
        _ => Err(Error::user(format!(
            "the tree has no directory {}",
            path.display()
        ))),
    }
}

fn change_root(root: &Path) -> Result<()> {
    let what = || format!("cannot make {} the root", root.display());
    rustix::process::chdir(root).context(what())?;
    // Both arguments may be the same folder, pivot_root(2): the old root then lies over the new one.
    rustix::process::pivot_root(".", ".").context(what())?;
    rustix::mount::unmount(".", UnmountFlags::DETACH).context(what())?;
    rustix::process::chdir("/").context(what())
}

/// Makes fsync and its kin do nothing: the tree is thrown away if the machine stops, and dpkg's database
/// asks for thousands of them. As `systemd-nspawn --suppress-sync` does it.
fn ignore_syncs() -> Result<()> {
    let what = "cannot make a system call filter";
    let calls = [
        libc::SYS_fsync,
        libc::SYS_fdatasync,
        libc::SYS_sync,
        libc::SYS_syncfs,
        libc::SYS_sync_file_range,
        libc::SYS_msync,
    ];
    let architecture = std::env::consts::ARCH
        .try_into()
        .map_err(|error: seccompiler::BackendError| Error::internal(what).because(error))?;
    let filter = SeccompFilter::new(
        calls.into_iter().map(|call| (call, Vec::new())).collect(),
        SeccompAction::Allow,
        SeccompAction::Errno(0),
        architecture,
    );
    let program: BpfProgram = filter
        .and_then(TryInto::try_into)
        .map_err(|error| Error::internal(what).because(error))?;
    seccompiler::apply_filter(&program).map_err(|error| Error::internal(what).because(error))
}
