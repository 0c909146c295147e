//! Paths of a tree.

/// The path of the directory that holds `path`.
pub(super) fn parent(path: &[u8]) -> &[u8] {
    path.iter()
        .rposition(|&b| b == b'/')
        .map_or(b"", |slash| &path[..slash])
}

/// Whether a path may be in a tree: relative, without `.` and `..`, empty parts and NULs.
pub(super) fn is_plain(path: &[u8]) -> bool {
    path.is_empty()
        || path
            .split(|&b| b == b'/')
            .all(|part| !part.is_empty() && part != b"." && part != b".." && !part.contains(&0))
}
