//! Starting a program.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use kindling_protocol::{Exec, Failure, Problem, Terminal};
use rustix::fs::{Mode, OFlags, fcntl_getfl, fcntl_setfl};
use rustix::process::{Gid, Signal, Uid};

use super::running::winsize;
use crate::user::{self, User};

/// The `PATH` of root and of others, as Debian's login has them (`/etc/login.defs`).
const ROOT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const USER_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// A program that was started, with our ends of what it reads and writes; none of them blocks.
pub(super) struct Spawned {
    pub(super) child: Child,
    pub(super) input: Option<File>,
    pub(super) output: Option<File>,
    pub(super) errors: Option<File>,
    /// Its terminal, if it has one.
    pub(super) terminal: Option<Arc<OwnedFd>>,
}

/// Starts the program, as the leader of a session of its own.
pub(super) fn spawn(exec: &Exec) -> Result<Spawned, Failure> {
    let name = exec.user.as_deref().unwrap_or("root");
    let user = user::find(name)
        .or_else(|| (name == "root").then(root))
        .ok_or_else(|| Failure {
            problem: Problem::NotFound,
            message: format!("the guest has no user `{name}`"),
        })?;
    let Some((program, arguments)) = exec.argv.split_first() else {
        return Err(Failure {
            problem: Problem::Unusable,
            message: "there is no program to run".into(),
        });
    };
    #[expect(
        clippy::disallowed_methods,
        reason = "the host says what runs and how; nothing of ours goes along"
    )]
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder(exec, &user)?);
    command.env_clear().envs(environment(exec, &user));
    let failed = |error: io::Error| {
        let (problem, why) = match error.kind() {
            io::ErrorKind::NotFound => (Problem::NotFound, "the guest has no such program".into()),
            io::ErrorKind::PermissionDenied => (Problem::Unusable, "it may not be run".into()),
            _ => (Problem::Unusable, error.to_string()),
        };
        Failure {
            problem,
            message: format!("cannot run `{program}`: {why}"),
        }
    };
    let terminal = exec
        .terminal
        .map(open_terminal)
        .transpose()
        .map_err(failed)?;
    prepare(&mut command, &user, terminal.is_some());
    match terminal {
        Some((ours, theirs)) => with_terminal(&mut command, ours, theirs),
        None => with_pipes(&mut command),
    }
    .map_err(failed)
}

fn with_pipes(command: &mut Command) -> io::Result<Spawned> {
    let (input, output) = (Stdio::piped(), Stdio::piped());
    let mut child = command
        .stdin(input)
        .stdout(output)
        .stderr(Stdio::piped())
        .spawn()?;
    let own = |fd: Option<OwnedFd>| -> io::Result<Option<File>> {
        fd.map(|fd| unblocked(fd).map(File::from)).transpose()
    };
    Ok(Spawned {
        input: own(child.stdin.take().map(OwnedFd::from))?,
        output: own(child.stdout.take().map(OwnedFd::from))?,
        errors: own(child.stderr.take().map(OwnedFd::from))?,
        child,
        terminal: None,
    })
}

fn with_terminal(command: &mut Command, ours: OwnedFd, theirs: OwnedFd) -> io::Result<Spawned> {
    command
        .stdin(theirs.try_clone()?)
        .stdout(theirs.try_clone()?)
        .stderr(theirs);
    let ours = unblocked(ours)?;
    let (input, output) = (ours.try_clone()?.into(), ours.try_clone()?.into());
    let child = command.spawn()?;
    // The command holds their end, which must close with the program.
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    Ok(Spawned {
        child,
        input: Some(input),
        output: Some(output),
        errors: None,
        terminal: Some(Arc::new(ours)),
    })
}

