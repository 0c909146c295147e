//! Names of packages.

/// Whether a package may have this name: npm's rule, with the capital letters of old packages. Safe as a path and in
/// an address.
pub fn is_name(name: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && !part.starts_with(['.', '_'])
            && part
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-._~".contains(c))
    };
    // 214 is npm's limit, scope included.
    name.len() <= 214
        && name != "node_modules"
        && match name.strip_prefix('@') {
            Some(scoped) => scoped
                .split_once('/')
                .is_some_and(|(scope, name)| part(scope) && part(name)),
            None => part(name),
        }
}
