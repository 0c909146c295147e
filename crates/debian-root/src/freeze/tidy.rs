//! Removes what a configured tree has from the moment and the machine of its making.

use std::path::{Path, PathBuf};

use kindling_base::{Context, Result, files};

/// Files and folders that go, relative to the root. A `*` stands for any part of one name.
///
/// Logs, caches, backups and identities: each has times, random bytes or an order of no meaning in it, and
/// is made again where it is needed.
const REMOVED: [&str; 23] = [
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

/// Folders of caches that stay: debconf's database is under the caches and none; fontconfig's is valid by the time of a
/// folder, for which it takes `SOURCE_DATE_EPOCH` as we do, and without it every program that draws text reads every font.
const CACHES_KEPT: [&str; 2] = ["var/cache/debconf", "var/cache/fontconfig"];

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
    remove_files(&root.join("var/cache"), &|path| {
        !CACHES_KEPT
            .iter()
            .any(|kept| path.starts_with(root.join(kept)))
    })?;
    remove_files(&root.join("var/lib/apt/lists"), &|_| true)?;
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

/// The entries of a folder; empty for anything else.
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

/// Removes compiled Python that holds the time of its source. Where `SOURCE_DATE_EPOCH` is set, as in our sandbox, Python
/// writes the hash of the source instead, and that stays: without it a program starts many times slower.
fn remove_bytecode(folder: &Path) -> Result<()> {
    for path in list(folder)? {
        if path.symlink_metadata().is_ok_and(|meta| meta.is_dir()) {
            remove_bytecode(&path)?;
        } else if path.extension().is_some_and(|extension| extension == "pyc") && !is_hashed(&path)?
        {
            files::remove(&path)?;
        }
    }
    Ok(())
}

/// Whether compiled Python goes by the hash of its source: the lowest bit of the second word, PEP 552.
fn is_hashed(path: &Path) -> Result<bool> {
    let head = files::read_start(path, 8)?;
    Ok(head.get(4).is_some_and(|flags| flags & 1 == 1))
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
            "usr/lib/python3/__pycache__/timed.pyc",
            "var/cache/man/index.db",
            "var/cache/debconf/config.dat-old",
            "var/lib/apt/lists/partial/x",
            "var/lib/dpkg/status-old",
            "var/lib/ucf/hashfile.0",
            "var/log/dpkg.log",
        ];
        let kept = [
            "etc/passwd",
            "etc/ssh/sshd_config",
            "usr/share/icons/hicolor/index.theme",
            "usr/lib/python3/a.py",
            "var/cache/fontconfig/a.cache-8",
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
        let hashed = root.join("usr/lib/python3/__pycache__/hashed.pyc");
        std::fs::write(&hashed, b"\xa7\r\r\n\x03\0\0\0").unwrap();
        let timed = root.join("usr/lib/python3/__pycache__/timed.pyc");
        std::fs::write(timed, b"\xa7\r\r\n\0\0\0\0").unwrap();
        tidy(root).unwrap();
        assert!(hashed.exists());
        for path in gone {
            assert!(!root.join(path).exists(), "{path}");
        }
        for path in kept {
            assert!(root.join(path).exists(), "{path}");
        }
        assert!(root.join("var/lib/apt/lists/partial").is_dir() && root.join("run").is_dir());
        assert_eq!(std::fs::read(root.join("etc/machine-id")).unwrap(), b"");
    }
}
