//! Packages that are added to a configured tree.

use std::collections::HashSet;
use std::path::Path;

use kindling_base::{Result, files};
use kindling_deb::Control;

use crate::dpkg::{Programs, configure, database};
use crate::root::Root;
use crate::unpack::{Ahead, Claims, Conffiles, DebFile, Unpacked, unpack};

/// Adds packages to a configured tree. `false` if one of them has a file of a package that is there: who wins then
/// depends on what is below, so all of them must be unpacked together.
///
/// # Errors
/// As [`crate::assemble()`].
pub(crate) fn add(
    deb_files: &[DebFile<'_>],
    packages: &[Control],
    root: &Root,
    programs: &Programs,
    configured: &(dyn Fn() + Sync),
) -> Result<bool> {
    let batch: Vec<usize> = (0..packages.len()).collect();
    let owned = owned(root)?;
    let version = dpkg_version(root)?;
    configure::forbid_services(root)?;
    for package in packages {
        configure::preinst(programs, root, package, &version)?;
    }
    let claims = Claims::new(packages, root)?;
    let mut unpacked = unpack(
        root,
        deb_files,
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
        database::forget(inside, packages, &mut unpacked, claims.take_lost())?;
        let rows: Vec<_> = batch
            .iter()
            .map(|i| (&packages[*i], &unpacked[i]))
            .collect();
        database::record(inside, &rows, Conffiles::Pending)
    })?;
    configure::configure(programs, configured)?;
    Ok(true)
}

/// Canonical paths of the files of all packages that are installed, folders included.
fn owned(root: &Root) -> Result<HashSet<Vec<u8>>> {
    let claims = Claims::new(&[], root)?;
    let info = root.path().join(database::ADMIN).join("info");
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
