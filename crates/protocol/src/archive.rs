//! The bytes of a copy: a tar archive of a file, or of a folder with all that is in it. Modes and modification times are
//! kept, owners are not: what is copied belongs to who receives it.

use std::collections::HashSet;
use std::fs::{self, File, FileTimes, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use tar::{Archive, Builder, EntryType, Header};

/// The name of the entry when a single file is copied.
const FILE: &str = "file";

/// Writes `source`, a file or a folder, as an archive; a symbolic link that it is itself is followed.
///
/// # Errors
/// Something in it cannot be read (the error names it), is neither a file, a folder nor a symbolic link, or the archive
/// cannot be written.
pub fn pack(source: &Path, out: &mut dyn Write) -> io::Result<()> {
    let mut builder = Builder::new(out);
    builder.follow_symlinks(false);
    if fs::metadata(source)
        .map_err(|error| named(source, &error))?
        .is_dir()
    {
        pack_folder(&mut builder, source, Path::new("."))?;
    } else {
        pack_file(&mut builder, source, Path::new(FILE))?;
    }
    builder.into_inner()?.flush()
}

fn pack_folder(builder: &mut Builder<&mut dyn Write>, from: &Path, name: &Path) -> io::Result<()> {
    builder
        .append_dir(name, from)
        .map_err(|error| named(from, &error))?;
    let mut names = Vec::new();
    for entry in fs::read_dir(from).map_err(|error| named(from, &error))? {
        names.push(entry.map_err(|error| named(from, &error))?.file_name());
    }
    names.sort_unstable();
    for each in names {
        let (path, name) = (from.join(&each), name.join(&each));
        let kind = fs::symlink_metadata(&path)
            .map_err(|error| named(&path, &error))?
            .file_type();
        if kind.is_dir() {
            pack_folder(builder, &path, &name)?;
        } else if kind.is_symlink() {
            builder
                .append_path_with_name(&path, &name)
                .map_err(|error| named(&path, &error))?;
        } else {
            pack_file(builder, &path, &name)?;
        }
    }
    Ok(())
}

fn pack_file(builder: &mut Builder<&mut dyn Write>, from: &Path, name: &Path) -> io::Result<()> {
    let meta = fs::metadata(from).map_err(|error| named(from, &error))?;
    if !meta.is_file() {
        let what = io::Error::other("it is neither a file, a folder nor a symbolic link");
        return Err(named(from, &what));
    }
    let file = File::open(from).map_err(|error| named(from, &error))?;
    let mut header = Header::new_gnu();
    header.set_metadata(&meta);
    // A file that grows or shrinks meanwhile must not shift what follows it.
    let content = file.take(meta.len()).chain(io::repeat(0)).take(meta.len());
    builder
        .append_data(&mut header, name, content)
        .map_err(|error| named(from, &error))
}

/// Unpacks an archive of [`pack`] as `target`, whose folder exists: a file at `target`, or a folder there that may exist
/// already. What is replaced is replaced as a whole, so that no link is written through.
///
/// # Errors
/// The archive is not one of ours, a name leads out of `target`, or a file cannot be written (the error names
/// it).
pub fn unpack(input: &mut dyn Read, target: &Path) -> io::Result<()> {
    let mut archive = Archive::new(input);
    // Modes of folders come last: one that is not writable would take nothing in.
    let mut folders = Vec::new();
    let mut known = HashSet::new();
    for entry in archive.entries()? {
        let mut entry = entry?;
        entry.set_preserve_permissions(true);
        entry.set_preserve_mtime(true);
        let name = entry.path()?.into_owned();
        if name == Path::new(FILE) && folders.is_empty() {
            entry
                .unpack(target)
                .map_err(|error| named(target, &error))?;
            continue;
        }
        let path = inside(target, &name)?;
        let folder = entry.header().entry_type() == EntryType::Directory;
        // Below folders only that this archive named before: never through a link that was there.
        let expected = path != target && path.parent().is_some_and(|parent| known.contains(parent));
        if !(expected || folder && path == target) {
            let what = io::Error::other("its folder is not in the archive");
            return Err(named(&path, &what));
        }
        if folder {
            make_folder(&path).map_err(|error| named(&path, &error))?;
            known.insert(path.clone());
            folders.push((path, entry.header().mode()?, entry.header().mtime()?));
        } else {
            entry.unpack(&path).map_err(|error| named(&path, &error))?;
        }
    }
    // The innermost first: setting a time of one changes nothing of those around it, a mode may close it.
    for (path, mode, mtime) in folders.into_iter().rev() {
        let set = || -> io::Result<()> {
            let file = File::open(&path)?;
            let time = UNIX_EPOCH + Duration::from_secs(mtime);
            file.set_times(FileTimes::new().set_modified(time))?;
            file.set_permissions(Permissions::from_mode(mode & 0o7777))
        };
        set().map_err(|error| named(&path, &error))?;
    }
    Ok(())
}

/// The path of an entry below `target`.
fn inside(target: &Path, name: &Path) -> io::Result<PathBuf> {
    let mut path = target.to_owned();
    for part in name.components() {
        match part {
            Component::Normal(part) => path.push(part),
            Component::CurDir => {}
            _ => {
                let what = io::Error::other("its name leads out of the archive");
                return Err(named(name, &what));
            }
        }
    }
    Ok(path)
}

/// Makes a folder unless it is there. A link in its place is an error, even if it leads to a folder.
fn make_folder(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        Err(error) if !fs::symlink_metadata(path)?.is_dir() => Err(error),
        _ => Ok(()),
    }
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    // An error of `tar` has the path already and its own cause below.
    let cause =
        std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
    io::Error::new(error.kind(), format!("{}: {cause}", path.display()))
}
