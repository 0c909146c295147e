//! Files of packages that an image leaves out: documentation, translations, caches.

use std::path::Path;

use kindling_base::{Error, Result};
use kindling_tree::{Content, Entry, Kind, Timestamp, Tree};

use kindling_located::Located;

/// `[[rootfs.exclude]]`: files of packages that the image does not need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exclusion {
    /// Absolute paths in which `*` stands for any characters, slashes included.
    pub paths: Vec<String>,
    /// Paths that stay although they fit one of `paths`.
    pub keep: Vec<String>,
    /// Why nobody misses them.
    pub reason: String,
}

/// Where dpkg is told the same, so that a package that is installed in the guest leaves them out as well, and
/// `dpkg --verify` does not miss them.
const DPKG: &str = "etc/dpkg/dpkg.cfg.d/kindling-exclude";

/// Takes away what the exclusions name, and folders that are empty then and named as well.
///
/// # Errors
/// A pattern of the recipe `own` itself fits nothing: it is misspelt, or no longer needed. What a parent leaves out, a
/// child with other packages may not have.
pub(super) fn exclude(
    tree: &mut Tree,
    exclusions: &[Located<Exclusion>],
    own: &Path,
    mtime: Timestamp,
) -> Result<()> {
    let mut used: Vec<&str> = Vec::new();
    let mut gone: Vec<Vec<u8>> = Vec::new();
    for (path, entry) in tree.iter() {
        if let Some(pattern) = fitting(exclusions, path) {
            used.push(pattern);
            if !matches!(entry.kind, Kind::Directory) {
                gone.push(path.to_vec());
            }
        }
    }
    for exclusion in exclusions.iter().filter(|e| e.at.file() == own) {
        if let Some(unused) = exclusion
            .value
            .paths
            .iter()
            .find(|p| !used.contains(&p.as_str()))
        {
            return Err(unfit(exclusion, unused));
        }
    }
    for path in gone {
        tree.remove(&path);
    }
    remove_empty(tree, exclusions);
    if !exclusions.is_empty() && tree.get(b"etc/dpkg/dpkg.cfg.d").is_some() {
        let text = configuration(exclusions);
        let kind = Kind::File(Content::Bytes(text.into_bytes().into()));
        tree.insert(DPKG.as_bytes(), Entry::new(kind, 0o644, mtime))?;
    }
    Ok(())
}

/// The pattern that takes a path away.
fn fitting<'a>(exclusions: &'a [Located<Exclusion>], path: &[u8]) -> Option<&'a str> {
    exclusions.iter().find_map(|exclusion| {
        let exclusion = &exclusion.value;
        let fits = |pattern: &&String| matches(pattern.as_bytes().get(1..).unwrap_or(b""), path);
        let pattern = exclusion.paths.iter().find(fits)?;
        (!exclusion.keep.iter().any(|keep| fits(&keep))).then_some(pattern.as_str())
    })
}

fn remove_empty(tree: &mut Tree, exclusions: &[Located<Exclusion>]) {
    let folders = tree.iter().filter(|(path, entry)| {
        matches!(entry.kind, Kind::Directory) && fitting(exclusions, path).is_some()
    });
    let folders: Vec<Vec<u8>> = folders.map(|(path, _)| path.to_vec()).collect();
    // The deepest first: what is in a folder sorts after it.
    for folder in folders.iter().rev() {
        let prefix = [folder.as_slice(), b"/"].concat();
        let is_empty = tree
            .iter_from(&prefix)
            .next()
            .is_none_or(|(next, _)| !next.starts_with(&prefix));
        if is_empty {
            tree.remove(folder);
        }
    }
}

/// dpkg.cfg(5) lets the last fitting line decide.
fn configuration(exclusions: &[Located<Exclusion>]) -> String {
    let mut text =
        String::from("# What the recipe of this image leaves out: [[rootfs.exclude]].\n");
    for Located { value, .. } in exclusions {
        text.push_str(&format!("# {}\n", value.reason));
        for path in &value.paths {
            text.push_str(&format!("path-exclude={path}\n"));
        }
        for path in &value.keep {
            text.push_str(&format!("path-include={path}\n"));
        }
    }
    text
}

