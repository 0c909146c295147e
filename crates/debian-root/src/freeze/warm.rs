//! Fills caches that let programs start quickly, where they depend on the tree alone.
//!
//! Maintainer scripts would do more: they compile all of Python's library and every icon. While packages are configured
//! stand-ins keep them from it, see [`Programs::run_script`].

use std::collections::HashSet;
use std::fs::Metadata;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use kindling_base::Result;

use crate::dpkg::Programs;
use crate::root::{Mark, Root};

/// Without fontconfig's cache, every program that draws text reads every font when it starts.
const FC_CACHE: &str = "/usr/bin/fc-cache";
/// Folders that fontconfig's cache is made from.
const FONTS: [&str; 4] = [
    "/etc/fonts",
    "/usr/share/fontconfig",
    "/usr/share/fonts",
    "/usr/local/share/fonts",
];

/// A cache is valid for the time of its folder to the nanosecond, which in the image is that of the epoch: so it has to be
/// before. `-L`, because fontconfig follows links into other packages (poppler-data's).
const FILL_FC_CACHE: &str = "\
for folder in /usr/share/fonts /usr/local/share/fonts; do
    [ ! -d $folder ] || find -L $folder -type d -exec touch -d @$SOURCE_DATE_EPOCH {} +
done
exec fc-cache --system-only --force
";

/// Without bytecode, Python compiles its library anew in every start of a program whose user may not write to /usr.
const PYTHON: &str = "/usr/bin/python3";
/// The folders of its modules are here, `python3` and one for each version.
const LIBRARY: &str = "/usr/lib";

/// Compiles what servers and command line tools import of the standard library: some 150 of its 1500 modules.
///
/// The bytecode goes by the hash of its source (PEP 552) and, as the hash seed is fixed, does not depend on the run.
const COMPILE: &str = "\
import importlib, py_compile, sys
for name in ('argparse', 'asyncio', 'configparser', 'ctypes', 'email.message', 'getpass', 'glob', 'gzip', 'hashlib',
             'http.client', 'http.server', 'importlib.metadata', 'ipaddress', 'json', 'logging.handlers',
             'multiprocessing', 'multiprocessing.popen_fork', 'optparse', 'pathlib', 'queue', 'shutil', 'socketserver',
             'ssl', 'subprocess', 'tempfile', 'traceback', 'urllib.request', 'uuid', 'zipfile'):
    try:
        importlib.import_module(name)
    except ImportError:
        pass # a package of its own on Debian
for name in sorted(sys.modules):
    file = getattr(sys.modules[name], '__file__', None) or ''
    if file.startswith('/usr/lib/python3') and file.endswith('.py'):
        py_compile.compile(file, doraise=True, invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH)
";

/// Fills the caches of what is installed; with a moment, those alone that are made from something that changed since.
///
/// # Errors
/// A program that fills one failed.
pub(crate) fn warm(programs: &Programs, root: &Root, since: Option<Mark>) -> Result<()> {
    let is_due = |program: &str, sources: &(dyn Fn() -> Vec<PathBuf> + Sync)| {
        root.enter(|| {
            let changed = |meta: &Metadata| since.is_none_or(|mark| mark.is_before(meta));
            Ok(Path::new(program).exists() && has_any(&sources(), &changed))
        })
    };
    if is_due(FC_CACHE, &|| FONTS.map(PathBuf::from).to_vec())? {
        let argv = ["/bin/sh", "-c", FILL_FC_CACHE].map(str::to_owned);
        programs.run(&argv, &[])?;
    }
    if is_due(PYTHON, &libraries)? {
        let argv = [PYTHON, "-B", "-s", "-c", COMPILE].map(str::to_owned);
        programs.run(&argv, &[("PYTHONHASHSEED", "0")])?;
    }
    Ok(())
}

/// The folders of Python's modules.
fn libraries() -> Vec<PathBuf> {
    let found = std::fs::read_dir(LIBRARY).into_iter().flatten().flatten();
    let paths = found.map(|entry| entry.path());
    paths
        .filter(|path| {
            path.file_name()
                .is_some_and(|name| name.as_bytes().starts_with(b"python3"))
        })
        .collect()
}

/// Whether `wanted` holds for one of these paths or for anything below them, links followed: fonts are often links into
/// other packages.
fn has_any(tops: &[PathBuf], wanted: &dyn Fn(&Metadata) -> bool) -> bool {
    let mut todo = tops.to_vec();
    let mut seen = HashSet::new();
    while let Some(path) = todo.pop() {
        // The link itself too: it may be new and lead to what is not.
        let own = path.symlink_metadata();
        let Ok(meta) = path.metadata() else { continue };
        if wanted(&meta) || own.is_ok_and(|own| wanted(&own)) {
            return true;
        }
        if meta.is_dir() && seen.insert((meta.dev(), meta.ino())) {
            let inside = std::fs::read_dir(&path).into_iter().flatten().flatten();
            todo.extend(inside.map(|entry| entry.path()));
        }
    }
    false
}
