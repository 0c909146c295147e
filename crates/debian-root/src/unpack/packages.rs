//! Unpacks many packages at once, with dpkg's rules for what may be where.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{self, Read, Write};
use std::path::Path;

use kindling_base::{Context, Error, Result, hash, parallel};
use kindling_deb::Control;
use kindling_tree::{Content, Entry, Kind, tar::read_member};
use md5::{Digest, Md5};

use super::ahead::Ahead;
use super::claims::{Claim, Claims};
use super::directories::Directories;
use super::overrides::Overrides;
use crate::root::{Root, place};

/// The ending of conffiles until dpkg configures their package.
pub(crate) const PENDING: &str = ".dpkg-new";

/// A package and the file that it is in.
#[derive(Clone, Copy)]
pub(crate) struct DebFile<'a> {
    pub(crate) deb: &'a Path,
    pub(crate) control: &'a Control,
}

/// How conffiles are unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Conffiles {
    /// Under their own names, hashed: the scripts of a system's first packages need them before any is configured.
    InPlace,
    /// Under the name that dpkg looks for when it configures the package.
    Pending,
}

/// The result of unpacking a package.
#[derive(Clone, Debug, Default)]
pub(crate) struct Unpacked {
    /// Paths in the order of the archive, the root as an empty one.
    pub(crate) list: Vec<Vec<u8>>,
    /// MD5 of files by path: of conffiles in place, and of all files if the package brings no list.
    pub(crate) md5: BTreeMap<Vec<u8>, String>,
}

