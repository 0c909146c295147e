//! Removing what a configured tree has from the moment and the machine of its making.

use std::path::{Path, PathBuf};

use kindling_base::{Context, Result, files};

/// Files and folders that go, relative to the root. A `*` stands for any part of one name.
///
/// Logs, caches, backups and identities: each has times, random bytes or an order of no meaning in it, and
/// is made again where it is needed.
const REMOVED: [&str; 24] = [
    "etc/*-", // shadow's backups: passwd-, group-, shadow-, gshadow-, subuid-, subgid-
    "etc/.pwd.lock",
    "etc/adjtime",
    "etc/machine-info",
    "etc/ssh/ssh_host_*",
    "etc/ssl/certs/ssl-cert-snakeoil.pem",
    "etc/ssl/private/ssl-cert-snakeoil.key",
    "run/*",
    "tmp/*",
    "usr/sbin/policy-rc.d", // ours, for the time of configuration
    "usr/share/icons/*/icon-theme.cache",
    "var/cache/debconf/*-old",
    "var/lib/apt/lists/*",
    "var/lib/dbus/machine-id",
    "var/lib/dpkg/*-old",
    "var/lib/systemd/credential.secret",
    "var/lib/systemd/random-seed",
    "var/lib/ucf/*.[0-9]*",
    "var/log/alternatives.log",
    "var/log/apt/*",
    "var/log/bootstrap.log",
    "var/log/dpkg.log",
    "var/log/fontconfig.log",
    "var/tmp/*",
];

/// Tidies the tree at `root`.
///
/// # Errors
/// Something cannot be read, removed or written.
pub(crate) fn tidy(root: &Path) -> Result<()> {
    for pattern in REMOVED {
        for path in matches(root, pattern)? {
            files::remove(&path)?;
        }
    }
    // debconf's database is under the caches and none.
    remove_files(&root.join("var/cache"), &|path| {
        !path.starts_with(root.join("var/cache/debconf"))
    })?;
    remove_bytecode(&root.join("usr"))?;
    remove_bytecode(&root.join("etc"))?;
    // Empty, so that the first boot makes one, machine-id(5); systemd's package creates it.
    let id = root.join("etc/machine-id");
    if id.symlink_metadata().is_ok() {
        files::remove(&id)?;
        files::write_atomic(&id, b"", 0o444)?;
    }
    Ok(())
}

/// The paths that fit a pattern.
fn matches(root: &Path, pattern: &str) -> Result<Vec<PathBuf>> {
    let mut found = vec![root.to_owned()];
    for part in pattern.split('/') {
        let mut next = Vec::new();
        for folder in found {
            if !part.contains('*') {
                next.extend(Some(folder.join(part)).filter(|path| path.symlink_metadata().is_ok()));
                continue;
            }
            for path in list(&folder)? {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                if fits(name.as_bytes(), part.as_bytes()) {
                    next.push(path);
                }
            }
        }
        found = next;
    }
    Ok(found)
}

/// Whether a name fits a part of a pattern: `*` for any bytes, `[0-9]` for a digit.
fn fits(name: &[u8], part: &[u8]) -> bool {
    match (name, part) {
        ([], []) => true,
        (_, [b'*', part @ ..]) => (0..=name.len()).any(|skipped| fits(&name[skipped..], part)),
        ([digit, name @ ..], [b'[', b'0', b'-', b'9', b']', part @ ..]) => {
            digit.is_ascii_digit() && fits(name, part)
        }
        ([byte, name @ ..], [wanted, part @ ..]) => byte == wanted && fits(name, part),
        _ => false,
    }
}

/// What is in a folder; nothing if it is none.
fn list(folder: &Path) -> Result<Vec<PathBuf>> {
    if !folder.symlink_metadata().is_ok_and(|meta| meta.is_dir()) {
        return Ok(Vec::new());
    }
    let what = || format!("cannot read the folder {}", folder.display());
    std::fs::read_dir(folder)
        .context(what())?
        .map(|entry| Ok(entry.context(what())?.path()))
        .collect()
}

/// Removes the files below a folder for which `goes` holds; folders stay.
fn remove_files(folder: &Path, goes: &dyn Fn(&Path) -> bool) -> Result<()> {
    for path in list(folder)? {
        if path.symlink_metadata().is_ok_and(|meta| meta.is_dir()) {
            remove_files(&path, goes)?;
        } else if goes(&path) {
            files::remove(&path)?;
        }
    }
    Ok(())
}

/// Removes compiled Python, which holds the times of its sources.
fn remove_bytecode(folder: &Path) -> Result<()> {
    for path in list(folder)? {
        let directory = path.symlink_metadata().is_ok_and(|meta| meta.is_dir());
        let name = path.file_name().unwrap_or_default();
        let compiled = path.extension().is_some_and(|extension| extension == "pyc");
        if directory && name == "__pycache__" || !directory && compiled {
            files::remove(&path)?;
        } else if directory {
            remove_bytecode(&path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_stay_below_the_root() {
        // Joined to the root, an absolute path would name a file of this machine.
        let inside = |pattern: &&str| !pattern.starts_with('/') && !pattern.contains("..");
        assert!(REMOVED.iter().all(inside));
    }

    #[test]
    fn what_differs_from_run_to_run_goes_and_the_rest_stays() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let gone = [
            "etc/passwd-",
            "etc/ssh/ssh_host_rsa_key.pub",
            "run/lock/x",
            "usr/sbin/policy-rc.d",
            "usr/share/icons/hicolor/icon-theme.cache",
            "usr/lib/python3/__pycache__/a.pyc",
            "var/cache/man/index.db",
            "var/cache/debconf/config.dat-old",
            "var/lib/dpkg/status-old",
            "var/lib/ucf/hashfile.0",
            "var/log/dpkg.log",
        ];
        let kept = [
            "etc/passwd",
            "etc/ssh/sshd_config",
            "usr/share/icons/hicolor/index.theme",
            "usr/lib/python3/a.py",
            "var/cache/debconf/config.dat",
            "var/lib/dpkg/status",
            "var/lib/ucf/hashfile",
        ];
        for path in gone.iter().chain(&kept).chain(&["etc/machine-id"]) {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        }
        std::os::unix::fs::symlink("/nowhere", root.join("var/log/apt")).unwrap();
        tidy(root).unwrap();
        for path in gone {
            assert!(!root.join(path).exists(), "{path}");
        }
        for path in kept {
            assert!(root.join(path).exists(), "{path}");
        }
        assert!(root.join("var/cache/man").is_dir() && root.join("run").is_dir());
        assert_eq!(std::fs::read(root.join("etc/machine-id")).unwrap(), b"");
    }
}
