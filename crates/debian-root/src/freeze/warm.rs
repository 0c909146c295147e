//! Fills caches that let programs start quickly, where they depend on the tree alone.
//!
//! Maintainer scripts would do more: they compile all of Python's library and every icon. While packages are configured
//! stand-ins keep them from it, see [`Programs::run_script`].

use std::path::Path;

use kindling_base::Result;

use crate::dpkg::Programs;
use crate::root::Root;

/// Without fontconfig's cache, every program that draws text reads every font when it starts.
const FC_CACHE: &str = "/usr/bin/fc-cache";

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

/// Fills the caches of what is installed.
///
/// # Errors
/// A program that fills one failed.
pub(crate) fn warm(programs: &Programs, root: &Root) -> Result<()> {
    let is_there = |program: &str| root.enter(|| Ok(Path::new(program).exists()));
    if is_there(FC_CACHE)? {
        let argv = ["/bin/sh", "-c", FILL_FC_CACHE].map(str::to_owned);
        programs.run(&argv, &[])?;
    }
    if is_there(PYTHON)? {
        let argv = [PYTHON, "-B", "-s", "-c", COMPILE].map(str::to_owned);
        programs.run(&argv, &[("PYTHONHASHSEED", "0")])?;
    }
    Ok(())
}
