//! Layers: packages that were added to a lock later are added to the tree of the earlier ones.
//!
//! A layer's result is what it changed: `delta.tar` with every file that is new or was changed and the folders above
//! them, and `removed` with the paths that are gone. [`tree`] puts layers together. Which package is in which layer is
//! said by the lock, so that the bytes depend on the lock alone.

use std::collections::HashSet;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use kindling_base::{Context, Result, files};
use kindling_tree::{Kind, Tree};

use crate::ahead::Ahead;
use crate::assemble::TREE;
use crate::claims::Claims;
use crate::control::Control;
use crate::root::Root;
use crate::sandbox::Sandbox;
use crate::unpack::{Conffiles, Source, Unpacked, unpack};
use crate::{assemble, configure, dpkg, freeze};

/// What a layer added and changed.
pub(crate) const DELTA: &str = "delta.tar";
/// Paths that a layer removed, each with a NUL after it.
pub(crate) const REMOVED: &str = "removed";
/// Longer than the tick by which file systems measure time: 10 ms at most.
const TICK: Duration = Duration::from_millis(20);

/// The tree of layers, given the folder of each, the lowest first.
///
/// # Errors
/// A layer's files cannot be read, or do not fit what is below them.
pub fn tree(layers: &[PathBuf]) -> Result<Tree> {
    // A layer that could not be added to those below it is a whole tree.
    let whole = layers.iter().rposition(|layer| layer.join(TREE).exists());
    let start = whole.unwrap_or(0);
    let Some(lowest) = layers.get(start) else {
        return Ok(Tree::new(kindling_tree::Timestamp::default()));
    };
    let mut tree = Tree::from_tar(&lowest.join(TREE))?;
    for layer in &layers[start + 1..] {
        let removed = files::read(&layer.join(REMOVED))?;
        for path in removed.split(|&b| b == 0).filter(|path| !path.is_empty()) {
            tree.remove(path);
        }
        let delta = Tree::from_tar(&layer.join(DELTA))?;
        for (path, entry) in delta.iter() {
            tree.insert(path, entry.clone())
                .map_err(|error| error.within(layer.display()))?;
        }
    }
    Ok(tree)
}

/// A moment in a tree's life, after which every change shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mark(i64, i64);

impl Mark {
    /// Now, by the clock of the tree's file system.
    ///
    /// # Errors
    /// The tree cannot be written.
    pub(crate) fn set(root: &Path) -> Result<Self> {
        std::thread::sleep(TICK);
        let path = root.join(".kindling-mark");
        files::write(&path, b"")?;
        let meta = files::metadata(&path)?;
        files::remove(&path)?;
        std::thread::sleep(TICK);
        Ok(Self(meta.ctime(), meta.ctime_nsec()))
    }

    /// Whether a file was changed since.
    pub(crate) fn is_before(self, meta: &std::fs::Metadata) -> bool {
        self < Self(meta.ctime(), meta.ctime_nsec())
    }
}

