//! Host keys of sshd: those in the image or the snapshot are everybody's.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use kindling_protocol::Outcome;

const FOLDER: &str = "/etc/ssh";

/// Makes new keys where there are keys or an sshd, and lets one that runs take them.
pub(super) fn new_host_keys() -> io::Result<Outcome> {
    let is_key =
        |entry: &fs::DirEntry| entry.file_name().to_string_lossy().starts_with("ssh_host_");
    let keys: Vec<_> = match fs::read_dir(FOLDER) {
        Ok(entries) => entries.flatten().filter(is_key).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    // Keys without an sshd of Debian's are another server's, and everybody's all the same.
    let sshd = Path::new("/usr/sbin/sshd").exists();
    if keys.is_empty() && !sshd {
        return Ok(Outcome::Absent);
    }
    for key in keys {
        fs::remove_file(key.path())?;
    }
    run("ssh-keygen", &["-A"])?;
    if sshd && Path::new("/run/systemd/system").is_dir() {
        // It reads its keys when it starts or is told to reload; `try`: one that does not run stays so.
        run(
            "systemctl",
            &["--no-block", "try-reload-or-restart", "ssh.service"],
        )?;
    }
    Ok(Outcome::Done)
}

fn run(program: &str, arguments: &[&str]) -> io::Result<()> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the guest's own programs, by the agent, which shares no code with the builder"
    )]
    let output = Command::new(program)
        .args(arguments)
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .stdin(Stdio::null())
        .output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!(
        "{program}: {}: {}",
        output.status,
        said.trim()
    )))
}
