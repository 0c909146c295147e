//! At most two modules of a crate may need each other: a larger circle can only be understood as a whole.
//!
//! An arrow goes from a module to each module that one of its paths names (`use crate::a::b`, `super::c::f()`), through
//! re-exports to where the item is defined. A module may use those that contain it, as it is a part of them; unit tests
//! do not count.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use petgraph::algo::tarjan_scc;
use petgraph::graph::DiGraph;

use super::paths::{Named, named};
use super::source::Source;

/// Modules of the largest circle that passes.
const LARGEST: usize = 2;

/// The path of a module below the root of its crate: `["rules", "circles"]`.
type Module = Vec<String>;

/// One finding for each circle of more than [`LARGEST`] modules.
pub(super) fn check(files: &[Source]) -> Vec<String> {
    let mut crates: BTreeMap<PathBuf, Crate> = BTreeMap::new();
    for file in files {
        if let Some((root, module)) = place(&file.path) {
            let (code, _) = file.parts();
            let modules = &mut crates.entry(root).or_default().modules;
            modules.entry(module).or_default().push_str(code); // main.rs and lib.rs are one root
        }
    }
    let circles = crates.iter().flat_map(|(root, one)| {
        let circles = one.circles().into_iter();
        circles.map(|circle| format!("{}: a circle of modules: {circle}", root.display()))
    });
    circles.collect()
}

/// The folder of the crate's root module, and the module that a file is; nothing for a file that is only tests.
fn place(path: &Path) -> Option<(PathBuf, Module)> {
    let parts: Vec<&str> = path.iter().filter_map(|part| part.to_str()).collect();
    let mut start = parts.iter().position(|part| *part == "src")? + 1;
    if parts.get(start) == Some(&"bin") {
        start = (start + 2).min(parts.len() - 1);
    }
    let mut module: Module = parts[start..]
        .iter()
        .map(|part| (*part).to_owned())
        .collect();
    let last = module.pop()?;
    let stem = last.strip_suffix(".rs")?;
    if stem == "tests" || module.iter().any(|part| part == "tests") {
        return None;
    }
    let is_folder = ["mod", "lib", "main"].contains(&stem);
    module.extend((!is_folder).then(|| stem.to_owned()));
    Some((parts[..start].iter().collect(), module))
}

/// The modules of a crate and their code without tests.
#[derive(Default)]
struct Crate {
    modules: BTreeMap<Module, String>,
}

impl Crate {
    /// The circles, each as a line of its modules in alphabetical order.
    fn circles(&self) -> Vec<String> {
        let named: BTreeMap<&Module, Vec<Named>> = self
            .modules
            .iter()
            .map(|(module, code)| (module, self.named_by(module, code)))
            .collect();
        let mut graph = DiGraph::new();
        let nodes: BTreeMap<&Module, _> = named
            .keys()
            .map(|module| (*module, graph.add_node(*module)))
            .collect();
        for (from, paths) in &named {
            for path in paths {
                let to = self.defined_in(&path.path, &named);
                if !from.starts_with(&to) {
                    graph.update_edge(nodes[from], nodes[&to], ());
                }
            }
        }
        let circles = tarjan_scc(&graph).into_iter();
        let large = circles
            .filter(|circle| circle.len() > LARGEST)
            .map(|circle| {
                let mut names: Vec<String> =
                    circle.into_iter().map(|node| name(graph[node])).collect();
                names.sort();
                names.join(", ")
            });
        large.collect()
    }

    /// The paths in a module's code that lead to modules of this crate, from its root on.
    fn named_by(&self, module: &Module, code: &str) -> Vec<Named> {
        let from_root = |mut one: Named| {
            let first = one.path.first()?.clone();
            let up = one.path.iter().take_while(|part| *part == "super").count();
            let base = match first.as_str() {
                "crate" => &[][..],
                "self" => &module[..],
                "super" => &module[..module.len().saturating_sub(up)],
                // A child's name, where there is such a child.
                _ => {
                    let child = [module, &[first][..]].concat();
                    self.modules.get(&child)?;
                    one.path.splice(0..0, module.iter().cloned());
                    return Some(one);
                }
            };
            let skipped = up.max(1);
            one.path = [base, &one.path[skipped..]].concat();
            Some(one)
        };
        named(code).into_iter().filter_map(from_root).collect()
    }