/// Whether a path fits a pattern, in which `*` stands for any bytes, slashes included, as in dpkg.cfg(5).
fn matches(pattern: &[u8], path: &[u8]) -> bool {
    let (mut at, mut star) = ((0, 0), None);
    loop {
        match (pattern.get(at.0), path.get(at.1)) {
            (None, None) => return true,
            (Some(b'*'), _) => {
                star = Some(at);
                at.0 += 1;
            }
            (Some(wanted), Some(byte)) if wanted == byte => at = (at.0 + 1, at.1 + 1),
            _ => {
                // The last star takes one byte more.
                let Some((pattern_at, path_at)) = star else {
                    return false;
                };
                if path_at >= path.len() {
                    return false;
                }
                star = Some((pattern_at, path_at + 1));
                at = (pattern_at + 1, path_at + 1);
            }
        }
    }
}

fn unfit(exclusion: &Located<Exclusion>, pattern: &str) -> Error {
    exclusion
        .error(format!("nothing in the packages fits `{pattern}`"))
        .hint("remove it, or mend it; `*` stands for any characters, slashes included")
}

#[cfg(test)]
mod tests {
    use super::*;
    use kindling_located::Location;

    fn tree(paths: &[&str]) -> Tree {
        let mut tree = Tree::new(Timestamp::default());
        for path in paths {
            let kind = match path.strip_suffix('/') {
                Some(_) => Kind::Directory,
                None => Kind::File(Content::Bytes(b"x".as_slice().into())),
            };
            let path = path.trim_end_matches('/').as_bytes();
            tree.insert(path, Entry::new(kind, 0o755, Timestamp::default()))
                .unwrap();
        }
        tree
    }

    fn exclusion(paths: &[&str], keep: &[&str]) -> Located<Exclusion> {
        let owned = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect();
        Located {
            at: Location::start_of("own.toml".as_ref()),
            value: Exclusion {
                paths: owned(paths),
                keep: owned(keep),
                reason: "nobody reads them here".into(),
            },
        }
    }

    fn left(tree: &Tree) -> Vec<String> {
        let paths = tree.iter().skip(1);
        paths
            .map(|(path, _)| String::from_utf8(path.to_vec()).unwrap())
            .collect()
    }

    #[test]
    fn what_is_named_goes_with_its_empty_folders_and_dpkg_knows() {
        let mut tree = tree(&[
            "etc/",
            "etc/dpkg/",
            "etc/dpkg/dpkg.cfg.d/",
            "usr/",
            "usr/share/",
            "usr/share/doc/",
            "usr/share/doc/a/",
            "usr/share/doc/a/copyright",
            "usr/share/doc/a/readme",
            "usr/share/doc/b/",
            "usr/share/doc/b/x/",
            "usr/share/doc/b/x/y",
            "usr/share/docs",
        ]);
        let list = [exclusion(
            &["/usr/share/doc/*"],
            &["/usr/share/doc/*/copyright"],
        )];
        exclude(&mut tree, &list, "own.toml".as_ref(), Timestamp::default()).unwrap();
        insta::assert_snapshot!(left(&tree).join("\n"), @r"
        etc
        etc/dpkg
        etc/dpkg/dpkg.cfg.d
        etc/dpkg/dpkg.cfg.d/kindling-exclude
        usr
        usr/share
        usr/share/doc
        usr/share/doc/a
        usr/share/doc/a/copyright
        usr/share/docs
        ");
        insta::assert_snapshot!(configuration(&list), @r"
        # What the recipe of this image leaves out: [[rootfs.exclude]].
        # nobody reads them here
        path-exclude=/usr/share/doc/*
        path-include=/usr/share/doc/*/copyright
        ");
    }

    #[test]
    fn a_pattern_that_fits_nothing_is_a_mistake() {
        let list = [exclusion(&["/usr/share/dcos/*"], &[])];
        let run = |own: &str| {
            exclude(
                &mut tree(&["usr/"]),
                &list,
                own.as_ref(),
                Timestamp::default(),
            )
        };
        run("child.toml").unwrap();
        let error = run("own.toml").unwrap_err();
        let report = error.report();
        assert!(
            report.contains("nothing in the packages fits `/usr/share/dcos/*`"),
            "{report}"
        );
    }

    proptest::proptest! {
        #[test]
        fn patterns_match_as_their_regular_expression_does(
            pattern in "[ab/*]{0,8}", path in "[ab/]{0,10}"
        ) {
            fn slow(pattern: &[u8], path: &[u8]) -> bool {
                match (pattern, path) {
                    ([], []) => true,
                    ([b'*', rest @ ..], _) => (0..=path.len()).any(|at| slow(rest, &path[at..])),
                    ([a, rest @ ..], [b, left @ ..]) => a == b && slow(rest, left),
                    _ => false,
                }
            }
            let (pattern, path) = (pattern.as_bytes(), path.as_bytes());
            proptest::prop_assert_eq!(matches(pattern, path), slow(pattern, path));
        }
    }
}
