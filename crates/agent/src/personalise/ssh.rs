//! Host keys of sshd: those in the image or the snapshot are everybody's.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use kindling_protocol::Outcome;

const FOLDER: &str = "/etc/ssh";
/// The beginning of the names of keys, private and public.
const PREFIX: &str = "ssh_host_";

/// The kind that is made where there was none: quick to make, and every client since OpenSSH 6.5 (2014) takes it.
/// Keys of RSA take seconds where instructions are translated.
const KIND: &str = "ed25519";

/// Makes new keys where there are keys or an sshd, and lets one that runs take them. The kinds stay the same.
pub(super) fn new_host_keys() -> io::Result<Outcome> {
    let files: Vec<_> = match fs::read_dir(FOLDER) {
        Ok(entries) => entries.flatten().map(|entry| entry.file_name()).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    let names: Vec<_> = files.iter().filter_map(|name| name.to_str()).collect();
    let mut kinds = kinds(&names);
    // Keys without an sshd of Debian's are another server's, and everybody's all the same.
    let sshd = Path::new("/usr/sbin/sshd").exists();
    if kinds.is_empty() && !sshd {
        return Ok(Outcome::Absent);
    }
    for key in names.iter().filter(|name| name.starts_with(PREFIX)) {
        fs::remove_file(Path::new(FOLDER).join(key))?;
    }
    if kinds.is_empty() {
        kinds.push(KIND);
    }
    for kind in kinds {
        let file = format!("{FOLDER}/{PREFIX}{kind}_key");
        run("ssh-keygen", &["-q", "-t", kind, "-N", "", "-f", &file])?;
    }
    if sshd && Path::new("/run/systemd/system").is_dir() {
        // It reads its keys when it starts or is told to reload; `try`: one that does not run stays so.
        run(
            "systemctl",
            &["--no-block", "try-reload-or-restart", "ssh.service"],
        )?;
    }
    Ok(Outcome::Done)
}

/// The kinds of the private keys among the names of files: `ssh_host_KIND_key`.
fn kinds<'a>(names: &[&'a str]) -> Vec<&'a str> {
    let kind = |name: &&'a str| name.strip_prefix(PREFIX)?.strip_suffix("_key");
    names.iter().filter_map(kind).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_those_of_private_keys() {
        let names = [
            "moduli",
            "ssh_host_ed25519_key",
            "ssh_host_ed25519_key.pub",
            "ssh_host_rsa_key",
            "ssh_host_key_info",
        ];
        assert_eq!(kinds(&names), ["ed25519", "rsa"]);
    }
}
