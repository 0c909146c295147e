//! Explains an unsatisfiable request as a chain from the request down to what is missing.

use kindling_base::Error;

use crate::index::{Index, PackageId, Target, groups};

/// The error for requests that cannot be installed together. `conflict` is the solver's own account, asked
/// for only where every dependency has a package and it is their conflicts that stand in the way.
pub(crate) fn explain(
    index: &Index,
    wanted: &[PackageId],
    conflict: impl FnOnce() -> String,
) -> Error {
    let hopeless = hopeless(index);
    match wanted.iter().find(|id| hopeless[**id as usize].is_some()) {
        Some(id) => {
            let (chain, missing) = chain(index, *id, &hopeless);
            Error::user(format!("{} cannot be installed", index.name_of(*id)))
                .about(index.name_of(*id))
                .note(format!("{}: {}", chain.join(" -> "), describe(index, missing)))
                .hint("name another package or version, or add the suite or component that has what is missing")
        }
        None => Error::user("the packages asked for cannot be installed together")
            .note(conflict().trim_end().to_owned())
            .hint("leave out one of those that conflict"),
    }
}

/// For every package that cannot be installed for lack of another one, whatever conflicts there are, when
/// that was found: it lacks only what is not in the archive or was found before it.
fn hopeless(index: &Index) -> Vec<Option<usize>> {
    let mut hopeless = vec![None; index.packages.len()];
    let mut found = 0;
    loop {
        let before = found;
        for id in 0..index.packages.len() {
            let mut relations = groups(&index.packages[id].depends);
            if hopeless[id].is_none()
                && relations.any(|group| fails(index, group, &hopeless, found))
            {
                hopeless[id] = Some(found);
                found += 1;
            }
        }
        if found == before {
            return hopeless;
        }
    }
}

/// Whether all that would satisfy the group was found hopeless before the step `before`.
fn fails(index: &Index, group: &[Target], hopeless: &[Option<usize>], before: usize) -> bool {
    group
        .iter()
        .flat_map(|target| index.satisfying(*target))
        .all(|id| hopeless[id as usize].is_some_and(|step| step < before))
}

/// The relations from a hopeless package down to one that no package satisfies, which is returned apart.
fn chain<'a>(
    index: &'a Index,
    from: PackageId,
    hopeless: &[Option<usize>],
) -> (Vec<String>, &'a [Target]) {
    let mut names = vec![index.name_of(from).to_owned()];
    let mut at = from;
    // Each turn goes to a package that was found earlier, so there are no circles.
    while let Some(step) = hopeless[at as usize]
        && let Some(group) =
            groups(&index.package(at).depends).find(|g| fails(index, g, hopeless, step))
    {
        names.push(display(index, group));
        match group
            .iter()
            .flat_map(|target| index.satisfying(*target))
            .next()
        {
            Some(next) => at = next,
            None => return (names, group),
        }
    }
    (names, &[])
}

fn display(index: &Index, group: &[Target]) -> String {
    let alternatives: Vec<String> = group.iter().map(|target| index.display(*target)).collect();
    alternatives.join(" | ")
}

/// The versions that the archive has instead of those that a relation asks for.
fn describe(index: &Index, group: &[Target]) -> String {
    let have: Vec<String> = group
        .iter()
        .flat_map(|target| &index.by_name[target.name as usize])
        .map(|id| index.version_of(*id).to_owned())
        .collect();
    if have.is_empty() {
        "no such package is in the archive".to_owned()
    } else {
        format!("no version fits; the archive has {}", have.join(", "))
    }
}
