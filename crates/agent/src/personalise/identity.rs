//! Names by which a guest is known.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use kindling_protocol::Outcome;

use crate::named::at;

/// Sets the host's name, now and for the next boot.
pub(crate) fn hostname(name: &str) -> io::Result<Outcome> {
    if !is_hostname(name) {
        return Err(io::Error::other(format!(
            "`{}` is no name of a host",
            name.escape_debug()
        )));
    }
    rustix::system::sethostname(name.as_bytes())?;
    replace(Path::new("/etc/hostname"), &format!("{name}\n"), 0o644)?;
    let hosts = match fs::read_to_string("/etc/hosts") {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        other => other?,
    };
    replace(Path::new("/etc/hosts"), &with_name(&hosts, name), 0o644)?;
    Ok(Outcome::Done)
}

/// Whether this is a name of a host: letters, digits, `-` and `.`, at most what the kernel takes.
pub(crate) fn is_hostname(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    (1..=64).contains(&name.len()) && name.bytes().all(plain)
}

/// `/etc/hosts` with the host's own name at 127.0.1.1, as Debian has it.
fn with_name(hosts: &str, name: &str) -> String {
    let own = |line: &&str| line.split_whitespace().next() == Some("127.0.1.1");
    let mut lines: Vec<&str> = hosts.lines().filter(|line| !own(line)).collect();
    let at = hosts
        .lines()
        .position(|line| own(&line))
        .unwrap_or(lines.len());
    let line = format!("127.0.1.1 {name}");
    lines.insert(at.min(lines.len()), &line);
    lines.join("\n") + "\n"
}

/// Sets the machine's id: 32 hexadecimal digits (`machine-id(5)`).
pub(super) fn machine_id(id: &str) -> io::Result<Outcome> {
    let digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if id.len() != 32 || !id.bytes().all(digit) || id.bytes().all(|byte| byte == b'0') {
        return Err(io::Error::other(
            "not 32 lowercase hexadecimal digits, of which one is not zero",
        ));
    }
    replace(Path::new("/etc/machine-id"), &format!("{id}\n"), 0o444)?;
    Ok(Outcome::Done)
}

/// Writes a file at once, where it can be replaced, and in place where it is mounted on.
pub(crate) fn replace(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let named = at(path);
    if fs::read_to_string(path).is_ok_and(|before| before == text) {
        return Ok(());
    }
    let beside = path.with_extension("kindling-new");
    let replaced = fs::write(&beside, text)
        .and_then(|()| fs::set_permissions(&beside, PermissionsExt::from_mode(mode)))
        .and_then(|()| fs::rename(&beside, path));
    match replaced {
        Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
            let _ = fs::remove_file(&beside);
            fs::write(path, text).map_err(named)
        }
        other => other.map_err(named),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_name_is_replaced_where_it_stood() {
        let hosts = "127.0.0.1 localhost\n127.0.1.1 old old.example\n::1 localhost\n";
        let expected = "127.0.0.1 localhost\n127.0.1.1 new\n::1 localhost\n";
        assert_eq!(with_name(hosts, "new"), expected);
        assert_eq!(with_name(expected, "new"), expected);
        assert_eq!(
            with_name("127.0.1.10 x\n", "new"),
            "127.0.1.10 x\n127.0.1.1 new\n"
        );
        assert_eq!(with_name("", "new"), "127.0.1.1 new\n");
    }

    #[test]
    fn what_is_no_name_is_refused_before_anything_changes() {
        for name in ["", "a b", "a\n", &"x".repeat(65)] {
            assert!(hostname(name).is_err(), "{name}");
        }
        for id in ["", &"0".repeat(32), &"A".repeat(32), &"1".repeat(31)] {
            assert!(machine_id(id).is_err(), "{id}");
        }
    }

    #[test]
    fn a_file_is_replaced_with_its_mode() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("machine-id");
        for text in ["one\n", "two\n", "two\n"] {
            replace(&path, text, 0o444).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o444
        );
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
