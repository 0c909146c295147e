//! Names of VMs.

/// Whether this is a host name label (RFC 1123) in lowercase.
pub(crate) fn is_name(name: &str) -> bool {
    let inside = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=63).contains(&name.len())
        && name.bytes().all(inside)
        && !name.starts_with('-')
        && !name.ends_with('-')
}

/// A recipe's name as a VM's name, with room for a number: what a host name cannot have becomes a hyphen.
pub(crate) fn stem_of(recipe: &str) -> String {
    let label = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '-'
        }
    };
    let stem: String = recipe.chars().map(label).take(50).collect();
    match stem.trim_matches('-') {
        "" => "vm".to_owned(),
        stem => stem.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_host_names() {
        assert!(is_name("minimal-debian-12") && is_name("a"));
        let long = "a".repeat(64);
        for wrong in ["", "-a", "a-", "A", "a.b", "../x", "a/b", ".new-x", &long] {
            assert!(!is_name(wrong), "{wrong}");
        }
        assert_eq!(stem_of("golden-ubuntu-22.04"), "golden-ubuntu-22-04");
        assert_eq!(stem_of("..."), "vm");
    }
}