/// A new terminal: our end and the program's.
fn open_terminal(size: Terminal) -> io::Result<(OwnedFd, OwnedFd)> {
    use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let ours = openpt(flags)?;
    grantpt(&ours)?;
    unlockpt(&ours)?;
    let theirs = ioctl_tiocgptpeer(&ours, flags)?;
    rustix::termios::tcsetwinsize(&ours, winsize(size))?;
    Ok((ours, theirs))
}

fn unblocked(fd: OwnedFd) -> io::Result<OwnedFd> {
    fcntl_setfl(&fd, fcntl_getfl(&fd)? | OFlags::NONBLOCK)?;
    Ok(fd)
}

/// The steps of the new process before it becomes the program.
fn prepare(command: &mut Command, user: &User, terminal: bool) {
    let groups: Vec<Gid> = user.groups.iter().map(|gid| Gid::from_raw(*gid)).collect();
    let (uid, gid) = (Uid::from_raw(user.uid), Gid::from_raw(user.gid));
    let become_the_user = move || -> io::Result<()> {
        rustix::process::setsid()?;
        if terminal {
            #[expect(
                unsafe_code,
                reason = "the child's standard input is not std's to lend after a fork"
            )]
            // SAFETY: std has put the terminal at 0, and nothing closes it before the program runs.
            let stdin = unsafe { std::os::fd::BorrowedFd::borrow_raw(0) };
            rustix::process::ioctl_tiocsctty(stdin.as_fd())?;
        }
        be_expendable();
        rustix::thread::set_thread_groups(&groups)?;
        rustix::thread::set_thread_res_gid(gid, gid, gid)?;
        rustix::thread::set_thread_res_uid(uid, uid, uid)?;
        // The thread that starts it waits for it: it dies with the agent, which alone knows of its client. (Changing
        // users clears this, so it comes last.)
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
        Ok(())
    };
    #[expect(
        unsafe_code,
        reason = "std has no safe way to change all groups and to start a session"
    )]
    // SAFETY: between fork and exec this makes system calls only; it neither allocates nor locks.
    unsafe {
        command.pre_exec(become_the_user);
    }
}

/// The agent is spared when memory is short (`OOMScoreAdjust` of its unit); what it runs is not.
fn be_expendable() {
    let flags = OFlags::WRONLY | OFlags::CLOEXEC;
    if let Ok(file) = rustix::fs::open(c"/proc/self/oom_score_adj", flags, Mode::empty()) {
        let _ = rustix::io::write(file, b"0"); // a guest without it has no such scores
    }
}

/// The folder that the program runs in.
fn folder(exec: &Exec, user: &User) -> Result<PathBuf, Failure> {
    match &exec.cwd {
        Some(cwd) if Path::new(cwd).is_dir() => Ok(cwd.into()),
        Some(cwd) => Err(Failure {
            problem: Problem::NotFound,
            message: format!("the guest has no folder {cwd}"),
        }),
        None if user.home.is_dir() => Ok(user.home.clone()),
        None => Ok("/".into()),
    }
}

fn environment(exec: &Exec, user: &User) -> Vec<(String, String)> {
    let path = if user.uid == 0 { ROOT_PATH } else { USER_PATH };
    let home = user.home.to_string_lossy();
    let base = [
        ("HOME", &*home),
        ("USER", &user.name),
        ("LOGNAME", &user.name),
        ("SHELL", &user.shell),
        ("PATH", path),
    ];
    // What most terminals of today understand; the client's own comes in the request.
    let terminal = exec.terminal.map(|_| ("TERM", "xterm-256color"));
    let base = base.into_iter().chain(terminal);
    let own = exec.env.iter().map(|(k, v)| (k.clone(), v.clone()));
    base.map(|(k, v)| (k.to_owned(), v.to_owned()))
        .chain(own)
        .collect()
}

/// Root, in an image without /etc/passwd.
fn root() -> User {
    User {
        name: "root".into(),
        uid: 0,
        gid: 0,
        groups: vec![0],
        home: "/".into(),
        shell: "/bin/sh".into(),
    }
}
