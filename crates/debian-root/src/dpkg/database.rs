//! dpkg's database, as dpkg would have written it after unpacking.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs::{self, File, FileTimes};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::root::split;
use crate::unpack::{Conffiles, Unpacked};
use kindling_base::{Context, Result, files};
use kindling_deb::{Control, ControlFile};

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
    write(&admin.join("status"), b"")?;
    write(&admin.join("info/format"), b"1\n")?;
    // dpkg needs it for foreign architectures only; mmdebstrap writes it always.
    write(&admin.join("arch"), format!("{architecture}\n").as_bytes())
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
            write(&info("md5sums"), &md5sums(control, unpacked))?;
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
    write(&info_path(&root.join(ADMIN), control, "list"), &list)
}

/// Puts the files of a control.tar where dpkg has them while it runs a pre-installation script; debconf
/// finds the templates beside the script and takes the package's name from the control file.
///
/// # Errors
/// They cannot be written.
pub(crate) fn write_scripts(folder: &Path, control: &Control) -> Result<()> {
    files::remove(folder)?;
    files::create_dir_all(folder)?;
    write(&folder.join("control"), control.text().as_bytes())?;
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

/// The paths in which installed packages are interested.
fn file_interests(admin: &Path) -> Result<HashSet<Vec<u8>>> {
    let path = admin.join("triggers/File");
    if !path.exists() {
        return Ok(HashSet::new());
    }
    let text = files::read(&path)?;
    Ok(text
        .split(|&b| b == b'\n')
        .filter_map(|line| line.strip_prefix(b"/"))
        .filter_map(|line| Some(line[..line.iter().rposition(|&b| b == b' ')?].to_vec()))
        .collect())
}

/// Enters the triggers in which packages are interested: deb-triggers(5), and dpkg's doc/triggers.txt
/// for the files.
fn add_interests<'a>(admin: &Path, packages: impl Iterator<Item = &'a Control>) -> Result<()> {
    let mut interests: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for control in packages {
        for line in control.lines("triggers") {
            let mut words = line.split_whitespace();
            let suffix = match words.next() {
                Some("interest" | "interest-await") => "",
                Some("interest-noawait") => "/noawait",
                _ => continue,
            };
            if let Some(trigger) = words.next() {
                let package = format!("{}{suffix}", control.instance());
                interests
                    .entry(trigger.to_owned())
                    .or_default()
                    .insert(package);
            }
        }
    }
    for (trigger, packages) in interests {
        for package in packages {
            if trigger.starts_with('/') {
                let line = format!("{trigger} {package}\n");
                append(&admin.join("triggers/File"), line.as_bytes())?;
            } else if !trigger.contains('/') {
                let line = format!("{package}\n");
                append(&admin.join("triggers").join(&trigger), line.as_bytes())?;
            }
        }
    }
    Ok(())
}

/// Activates the file triggers of installed packages, the way dpkg-trigger(1) does: in a list that the next
/// dpkg takes up. Packages of the same batch need no trigger, because they are configured after this.
fn defer_triggers<'a>(
    admin: &Path,
    installed: &HashSet<Vec<u8>>,
    batch: impl Iterator<Item = &'a Unpacked>,
) -> Result<()> {
    let mut activated: BTreeSet<&[u8]> = BTreeSet::new();
    for path in batch.flat_map(|unpacked| &unpacked.list) {
        let mut rest = path.as_slice();
        while !rest.is_empty() {
            if let Some(interest) = installed.get(rest) {
                activated.insert(interest);
            }
            rest = split(rest).0;
        }
    }
    let mut lines = Vec::new();
    for path in activated {
        lines.extend_from_slice(&[b"/", path, b" -\n"].concat());
    }
    append(&admin.join("triggers/Unincorp"), &lines)
}

fn write_control_file(path: &Path, file: &ControlFile) -> Result<()> {
    write(path, &file.content)?;
    let what = || format!("cannot write {}", path.display());
    // dpkg extracts control files without the permission bits that its umask of 022 takes away.
    fs::set_permissions(path, PermissionsExt::from_mode(file.mode & 0o755)).context(what())?;
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(file.mtime.min(u32::MAX.into()));
    let open = File::options().append(true).open(path).context(what())?;
    open.set_times(FileTimes::new().set_modified(time))
        .context(what())
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).context(format!("cannot write {}", path.display()))
}

fn append(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut options = File::options();
    options.append(true).create(true).mode(0o644);
    options
        .open(path)
        .and_then(|mut file| file.write_all(bytes))
        .context(format!("cannot write {}", path.display()))
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
