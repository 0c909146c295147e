//! Near names for a misspelt one.

/// The candidates that are near `wrong`, nearest first, at most `most` of them.
///
/// Near means an edit distance (insert, delete, replace, swap) of at most a third of the longer word,
/// or one being the beginning of the other.
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
            let distance = distance(wrong, candidate);
            (distance <= longer.div_ceil(3) || candidate.starts_with(wrong))
                .then_some((distance, candidate))
        })
        .collect();
    scored.sort_unstable();
    scored.dedup();
    scored.truncate(most);
    scored.into_iter().map(|(_, candidate)| candidate).collect()
}

/// The hint for a misspelt name, if any of the candidates is near it: ``did you mean `a` or `b`?``
pub fn did_you_mean<'a, S: AsRef<str> + ?Sized + 'a>(
    wrong: &str,
    candidates: impl IntoIterator<Item = &'a S>,
) -> Option<String> {
    let near = nearest(wrong, candidates.into_iter().map(AsRef::as_ref), 3);
    (!near.is_empty()).then(|| format!("did you mean `{}`?", near.join("` or `")))
}

/// Optimal string alignment distance.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    for (j, cell) in rows[0].iter_mut().enumerate() {
        *cell = j;
    }
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let cost = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (rows[i - 1][j] + 1)
                .min(rows[i][j - 1] + 1)
                .min(rows[i - 1][j - 1] + cost);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
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
