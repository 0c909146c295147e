//! Host keys of sshd: those in the image or the snapshot are everybody's.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use kindling_protocol::Outcome;

const FOLDER: &str = "/etc/ssh";

/// Makes new keys where there is an sshd, and lets one that runs take them.
pub(super) fn new_host_keys() -> io::Result<Outcome> {
    if !Path::new("/usr/sbin/sshd").exists() {
        return Ok(Outcome::Absent);
    }
    for entry in fs::read_dir(FOLDER)?.flatten() {
        if entry.file_name().to_string_lossy().starts_with("ssh_host_") {
            fs::remove_file(entry.path())?;
        }
    }
    run("ssh-keygen", &["-A"])?;
    if Path::new("/run/systemd/system").is_dir() {
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
