//! Layers of a lock: packages that are added later are added to the tree that is there, instead of making it anew.
//!
//! A package's layer is written down in the lock, so that the image depends on the lock and not on what happens to be
//! in a store. `cargo xtask lock --update` puts all packages back into the lowest layer.

use kindling_deb::LockedPackage;

/// More layers than this are not made: each costs a pass over the tree.
const MOST: u32 = 4;

/// Gives new packages their layers, after those of an earlier lock.
///
/// Layers stay as they are as long as all their packages do. What was added is one more layer. From the first layer
/// that lost a package or has another version on, everything is one layer again.
pub(crate) fn assign(packages: &mut [LockedPackage], old: &[LockedPackage]) {
    let layer_of = |package: &LockedPackage| {
        let same = old.iter().find(|other| is_same(package, other));
        same.map(|other| other.layer)
    };
    let is_kept = |old: &&LockedPackage| packages.iter().any(|package| is_same(package, old));
    let broken = old
        .iter()
        .filter(|old| !is_kept(old))
        .map(|old| old.layer)
        .min();
    let last = old.iter().map(|old| old.layer).max();
    let next = match (broken, last) {
        (Some(broken), _) => broken,
        (None, Some(last)) => (last + 1).min(MOST),
        (None, None) => 0,
    };
    let layers: Vec<u32> = packages
        .iter()
        .map(|package| layer_of(package).map_or(next, |layer| layer.min(next)))
        .collect();
    for (package, layer) in packages.iter_mut().zip(layers) {
        package.layer = layer;
    }
}

/// The packages of each layer, the lowest first.
pub(crate) fn split(packages: &[LockedPackage]) -> Vec<Vec<&LockedPackage>> {
    let last = packages
        .iter()
        .map(|package| package.layer)
        .max()
        .unwrap_or(0);
    let layer = |number| packages.iter().filter(|p| p.layer == number).collect();
    let layers = (0..=last).map(layer);
    layers.filter(|layer: &Vec<_>| !layer.is_empty()).collect()
}

fn is_same(a: &LockedPackage, b: &LockedPackage) -> bool {
    a.name == b.name && a.architecture == b.architecture && a.sha256 == b.sha256
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, version: &str, layer: u32) -> LockedPackage {
        LockedPackage {
            name: name.into(),
            version: version.into(),
            architecture: "all".into(),
            size: 1,
            sha256: format!("{name} {version}"),
            path: "pool/x.deb".into(),
            suite: "stable".into(),
            layer,
        }
    }

    /// Layers after a new resolution: `a=1 b=2`.
    fn assigned(old: &[(&str, &str, u32)], new: &[(&str, &str)]) -> String {
        let old: Vec<_> = old.iter().map(|(n, v, l)| package(n, v, *l)).collect();
        let mut new: Vec<_> = new.iter().map(|(n, v)| package(n, v, 0)).collect();
        assign(&mut new, &old);
        let shown = new.iter().map(|p| format!("{}={}", p.name, p.layer));
        shown.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn additions_are_layers_and_changes_put_layers_together() {
        assert_eq!(assigned(&[], &[("a", "1"), ("b", "1")]), "a=0 b=0");
        let base = [("a", "1", 0), ("b", "1", 0)];
        assert_eq!(
            assigned(&base, &[("a", "1"), ("b", "1"), ("c", "1")]),
            "a=0 b=0 c=1"
        );
        assert_eq!(
            assigned(&base, &[("a", "2"), ("b", "1"), ("c", "1")]),
            "a=0 b=0 c=0"
        );
        let two = [("a", "1", 0), ("b", "1", 1), ("c", "1", 1), ("d", "1", 2)];
        assert_eq!(
            assigned(&two, &[("a", "1"), ("b", "1"), ("d", "1"), ("e", "1")]),
            "a=0 b=1 d=1 e=1"
        );
        assert_eq!(
            assigned(&two, &[("a", "1"), ("b", "1"), ("c", "1")]),
            "a=0 b=1 c=1"
        );
        let four = [("a", "1", 0), ("b", "1", MOST)];
        assert_eq!(
            assigned(&four, &[("a", "1"), ("b", "1"), ("c", "1")]),
            "a=0 b=4 c=4"
        );
    }

    #[test]
    fn layers_are_split_the_lowest_first_and_none_is_empty() {
        let packages = [
            package("a", "1", 0),
            package("b", "1", 3),
            package("c", "1", 0),
        ];
        let split = split(&packages);
        let names: Vec<Vec<&str>> = split
            .iter()
            .map(|l| l.iter().map(|p| p.name.as_str()).collect())
            .collect();
        assert_eq!(names, [vec!["a", "c"], vec!["b"]]);
    }
}
