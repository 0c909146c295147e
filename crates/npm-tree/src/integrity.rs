//! Subresource integrity (W3C SRI), as npm writes it: `sha512-BASE64`.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use kindling_base::hash::hex;

/// The one algorithm that we take: npm's registry has it for every package since 2017.
const SHA512: &str = "sha512-";

/// Bytes of a SHA-512.
const LENGTH: usize = 64;

/// The strongest hash of an `integrity` text, if it is a SHA-512: `sha512-BASE64` without options.
pub fn sha512(text: &str) -> Option<String> {
    text.split_ascii_whitespace()
        .filter_map(|one| {
            let one = one.split('?').next()?;
            digest(one).map(|_| one.to_owned())
        })
        .next()
}

/// The lowercase hexadecimal of `sha512-BASE64`; `None` for any other text.
pub fn to_hex(integrity: &str) -> Option<String> {
    digest(integrity).map(|digest| hex(&digest))
}

/// `sha512-BASE64` of a digest.
pub fn of(digest: &[u8]) -> String {
    format!("{SHA512}{}", BASE64_STANDARD.encode(digest))
}

fn digest(text: &str) -> Option<Vec<u8>> {
    let digest = BASE64_STANDARD.decode(text.strip_prefix(SHA512)?).ok()?;
    (digest.len() == LENGTH).then_some(digest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_sha512_is_taken() {
        let good = of(&[7; LENGTH]);
        assert_eq!(sha512(&format!("sha1-x {good}?x=y")), Some(good.clone()));
        assert_eq!(to_hex(&good), Some("07".repeat(LENGTH)));
        let short = of(&[7; 20]);
        for bad in ["", "sha512-", "sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=", &short] {
            assert_eq!((sha512(bad), to_hex(bad)), (None, None), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "(sha512-)?\\PC{0,100}") {
            let _ = (sha512(&text), to_hex(&text));
        }
    }
}
