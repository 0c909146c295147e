//! The root filesystem: the frozen package tree, the overlays laid over it, written as ext4.

mod divert;
mod exclude;
mod generators;
pub mod guest_programs;
mod landing;
pub mod overlay;
mod read_ahead;
mod users;

use std::path::{Path, PathBuf};

use kindling_base::{Error, Event, Reporter, Result, Unit, hash};
use kindling_located::Located;
use kindling_npm_tree::LockedNpm;
use kindling_tree::{Content, Entry, Kind, Timestamp, Tree};

use crate::overlay::{OverlayEntry, OverlayKind};

pub use exclude::Exclusion;
pub use users::User;

/// The hash of all code that this stage's results depend on.
pub const CODE: &str = env!("KINDLING_CODE");

/// Name of this stage in events.
const STAGE: &str = "rootfs";

/// Name of the image in its stage folder and in the bundle.
pub const FILE: &str = "rootfs.ext4";

/// The parts of the finished tree.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'a> {
    /// The layers of the frozen package tree, the lowest first.
    pub packages: &'a [PathBuf],
    /// Packages of npm, each with its unzipped tarball.
    pub npm: &'a [(LockedNpm, PathBuf)],
    /// Files of packages that are left out.
    pub exclude: &'a [Located<Exclusion>],
    /// Accounts that are added.
    pub users: &'a [Located<User>],
    /// Files laid over it: programs of ours, then the overlays in order.
    pub overlays: &'a [OverlayEntry],
    /// The recipe's file.
    pub recipe: &'a Path,
    /// Seconds since 1970; no file of the tree is later.
    pub epoch: i64,
}

/// An image to write.
#[derive(Debug)]
pub struct Request<'a> {
    /// Its tree.
    pub parts: Parts<'a>,
    /// The stage's key: UUID and hash seed derive from it.
    pub key: &'a str,
    /// Room left for the guest, in MiB.
    pub free_mib: u64,
}

/// Writes `out/rootfs.ext4` and returns its SHA-256.
///
/// # Errors
/// The tree does not read, an overlay does not fit it, or the image cannot be written.
pub fn build(request: &Request<'_>, out: &Path, reporter: &dyn Reporter) -> Result<String> {
    let tree = tree(&request.parts)?;
    let options = kindling_ext4::Options {
        uuid: hash::uuid(request.key),
        hash_seed: hash::derive(request.key, "hash seed"),
        label: "root".into(),
        epoch: request.parts.epoch,
        free_bytes: request.free_mib << 20,
        journal: Some(kindling_ext4::JournalSize::Auto),
    };
    let mut progress = |done, total| {
        reporter.report(Event::Progress {
            stage: STAGE,
            unit: Unit::Blocks,
            done,
            total: Some(total),
        });
    };
    let path = out.join(FILE);
    let (_, sha256) = kindling_ext4::write_hashed(&tree, &options, &path, &mut progress)?;
    Ok(sha256)
}

/// The finished tree: the frozen packages and those of npm, less what is left out, then the accounts, the overlays, and
/// the list of what a boot reads.
///
/// # Errors
/// The layers or tarballs do not read, or something of the recipe or an overlay does not fit them.
pub fn tree(parts: &Parts<'_>) -> Result<Tree> {
    let mtime = Timestamp {
        seconds: parts.epoch,
        nanoseconds: 0,
    };
    let mut tree = kindling_debian_root::layer::tree(parts.packages)?;
    kindling_npm_tree::install(&mut tree, parts.npm, parts.epoch)?;
    exclude::exclude(&mut tree, parts.exclude, parts.recipe, mtime)?;
    users::add(&mut tree, parts.users, mtime)?;
    lay_over(&mut tree, parts.overlays, mtime)?;
    users::check_shells(&tree, parts.users)?;
    generators::unmask(&mut tree)?;
    read_ahead::add(&mut tree, mtime)?;
    Ok(tree)
}

/// The text of a file; empty where there is none.
fn text(tree: &Tree, path: &str) -> Result<String> {
    let Some(Kind::File(content)) = tree.get(path.as_bytes()).map(|entry| &entry.kind) else {
        return Ok(String::new());
    };
    let mut bytes = vec![0; usize::try_from(content.len()).unwrap_or(0)];
    content.read_at(0, &mut bytes)?;
    String::from_utf8(bytes).map_err(|error| {
        Error::user(format!("/{path} of the packages is not UTF-8")).because(error)
    })
}

/// Replaces the text of a file, or makes one with `mode` of root's.
fn set_text(tree: &mut Tree, path: &str, text: String, mode: u16, mtime: Timestamp) -> Result<()> {
    let kind = Kind::File(Content::Bytes(text.into_bytes().into()));
    match tree.get_mut(path.as_bytes()) {
        Some(entry) => (entry.kind, entry.mtime) = (kind, mtime),
        None => tree.insert(path.as_bytes(), Entry::new(kind, mode, mtime))?,
    }
    Ok(())
}

