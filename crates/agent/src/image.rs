//! The image that this guest was made of.

/// The builder's description of the image, in the format of os-release(5).
const FILE: &str = "/usr/lib/kindling/image-release";

/// The hash of all that the root filesystem was made of: the key of the stage `rootfs` in the bundle's
/// `provenance.json`. Empty in an image that does not say.
pub fn hash() -> String {
    let text = std::fs::read_to_string(FILE).unwrap_or_default();
    value(&text, "IMAGE_VERSION").to_owned()
}

/// The value of a line `NAME=VALUE`; the last one counts.
fn value<'a>(text: &'a str, name: &str) -> &'a str {
    let lines = text.lines().rev();
    let mut values = lines.filter_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    values.next().unwrap_or_default().trim_matches('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_found_among_other_lines() {
        let text = "# comment\nIMAGE_ID=golden\nIMAGE_VERSION_OLD=x\nIMAGE_VERSION=\"0a1b\"\n";
        assert_eq!(value(text, "IMAGE_VERSION"), "0a1b");
        assert_eq!(value("", "IMAGE_VERSION"), "");
    }
}
