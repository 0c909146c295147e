//! Names that are near a misspelt one.

/// The candidates that are near `wrong`, nearest first, at most `most` of them.
///
/// A candidate is near if its edit distance (insert, delete, replace, swap neighbours) is at most a third of the longer
/// word, or if it begins with `wrong`.
pub fn nearest<'a>(
    wrong: &str,
    candidates: impl IntoIterator<Item = &'a str>,
    most: usize,
) -> Vec<&'a str> {
    let mut scored: Vec<(usize, &str)> = candidates
        .into_iter()
        .filter_map(|candidate| {
            let longer = wrong.len().max(candidate.len());
            if candidate.len().abs_diff(wrong.len()) > longer / 3 && !candidate.starts_with(wrong) {
                return None;
            }
            let distance = strsim::osa_distance(wrong, candidate);
            (distance <= longer.div_ceil(3) || candidate.starts_with(wrong))
                .then_some((distance, candidate))
        })
        .collect();
    scored.sort_unstable();
    scored.dedup();
    scored.truncate(most);
    scored.into_iter().map(|(_, candidate)| candidate).collect()
}

/// The hint for a misspelt name, if a candidate is near it: ``did you mean `a` or `b`?``
pub fn did_you_mean<'a, S: AsRef<str> + ?Sized + 'a>(
    wrong: &str,
    candidates: impl IntoIterator<Item = &'a S>,
) -> Option<String> {
    let near = nearest(wrong, candidates.into_iter().map(AsRef::as_ref), 3);
    (!near.is_empty()).then(|| format!("did you mean `{}`?", near.join("` or `")))
}

#[cfg(test)]
mod tests {
    use super::{did_you_mean, nearest};

    #[test]
    fn near_names_come_first() {
        let known = ["packages", "suites", "mirror", "overlays", "package_count"];
        assert_eq!(nearest("pakcages", known, 3), ["packages"]);
        assert_eq!(nearest("overlay", known, 3), ["overlays"]);
        assert!(nearest("zzz", known, 3).is_empty());
    }

    #[test]
    fn a_hint_has_the_near_names_only() {
        let known = ["a1", "a2", "long"].map(str::to_owned);
        let hint = did_you_mean("a3", &known);
        assert_eq!(hint.as_deref(), Some("did you mean `a1` or `a2`?"));
        assert_eq!(did_you_mean("zzz", &known), None);
    }
}