/// Adds packages to a configured tree. `false` if one of them has a file of a package that is there: who wins then
/// depends on what is below, so all of them must be unpacked together.
///
/// # Errors
/// As [`crate::assemble()`].
pub(crate) fn add(
    sources: &[Source<'_>],
    packages: &[Control],
    root: &Root,
    sandbox: &Sandbox,
    configured: &(dyn Fn() + Sync),
) -> Result<bool> {
    let batch: Vec<usize> = (0..packages.len()).collect();
    let owned = owned(root)?;
    let version = dpkg_version(root)?;
    assemble::forbid_services(root)?;
    for package in packages {
        configure::preinst(sandbox, root, package, &version)?;
    }
    let claims = Claims::new(packages, root)?;
    let mut unpacked = unpack(
        root,
        sources,
        &batch,
        &claims,
        Conffiles::Pending,
        &Ahead::default(),
    )?;
    let lists = unpacked.values().flat_map(|one: &Unpacked| &one.list);
    for path in lists.filter(|path| !path.is_empty()) {
        let is_folder = root.directory(path).is_ok();
        if !is_folder && owned.contains(&claims.canonical(path)) {
            return Ok(false);
        }
    }
    root.enter(|| {
        let inside = Path::new("/");
        dpkg::forget(inside, packages, &mut unpacked, claims.take_lost())?;
        let rows: Vec<_> = batch
            .iter()
            .map(|i| (&packages[*i], &unpacked[i]))
            .collect();
        dpkg::record(inside, &rows, Conffiles::Pending)
    })?;
    configure::configure(sandbox, configured)?;
    Ok(true)
}

/// Canonical paths of the files of all packages that are installed, folders included.
fn owned(root: &Root) -> Result<HashSet<Vec<u8>>> {
    let claims = Claims::new(&[], root)?;
    let info = root.path().join(dpkg::ADMIN).join("info");
    let mut owned = HashSet::new();
    for path in files::list(&info)? {
        if path.extension().is_none_or(|extension| extension != "list") {
            continue;
        }
        for line in files::read(&path)?.split(|&b| b == b'\n') {
            owned.insert(claims.canonical(line.strip_prefix(b"/").unwrap_or(line)));
        }
    }
    Ok(owned)
}

/// The version of the tree's dpkg, which scripts may ask for.
fn dpkg_version(root: &Root) -> Result<String> {
    let status = root.read("var/lib/dpkg/status")?.unwrap_or_default();
    let status = String::from_utf8_lossy(&status);
    let own = status
        .split("\n\n")
        .find(|stanza| stanza.starts_with("Package: dpkg\n"));
    let version = own.and_then(|stanza| {
        let mut lines = stanza.lines();
        lines.find_map(|line| line.strip_prefix("Version: "))
    });
    Ok(version.unwrap_or_default().to_owned())
}

/// Tidies the tree and writes what is not as in `base` to `out`: [`DELTA`] and [`REMOVED`].
///
/// # Errors
/// A file cannot be read or removed, or the results cannot be written.
pub(crate) fn freeze_changes(
    root: &Root,
    base: &Tree,
    mark: Mark,
    epoch: i64,
    started: SystemTime,
    out: &Path,
) -> Result<()> {
    let file = files::create(&out.join(DELTA))?;
    let removed = root.enter(|| {
        let paths = freeze::tidied(Path::new("/"))?;
        let mut changed: HashSet<&[u8]> = HashSet::new();
        let mut seen: HashSet<&[u8]> = HashSet::new();
        for path in &paths {
            let name = &path.as_os_str().as_bytes()[1..];
            seen.insert(name);
            let what = || format!("cannot read {} of the tree", path.display());
            let meta = path.symlink_metadata().context(what())?;
            let is_new = base.get(name).is_none();
            if !is_new && !mark.is_before(&meta) {
                continue;
            }
            // With the folders above, so that a reader of the tar has somewhere to put it.
            let mut rest = name;
            while changed.insert(rest) && !rest.is_empty() {
                rest = crate::root::split(rest).0;
            }
        }
        let kept = paths
            .iter()
            .filter(|path| changed.contains(&path.as_os_str().as_bytes()[1..]));
        let kept: Vec<PathBuf> = kept.cloned().collect();
        freeze::write(
            &kept,
            &freeze::clamp(epoch, started),
            file,
            &out.join(DELTA),
        )?;
        let gone = base.iter().filter(|(path, _)| !seen.contains(path));
        let gone = gone.flat_map(|(path, _)| path.iter().copied().chain([0]));
        Ok(gone.collect::<Vec<u8>>())
    })?;
    files::write(&out.join(REMOVED), &removed)
}

/// Bytes of all files of a tree, for the room that restoring it takes.
pub(crate) fn size(tree: &Tree) -> u64 {
    let sizes = tree.iter().map(|(_, entry)| match &entry.kind {
        Kind::File(content) => content.len().next_multiple_of(4096),
        _ => 0,
    });
    sizes.sum()
}