/// Unpacks `batch`, indices of `deb_files`, on all processors.
///
/// The tree does not depend on the order in which packages happen to be unpacked. A directory gets the
/// attributes that the first package of the batch gives it, and its time is the machine's.
///
/// # Errors
/// A .deb is unsound; two packages have one file; a path leads out of the root; the disk is full.
pub(crate) fn unpack(
    root: &Root,
    deb_files: &[DebFile<'_>],
    batch: &[usize],
    claims: &Claims<'_>,
    conffiles: Conffiles,
    ahead: &Ahead,
) -> Result<HashMap<usize, Unpacked>> {
    let unpacking = Unpacking {
        ahead,
        root,
        claims,
        conffiles,
        overrides: Overrides::read(root)?,
        directories: Directories::default(),
    };
    // Large packages first, so that no processor is left with one at the end.
    let queue = largest_first(deb_files, batch);
    let mut results = parallel::each(&queue, parallel::processors(), |&(rank, i)| -> Result<_> {
        let (package, later) = unpacking.package(i, rank, deb_files[i], None)?;
        Ok((rank, i, package, later))
    })?;
    results.sort_unstable_by_key(|(rank, ..)| *rank);
    let mut unpacked = HashMap::new();
    let mut replaced: Vec<(usize, HashSet<Vec<u8>>)> = Vec::new();
    for (rank, i, package, later) in results {
        let mine: HashSet<Vec<u8>> = later
            .into_iter()
            .filter(|path| claims.owns(path, i))
            .collect();
        if !mine.is_empty() {
            replaced.push((rank, mine));
        }
        unpacked.insert(i, package);
    }
    for (rank, paths) in replaced {
        let i = batch[rank];
        let (again, _) = unpacking.package(i, rank, deb_files[i], Some(&paths))?;
        unpacked.entry(i).or_default().md5.extend(again.md5);
    }
    unpacking.directories.finish(root)?;
    Ok(unpacked)
}

/// The packages of `batch` with their place in it.
pub(crate) fn largest_first(deb_files: &[DebFile<'_>], batch: &[usize]) -> Vec<(usize, usize)> {
    let mut queue: Vec<(usize, usize)> = batch.iter().copied().enumerate().collect();
    queue.sort_by_cached_key(|&(rank, i)| {
        let size = std::fs::metadata(deb_files[i].deb).map_or(0, |meta| meta.len());
        (std::cmp::Reverse(size), rank)
    });
    queue
}

/// One call of [`unpack`].
struct Unpacking<'a> {
    ahead: &'a Ahead,
    root: &'a Root,
    claims: &'a Claims<'a>,
    conffiles: Conffiles,
    overrides: Overrides,
    directories: Directories,
}

impl Unpacking<'_> {
    /// Unpacks a package, or only those of its paths that are in `only`. Returns with it the paths that are to
    /// be unpacked again when everybody is done, because they replace another package's.
    fn package(
        &self,
        i: usize,
        rank: usize,
        from: DebFile<'_>,
        only: Option<&HashSet<Vec<u8>>>,
    ) -> Result<(Unpacked, Vec<Vec<u8>>)> {
        let unsound = |error| kindling_deb::unsound(from.deb, error);
        let pending: HashSet<Vec<u8>> = from
            .control
            .conffiles()
            .into_iter()
            .map(|conffile| conffile.path.into_bytes())
            .collect();
        let hash_all = from.control.file("md5sums").is_none();
        let mut unpacked = Unpacked::default();
        let mut later = Vec::new();
        // Where this package's regular files went, for its hard links.
        let mut placed: HashMap<Vec<u8>, Vec<u8>> = HashMap::new();
        let mut archive = self.ahead.open(from.deb)?;
        for member in archive.entries().map_err(unsound)? {
            let mut member = member.map_err(unsound)?;
            let nothing = Content::Bytes([].into());
            let (path, mut entry) = read_member(&mut member, nothing).map_err(unsound)?;
            let what = || {
                let path = String::from_utf8_lossy(&path);
                format!("cannot unpack `/{path}` of {}", from.deb.display())
            };
            self.own(&mut entry, member.header(), &path);
            if matches!(entry.kind, Kind::Directory) {
                if only.is_none() {
                    self.directory(&path, rank, entry).context(what())?;
                    unpacked.list.push(path);
                }
                continue;
            }
            let mut target = match self.overrides.diverted(&path, from.control.name()) {
                Some(diverted) => diverted.as_bytes().to_vec(),
                None => path.clone(),
            };
            if let Some(only) = only {
                if !only.contains(&path) {
                    placed.insert(path, target);
                    continue;
                }
            } else {
                let claim = self.claims.claim(&target, i)?;
                if claim != Claim::Leave {
                    unpacked.list.push(path.clone());
                }
                if claim == Claim::Replace {
                    later.push(path.clone());
                }
                if claim != Claim::Place {
                    continue;
                }
            }
            let conffile = pending.contains(&path);
            if conffile && self.conffiles == Conffiles::Pending {
                target.extend(PENDING.bytes());
            }
            match &mut entry.kind {
                Kind::File(_) => {
                    let hashed = match conffile {
                        true => self.conffiles == Conffiles::InPlace,
                        false => hash_all,
                    };
                    let md5 = self.file(&target, &entry, &mut member, hashed, from.deb, what)?;
                    unpacked.md5.extend(md5.map(|md5| (path.clone(), md5)));
                    placed.insert(path, target);
                    continue;
                }
                Kind::HardLink(first) => {
                    let there = first_name(&placed, first, what)?;
                    if let Some(md5) = unpacked.md5.get(first).cloned() {
                        unpacked.md5.insert(path.clone(), md5);
                    }
                    *first = there;
                }
                _ => {}
            }
            place::special(self.root, &target, &entry).context(what())?;
        }
        Ok((unpacked, later))
    }

    /// Owner by name where the tree knows it, as dpkg does, and the administrator's overrides.
    fn own(&self, entry: &mut Entry, header: &::tar::Header, path: &[u8]) {
        let user = header.username().ok().flatten();
        let group = header.groupname().ok().flatten();
        if let Some(id) = user.and_then(|name| self.overrides.user(name)) {
            entry.uid = id;
        }
        if let Some(id) = group.and_then(|name| self.overrides.group(name)) {
            entry.gid = id;
        }
        if let Some((uid, gid, mode)) = self.overrides.attributes(path) {
            (entry.uid, entry.gid, entry.mode) = (uid, gid, mode);
        }
    }

    fn directory(&self, path: &[u8], rank: usize, entry: Entry) -> io::Result<()> {
        // The root itself is there before the first batch, but without attributes of a package.
        let root = path.is_empty() && self.conffiles == Conffiles::InPlace;
        let created = root || (!path.is_empty() && place::directory(self.root, path)?);
        let key = self.claims.canonical(path);
        self.directories.add(key, rank, entry, created);
        Ok(())
    }

    /// Writes a regular file; returns its MD5 if it is to be `hashed`.
    fn file(
        &self,
        path: &[u8],
        entry: &Entry,
        content: &mut dyn Read,
        hashed: bool,
        deb: &Path,
        what: impl Fn() -> String,
    ) -> Result<Option<String>> {
        let mut md5 = hashed.then(Md5::new);
        let mut file = place::file(self.root, path).context(what())?;
        let mut buffer = vec![0; 64 << 10];
        loop {
            let read = content.read(&mut buffer);
            let read = read.map_err(|error| kindling_deb::unsound(deb, error))?;
            if read == 0 {
                break;
            }
            if let Some(md5) = &mut md5 {
                md5.update(&buffer[..read]);
            }
            file.write_all(&buffer[..read]).context(what())?;
        }
        place::finish(&file, entry).context(what())?;
        Ok(md5.map(|md5| hash::hex(&md5.finalize())))
    }
}

/// The path to which an earlier file of the package went, for a hard link to it.
fn first_name(
    placed: &HashMap<Vec<u8>, Vec<u8>>,
    first: &[u8],
    what: impl Fn() -> String,
) -> Result<Vec<u8>> {
    placed.get(first).cloned().ok_or_else(|| {
        let first = String::from_utf8_lossy(first);
        Error::external(what()).note(format!(
            "a hard link to `/{first}`, which is no earlier file of the package"
        ))
    })
}
