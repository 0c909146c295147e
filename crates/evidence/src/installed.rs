//! The packages in an image, as dpkg lists them, and the licences that they name.

use std::collections::BTreeMap;
use std::path::Path;

use ext4_view::{Ext4, Ext4Error};
use kindling_base::{Error, Result};
use kindling_deb::deb822;

use super::licence;

/// One installed package.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Installed {
    /// The source package, and its version where that is another.
    pub(super) source: String,
    /// Its maintainer.
    pub(super) maintainer: String,
    /// Names of installed packages that it needs.
    pub(super) depends: Vec<String>,
    /// Licences that its copyright file names in machine-readable form; none where it is prose.
    pub(super) licences: Vec<licence::Licence>,
}

/// Reads dpkg's database and the copyright files of an image; packages by name.
///
/// # Errors
/// The image does not read or has no such database.
pub(super) fn read(image: &Path) -> Result<BTreeMap<String, Installed>> {
    let wrong = |error: Ext4Error| {
        Error::external(format!("cannot read {}", image.display())).because(error)
    };
    let system = Ext4::load_from_path(image).map_err(wrong)?;
    let status = system.read("/var/lib/dpkg/status").map_err(wrong)?;
    let mut installed = parse(&String::from_utf8_lossy(&status));
    for (name, package) in &mut installed {
        // Many are links to another package's; those that are excluded from an image are simply not known.
        if let Ok(text) = system.read(format!("/usr/share/doc/{name}/copyright").as_str()) {
            package.licences = licence::of_copyright(&String::from_utf8_lossy(&text));
        }
    }
    Ok(installed)
}

fn parse(status: &str) -> BTreeMap<String, Installed> {
    let paragraphs: Vec<_> = deb822::paragraphs(status).collect();
    let field = |paragraph: &deb822::Paragraph<'_>, name| {
        paragraph.get(name).unwrap_or_default().to_owned()
    };
    // Names that dependencies may use: the packages', and what they provide.
    let mut providers: BTreeMap<String, String> = BTreeMap::new();
    for paragraph in &paragraphs {
        let name = field(paragraph, "Package");
        for provided in names(&field(paragraph, "Provides")) {
            providers.entry(provided).or_insert_with(|| name.clone());
        }
    }
    for paragraph in &paragraphs {
        let name = field(paragraph, "Package");
        providers.insert(name.clone(), name);
    }
    let mut installed = BTreeMap::new();
    for paragraph in &paragraphs {
        let mut depends: Vec<String> = Vec::new();
        for needs in ["Pre-Depends", "Depends"] {
            for group in field(paragraph, needs).split(',') {
                let alternatives = group
                    .split('|')
                    .filter_map(|one| names(one).into_iter().next());
                depends.extend(
                    alternatives
                        .filter_map(|name| providers.get(&name).cloned())
                        .next(),
                );
            }
        }
        depends.sort_unstable();
        depends.dedup();
        let package = Installed {
            source: field(paragraph, "Source"),
            maintainer: field(paragraph, "Maintainer"),
            depends,
            licences: Vec::new(),
        };
        installed.insert(field(paragraph, "Package"), package);
    }
    installed
}

/// Names of a list of relations, without versions and qualifiers.
fn names(relations: &str) -> Vec<String> {
    let name = |relation: &str| {
        let end = relation
            .find([' ', '(', '[', ':'])
            .unwrap_or(relation.len());
        relation[..end].to_owned()
    };
    let names = relations.split(',').map(|relation| name(relation.trim()));
    names.filter(|name| !name.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_are_those_that_are_installed() {
        let status = "Package: a\nSource: src (1)\nMaintainer: M <m@example>\nPre-Depends: libc6 (>= 2)\nDepends: none | c:any, mail-agent\n\n\
                      Package: libc6\n\nPackage: c\nProvides: x, mail-agent (= 1)\n";
        let installed = parse(status);
        assert_eq!(installed["a"].depends, ["c", "libc6"]);
        assert_eq!(installed["a"].source, "src (1)");
        assert_eq!(installed.len(), 3);
    }
}
