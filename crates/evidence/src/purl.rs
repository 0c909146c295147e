//! Package URLs (purl), the names that scanners know packages by.

use std::fmt::Write;

use kindling_deb::LockedPackage;

use crate::{Origin, Tools};

/// A package of the image: `pkg:deb/debian/libc6@2.36-9%2Bdeb12u9?arch=amd64&distro=bookworm`.
pub(super) fn deb(origin: &Origin<'_>, package: &LockedPackage) -> String {
    deb_of(origin.distribution, origin.release, package)
}

/// A package of build tools.
pub(super) fn tool(tools: &Tools<'_>, package: &LockedPackage) -> String {
    deb_of(tools.distribution, tools.release, package)
}

fn deb_of(distribution: &str, release: &str, package: &LockedPackage) -> String {
    format!(
        "pkg:deb/{}/{}@{}?arch={}&distro={}",
        encode(distribution),
        encode(&package.name),
        encode(&package.version),
        encode(&package.architecture),
        encode(release)
    )
}

/// `pkg:cargo/rustix@1.1.2`.
pub(super) fn cargo(name: &str, version: &str) -> String {
    format!("pkg:cargo/{}@{}", encode(name), encode(version))
}

/// `pkg:npm/%40scope/name@1.2.3`.
pub(super) fn npm(name: &str, version: &str) -> String {
    let name: Vec<String> = name.split('/').map(encode).collect();
    format!("pkg:npm/{}@{}", name.join("/"), encode(version))
}

/// Percent-encoding of the purl specification: everything but letters, digits and `.-_~` in a component; a colon may
/// stay.
fn encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' | b'~' | b':' => {
                encoded.push(char::from(byte));
            }
            _ => {
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_is_not_plain_is_encoded() {
        assert_eq!(super::cargo("a+b", "1:2~rc"), "pkg:cargo/a%2Bb@1:2~rc");
        let npm = super::npm("@openai/codex", "1.0.0-linux");
        assert_eq!(npm, "pkg:npm/%40openai/codex@1.0.0-linux");
        assert_eq!(super::encode("é/@?"), "%C3%A9%2F%40%3F");
    }
}
