//! The order in which packages come into an empty tree.

use std::collections::HashMap;

use kindling_deb::Control;
use kindling_deb::relation;

/// The packages in two batches, as indices of `packages`.
///
/// The first holds what maintainer scripts may rely on without saying so (essential packages) or before they
/// are unpacked (pre-dependencies), with all that these depend on. The second holds the rest; its
/// pre-installation scripts find the first one configured. Within a batch a package comes after those that it
/// depends on, names decide where nothing else does, and cycles are cut where they are first met.
pub(crate) fn batches(packages: &[Control]) -> [Vec<usize>; 2] {
    let graph = Graph::new(packages);
    let mut by_name: Vec<usize> = (0..packages.len()).collect();
    by_name.sort_by_key(|&i| packages[i].instance());
    // base-passwd writes the first /etc/passwd in its pre-installation script and all others may need it;
    // debootstrap and mmdebstrap put it first for the same reason.
    by_name.sort_by_key(|&i| packages[i].name() != "base-passwd");

    let mut early = Walk::new(packages.len());
    early.order.extend(
        by_name
            .first()
            .filter(|&&i| packages[i].name() == "base-passwd"),
    );
    for &i in &early.order {
        early.seen[i] = true;
    }
    for i in early.order.clone() {
        graph.all[i]
            .iter()
            .for_each(|&needed| early.visit(&graph, needed));
    }
    for &i in by_name
        .iter()
        .filter(|&&i| packages[i].field("Essential") == "yes")
    {
        early.visit(&graph, i);
    }
    for &i in &by_name {
        for &needed in &graph.before[i] {
            early.visit(&graph, needed);
        }
    }
    let mut late = Walk {
        seen: early.seen.clone(),
        order: Vec::new(),
    };
    for &i in &by_name {
        late.visit(&graph, i);
    }
    [early.order, late.order]
}

/// The dependencies between packages of the set.
struct Graph {
    /// Pre-dependencies.
    before: Vec<Vec<usize>>,
    /// Pre-dependencies and dependencies.
    all: Vec<Vec<usize>>,
}

impl Graph {
    fn new(packages: &[Control]) -> Self {
        let mut providers: HashMap<&str, Vec<usize>> = HashMap::new();
        for (i, package) in packages.iter().enumerate() {
            providers.entry(package.name()).or_default().push(i);
            for provided in relation::parse(package.field("Provides"), "") {
                providers.entry(provided.name).or_default().push(i);
            }
        }
        let targets = |package: &Control, field: &str| -> Vec<usize> {
            let architecture = package.field("Architecture");
            let mut found: Vec<usize> = relation::parse(package.field(field), architecture)
                .map(|relation| relation.name.split(':').next().unwrap_or(""))
                .filter_map(|name| providers.get(name))
                .flatten()
                .copied()
                .collect();
            found.sort_by_key(|&i| packages[i].instance());
            found.dedup();
            found
        };
        let before: Vec<Vec<usize>> = packages.iter().map(|p| targets(p, "Pre-Depends")).collect();
        let all = packages
            .iter()
            .zip(&before)
            .map(|(package, before)| [before.clone(), targets(package, "Depends")].concat())
            .collect();
        Self { before, all }
    }
}

struct Walk {
    seen: Vec<bool>,
    order: Vec<usize>,
}

impl Walk {
    fn new(count: usize) -> Self {
        Self {
            seen: vec![false; count],
            order: Vec::new(),
        }
    }

    /// Adds what `start` needs and then `start`, without recursion: chains may be as long as the set.
    fn visit(&mut self, graph: &Graph, start: usize) {
        if self.seen[start] {
            return;
        }
        self.seen[start] = true;
        let mut path = vec![(start, 0)];
        while let Some((package, next)) = path.last_mut() {
            let needs = &graph.all[*package];
            if let Some(&needed) = needs.get(*next) {
                *next += 1;
                if !self.seen[needed] {
                    self.seen[needed] = true;
                    path.push((needed, 0));
                }
            } else {
                self.order.push(*package);
                path.pop();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, rest: &str) -> Control {
        Control::from_text(&format!(
            "Package: {name}\nVersion: 1\nArchitecture: amd64\n{rest}"
        ))
    }

    fn names(packages: &[Control]) -> [Vec<&str>; 2] {
        batches(packages).map(|batch| batch.into_iter().map(|i| packages[i].name()).collect())
    }

    #[test]
    fn essential_packages_and_predependencies_come_first() {
        let mut packages = vec![
            package("zlib", ""),
            package("app", "Depends: zlib, init-virtual\n"),
            package("dpkg", "Essential: yes\nDepends: libc | other\n"),
            package("sysv", "Pre-Depends: systemd\n"),
            package("systemd", "Depends: libc\nProvides: init-virtual (= 1)\n"),
            package("libc", "Depends: gcc-base\n"),
            package("gcc-base", "Depends: libc\n"),
            package("base-passwd", "Essential: yes\nDepends: client\n"),
            package("client", ""),
        ];
        let expected = [
            vec![
                "base-passwd",
                "client",
                "gcc-base",
                "libc",
                "dpkg",
                "systemd",
            ],
            vec!["zlib", "app", "sysv"],
        ];
        assert_eq!(names(&packages), expected);
        packages.reverse();
        assert_eq!(names(&packages), expected);
    }
}