/// Lays overlay entries over a tree, below what its links lead to. A directory that exists keeps its owner and mode unless the
/// overlay names others.
fn lay_over(tree: &mut Tree, overlays: &[OverlayEntry], mtime: Timestamp) -> Result<()> {
    for overlay in overlays {
        let path = landing::place(tree, overlay)?;
        let kind = match &overlay.kind {
            OverlayKind::Directory => {
                let entry = tree.get(&path).map(|entry| &entry.kind);
                let exists = matches!(entry, Some(Kind::Directory)) && !overlay.listed;
                if exists || landing::is_linked_folder(tree, &path) {
                    continue;
                }
                Kind::Directory
            }
            OverlayKind::File(bytes) => Kind::File(Content::Bytes(bytes.as_slice().into())),
            OverlayKind::Symlink(target) => Kind::Symlink(target.clone()),
        };
        if let Some(to) = &overlay.diverted {
            divert::divert(tree, &path, to, mtime)?;
        }
        let mut entry = Entry::new(kind, (overlay.mode & 0o7777) as u16, mtime);
        (entry.uid, entry.gid) = (overlay.uid, overlay.gid);
        tree.insert(&path, entry)
            .map_err(|error| landing::explain(tree, overlay, error))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overlay(path: &str, kind: OverlayKind) -> OverlayEntry {
        OverlayEntry {
            path: path.as_bytes().to_vec(),
            mode: 0o700,
            uid: 0,
            gid: 0,
            listed: false,
            diverted: None,
            kind,
        }
    }

    #[test]
    fn an_existing_directory_keeps_its_mode_and_a_file_is_replaced() {
        let mut tree = Tree::new(Timestamp::default());
        tree.insert(
            b"etc",
            Entry::new(Kind::Directory, 0o755, Timestamp::default()),
        )
        .unwrap();
        let entries = [
            overlay("etc", OverlayKind::Directory),
            overlay("etc/hostname", OverlayKind::File(b"kindling\n".to_vec())),
        ];
        let mtime = Timestamp {
            seconds: 7,
            nanoseconds: 0,
        };
        lay_over(&mut tree, &entries, mtime).unwrap();
        assert_eq!(tree.get(b"etc").unwrap().mode, 0o755);
        let file = tree.get(b"etc/hostname").unwrap();
        assert_eq!((file.mode, file.mtime.seconds), (0o700, 7));
    }

    #[test]
    fn a_path_through_a_symlink_is_explained() {
        let mut tree = Tree::new(Timestamp::default());
        tree.insert(
            b"lib",
            Entry::new(
                Kind::Symlink(b"usr/lib".to_vec()),
                0o777,
                Timestamp::default(),
            ),
        )
        .unwrap();
        let error = lay_over(
            &mut tree,
            &[overlay("lib/x", OverlayKind::File(Vec::new()))],
            Timestamp::default(),
        )
        .unwrap_err();
        insta::assert_snapshot!(error.report(), @r"
        error: an overlay does not fit the packages: the parent of `lib/x` is no directory
        hint: /lib is a symbolic link to usr/lib: put the file there
        ");
    }

    #[test]
    fn a_file_lands_below_what_a_link_of_the_root_leads_to() {
        let mut tree = Tree::new(Timestamp::default());
        let mut add = |path: &str, kind| {
            let entry = Entry::new(kind, 0o755, Timestamp::default());
            tree.insert(path.as_bytes(), entry).unwrap();
        };
        for path in ["usr", "usr/lib", "var"] {
            add(path, Kind::Directory);
        }
        add("lib", Kind::Symlink(b"usr/lib".to_vec()));
        add("var/run", Kind::Symlink(b"/run".to_vec()));
        let folders = ["lib", "lib/systemd", "lib/systemd/system"];
        let mut entries = folders
            .map(|path| overlay(path, OverlayKind::Directory))
            .to_vec();
        let unit = OverlayKind::File(b"[Unit]\n".to_vec());
        entries.push(overlay("lib/systemd/system/a.service", unit.clone()));
        lay_over(&mut tree, &entries, Timestamp::default()).unwrap();
        assert!(matches!(tree.get(b"lib").unwrap().kind, Kind::Symlink(_)));
        assert!(tree.get(b"usr/lib/systemd/system/a.service").is_some());

        let lost = [
            overlay("var/run", OverlayKind::Directory),
            overlay("var/run/x", unit),
        ];
        let error = lay_over(&mut tree, &lost, Timestamp::default()).unwrap_err();
        insta::assert_snapshot!(error.report(), @r"
        error: an overlay has /var/run/x, and /var/run is a symbolic link to /run, which is empty at each boot
        hint: have it made at boot: a file in usr/lib/tmpfiles.d/ (tmpfiles.d(5)), or RuntimeDirectory= of the unit that needs it
        ");
    }
}
