//! dpkg's database, as dpkg would have written it after unpacking.

use std::collections::{HashMap, HashSet};
use std::fs::{File, FileTimes};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use kindling_base::{Context, Result, files};
use kindling_deb::{Control, ControlFile};

use super::append::append;
use super::triggers::{add_interests, defer_triggers, file_interests};
use crate::unpack::{Conffiles, Unpacked};

/// The database's folder in a root.
pub(crate) const ADMIN: &str = "var/lib/dpkg";

/// Makes the database of a system without packages.
///
/// # Errors
/// It cannot be written.
pub(crate) fn initialise(root: &Path, architecture: &str) -> Result<()> {
    let admin = root.join(ADMIN);
    for folder in ["info", "triggers", "updates"] {
        files::create_dir_all(&admin.join(folder))?;
    }
    files::write(&admin.join("status"), b"")?;
    files::write(&admin.join("info/format"), b"1\n")?;
    // dpkg needs it for foreign architectures only; mmdebstrap writes it always.
    files::write(&admin.join("arch"), format!("{architecture}\n").as_bytes())
}

/// Enters a batch of packages as unpacked, after what is in the database already.
///
/// # Errors
/// The database cannot be read or written.
pub(crate) fn record(
    root: &Path,
    batch: &[(&Control, &Unpacked)],
    conffiles: Conffiles,
) -> Result<()> {
    let admin = root.join(ADMIN);
    let installed = file_interests(&admin)?;
    let mut status = String::new();
    for (control, unpacked) in batch {
        status.push_str(&stanza(control, unpacked, conffiles));
        let info = |extension: &str| info_path(&admin, control, extension);
        for file in &control.files {
            write_control_file(&info(&file.name), file)?;
        }
        write_list(root, control, unpacked)?;
        if control.file("md5sums").is_none() {
            files::write(&info("md5sums"), &md5sums(control, unpacked))?;
        }
    }
    append(&admin.join("status"), status.as_bytes())?;
    add_interests(&admin, batch.iter().map(|(control, _)| *control))?;
    defer_triggers(
        &admin,
        &installed,
        batch.iter().map(|(_, unpacked)| *unpacked),
    )
}

/// Writes the list of a package's files.
///
/// # Errors
/// It cannot be written.
pub(crate) fn write_list(root: &Path, control: &Control, unpacked: &Unpacked) -> Result<()> {
    let mut list = Vec::new();
    for path in &unpacked.list {
        list.extend_from_slice(if path.is_empty() { b"/." } else { b"/" });
        list.extend_from_slice(path);
        list.push(b'\n');
    }
    files::write(&info_path(&root.join(ADMIN), control, "list"), &list)
}

/// Puts the files of a control.tar where dpkg has them while it runs a pre-installation script; debconf
/// finds the templates beside the script and takes the package's name from the control file.
///
/// # Errors
/// They cannot be written.
pub(crate) fn write_scripts(folder: &Path, control: &Control) -> Result<()> {
    files::remove(folder)?;
    files::create_dir_all(folder)?;
    files::write(&folder.join("control"), control.text().as_bytes())?;
    control
        .files
        .iter()
        .try_for_each(|file| write_control_file(&folder.join(&file.name), file))
}

fn info_path(admin: &Path, control: &Control, extension: &str) -> PathBuf {
    admin.join(format!("info/{}.{extension}", control.instance()))
}

/// The control file with `Status` and the state of the conffiles.
fn stanza(control: &Control, unpacked: &Unpacked, how: Conffiles) -> String {
    let mut text = String::new();
    for (name, value) in control.fields() {
        if name.eq_ignore_ascii_case("Status") || name.eq_ignore_ascii_case("Conffiles") {
            continue;
        }
        text.push_str(&format!("{name}: {value}\n"));
        if name.eq_ignore_ascii_case("Package") {
            text.push_str("Status: install ok unpacked\n");
        }
    }
    let conffiles = control.conffiles();
    if !conffiles.is_empty() {
        text.push_str("Conffiles:\n");
    }
    for conffile in conffiles {
        let hash = match how {
            Conffiles::InPlace => unpacked.md5.get(conffile.path.as_bytes()),
            Conffiles::Pending => None,
        };
        // `newconffile` tells dpkg to install the pending file when it configures the package.
        let hash = hash.map_or("newconffile", String::as_str);
        let flag = if conffile.remove_on_upgrade {
            " remove-on-upgrade"
        } else {
            ""
        };
        text.push_str(&format!(" /{} {hash}{flag}\n", conffile.path));
    }
    text.push('\n');
    text
}

/// The list of checksums that dpkg makes for a package that brings none.
fn md5sums(control: &Control, unpacked: &Unpacked) -> Vec<u8> {
    let conffiles: HashSet<Vec<u8>> = control
        .conffiles()
        .into_iter()
        .map(|conffile| conffile.path.into_bytes())
        .collect();
    let mut text = Vec::new();
    for path in unpacked
        .list
        .iter()
        .filter(|path| !conffiles.contains(*path))
    {
        if let Some(md5) = unpacked.md5.get(path) {
            text.extend_from_slice(md5.as_bytes());
            text.extend_from_slice(b"  ");
            text.extend_from_slice(path);
            text.push(b'\n');
        }
    }
    text
}

fn write_control_file(path: &Path, file: &ControlFile) -> Result<()> {
    files::write(path, &file.content)?;
    let what = || format!("cannot write {}", path.display());
    // dpkg extracts control files without the permission bits that its umask of 022 takes away.
    files::set_mode(path, file.mode & 0o755)?;
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(file.mtime.min(u32::MAX.into()));
    let open = File::options().append(true).open(path).context(what())?;
    open.set_times(FileTimes::new().set_modified(time))
        .context(what())
}

/// Takes paths out of the lists of packages that lost them to others.
///
/// # Errors
/// A list cannot be written.
pub(crate) fn forget(
    root: &Path,
    packages: &[Control],
    unpacked: &mut HashMap<usize, Unpacked>,
    lost: Vec<(usize, Vec<u8>)>,
) -> Result<()> {
    for (i, path) in lost {
        if let Some(loser) = unpacked.get_mut(&i)
            && let Some(at) = loser.list.iter().position(|listed| *listed == path)
        {
            loser.list.remove(at);
            write_list(root, &packages[i], loser)?;
        }
    }
    Ok(())
}