    /// The module where the thing of this path is defined, as far as the crate's own re-exports tell.
    fn defined_in(&self, path: &[String], named: &BTreeMap<&Module, Vec<Named>>) -> Module {
        let mut path = path.to_vec();
        // A re-export leads to another at most as often as there are modules.
        for _ in 0..=self.modules.len() {
            let depth = (0..=path.len())
                .rev()
                .find(|&depth| self.modules.contains_key(&path[..depth]));
            let (module, rest) = path.split_at(depth.unwrap_or(0));
            let Some(item) = rest.first() else { break };
            let exports = named.get(&module.to_vec());
            let export = exports.and_then(|all| {
                let mut exports = all.iter().filter(|one| one.exported);
                exports.find(|one| one.path.last() == Some(item) && one.path != path)
            });
            match export {
                Some(export) => path = [&export.path, &rest[1..]].concat(),
                None => return module.to_vec(),
            }
        }
        path
    }
}

/// The name of a module as a person writes it.
fn name(module: &Module) -> String {
    match module.as_slice() {
        [] => "the root".to_owned(),
        parts => parts.join("::"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let sources: Vec<Source> = files
            .iter()
            .map(|(path, text)| Source {
                path: path.into(),
                text: (*text).to_owned(),
            })
            .collect();
        check(&sources)
    }

    #[test]
    fn a_circle_of_three_is_found_through_nested_uses_and_plain_paths() {
        let files = [
            ("a/src/lib.rs", "mod one; mod two; pub mod three;"),
            ("a/src/one.rs", "use crate::{three, two::{self, Two}};"),
            ("a/src/two/mod.rs", "fn f() { super::three::inner::g() }"),
            (
                "a/src/three/inner.rs",
                "use std::fs;\nuse crate::one::One as Other;",
            ),
        ];
        assert_eq!(
            found(&files),
            ["a/src: a circle of modules: one, three::inner, two"]
        );
        assert_eq!(found(&files[..3]), [""; 0]);
    }

    #[test]
    fn a_module_may_use_what_contains_it_and_a_pair_may_use_each_other() {
        let files = [
            (
                "a/src/lib.rs",
                "mod one; mod two; pub use one::One; struct Root;",
            ),
            ("a/src/one.rs", "use crate::{Root, two::Two};"),
            (
                "a/src/two.rs",
                "use crate::{One, Root}; mod inner; fn f() { inner::g(); }",
            ),
            ("a/src/two/inner.rs", "use super::Two; use crate::Root;"),
        ];
        assert_eq!(found(&files), [""; 0]);
    }

    #[test]
    fn a_re_export_leads_to_where_the_item_is_defined() {
        let files = [
            (
                "a/src/lib.rs",
                "mod one; mod two; mod three; pub use one::One; pub(crate) use two::Two;",
            ),
            ("a/src/one.rs", "use crate::Two;"),
            ("a/src/two.rs", "use crate::three;"),
            ("a/src/three.rs", "use crate::One;"),
        ];
        assert_eq!(
            found(&files),
            ["a/src: a circle of modules: one, three, two"]
        );
    }

    #[test]
    fn tests_comments_and_other_crates_of_the_package_do_not_count() {
        let files = [
            ("a/src/lib.rs", "mod one; mod two; mod three;"),
            ("a/src/one.rs", "use crate::two; // use crate::three;"),
            (
                "a/src/two.rs",
                "use crate::three;\n#[cfg(test)]\nmod tests {\n use crate::one; }",
            ),
            ("a/src/three.rs", "const TEXT: &str = \"crate::one::f\";"),
            ("a/src/three/tests.rs", "use crate::one;"),
            ("a/src/bin/b/main.rs", "mod three;"),
            ("a/src/bin/b/three.rs", "use crate::one;"),
        ];
        assert_eq!(found(&files), [""; 0]);
    }
}
