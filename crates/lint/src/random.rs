//! Contents that look as if a machine had drawn them: private keys, random bytes, tokens.

use std::collections::BTreeMap;

/// Beginnings of compressed files, whose bytes look random and are not.
const COMPRESSED: [&[u8]; 5] = [
    b"\x1f\x8b",
    b"\xfd7zXZ",
    b"\x28\xb5\x2f\xfd",
    b"BZh",
    b"PK\x03\x04",
];
/// Types of keys at the start of a file in the format of SSH's messages (RFC 4253, 6.6), which dropbear keeps.
const SSH: [&[u8]; 2] = [b"ssh-", b"ecdsa-"];

/// Readers of a file. The fewer may read it, the less of it has to look random to be a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    /// Everybody: only a file that is nothing else holds a secret.
    All,
    /// Its owner or group, and it is data: the same, or bytes without a text.
    OfData,
    /// Its owner or group, and it is a configuration: one word is enough.
    Some,
}

/// The secret in a file.
pub(crate) fn secret(content: &[u8], reader: Reader) -> Option<&'static str> {
    let key = b"PRIVATE KEY-----";
    let is_pem = content.windows(key.len()).any(|window| window == key);
    let is_ssh = |kind: &&[u8]| content.get(4..).is_some_and(|rest| rest.starts_with(kind));
    if is_pem || content.starts_with(b"\0\0\0") && SSH.iter().any(is_ssh) {
        return Some("a private key");
    }
    match std::str::from_utf8(content) {
        // Certificates and parameters, which are public.
        Ok(text) if text.contains("-----BEGIN ") => None,
        Ok(text) if is_token(text.trim()) => Some("a random token"),
        Ok(text) if reader == Reader::Some && words(text).any(is_word) => Some("a random word"),
        Err(_) if reader != Reader::All && is_noise(content) => Some("random bytes"),
        _ => None,
    }
}

/// The words of a text, comments left out.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.lines().map(str::trim_start);
    let lines = lines.filter(|line| !line.starts_with(['#', ';']));
    lines.flat_map(|line| line.split(|c: char| c.is_whitespace() || "\"'=:;,{}()<>".contains(c)))
}

/// Whether a file that is nothing but this is a token.
fn is_token(text: &str) -> bool {
    let capitals = text.len() >= 16 && text.bytes().all(|b| b.is_ascii_uppercase());
    is_uuid(text)
        || is_hex(text, 24)
        || is_mixed(text)
        || capitals && entropy(text.as_bytes()) > 3.0
}

/// Whether a word of a private file is a token.
fn is_word(word: &str) -> bool {
    is_hex(word, 12) || is_mixed(word)
}

fn is_uuid(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    lengths == [8, 4, 4, 4, 12]
        && parts
            .iter()
            .all(|part| part.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Hexadecimal digits of which some are letters and some are not: neither a number nor a word.
fn is_hex(text: &str, least: usize) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let enough = |count| count * 6 >= text.len();
    text.len() >= least
        && text.bytes().all(|b| b.is_ascii_hexdigit())
        && enough(digits)
        && enough(text.len() - digits)
}

/// Base64 and its like, in which capitals, small letters and digits take turns as no name's do.
fn is_mixed(text: &str) -> bool {
    let class = |byte: &u8| match byte {
        b'A'..=b'Z' => 0,
        b'a'..=b'z' => 1,
        b'0'..=b'9' => 2,
        _ => 3,
    };
    let bytes = text.trim_end_matches('=').as_bytes();
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/_-".contains(byte);
    let turns = bytes
        .windows(2)
        .filter(|pair| class(&pair[0]) != class(&pair[1]))
        .count();
    let has = |wanted| bytes.iter().any(|byte| class(byte) == wanted);
    bytes.len() >= 16
        && bytes.iter().all(is_plain)
        && has(0)
        && has(1)
        && has(2)
        && turns * 20 >= bytes.len() * 9
}

/// Bytes that are spread as evenly as random ones.
fn is_noise(content: &[u8]) -> bool {
    let most = 8_f64.min((content.len() as f64).log2());
    let compressed = COMPRESSED.iter().any(|magic| content.starts_with(magic));
    content.len() >= 16 && !compressed && entropy(content) > 0.9 * most
}

/// Bits for each byte (Shannon).
fn entropy(bytes: &[u8]) -> f64 {
    let mut counts: BTreeMap<u8, u32> = BTreeMap::new();
    for byte in bytes {
        *counts.entry(*byte).or_default() += 1;
    }
    let all = bytes.len() as f64;
    let parts = counts.values().map(|&count| f64::from(count) / all);
    parts.map(|part| -part * part.log2()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn secrets_of_services_are_seen() {
        for text in [
            "-----BEGIN RSA PRIVATE KEY-----\nMIIE",
            "\0\0\0\x0bssh-ed25519\0\0\0@",
            "QWJVNZTPSXKDLRMAHBGF\n",                 // Erlang's cookie
            "0b57e1a2-7d0c-4c8e-9a53-0f4b8f6f1c11\n", // a host's number for NVMe
            "8c7d1e5f90ab34cd56ef1278ab90cd34\n",
        ] {
            assert!(secret(text.as_bytes(), Reader::All).is_some(), "{text}");
        }
        for text in [
            "key \"rndc-key\" {\n\tsecret \"oKZ3x5jU9aQ2bL7cT1vWnRfYgHs8dEmP4iXqC0uNk6M=\";\n};\n",
            "InitiatorName=iqn.1993-08.org.debian:01:3f5e9a7c41b2\n",
        ] {
            assert!(secret(text.as_bytes(), Reader::Some).is_some(), "{text}");
            for other in [Reader::All, Reader::OfData] {
                assert!(secret(text.as_bytes(), other).is_none(), "{text}");
            }
        }
        let noise: Vec<u8> = (0..1024_u32)
            .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
            .collect();
        assert_eq!(secret(&noise, Reader::OfData), Some("random bytes"));
    }

    #[test]
    fn ordinary_files_are_none() {
        for text in [
            "",
            "12.7\n",
            "user = mysql\npassword = \nsocket=/run/mysqld/mysqld.sock\n",
            "-----BEGIN CERTIFICATE-----\nMIIDx3Q9zK5jU9aQ2bL7cT1vWnRfYgHs8\n-----END CERTIFICATE-----\n",
            "# 8c7d1e5f90ab34cd56ef1278ab90cd34\nEnableTransparentHugePages2M yes\n",
            "GSSAPIStrictAcceptorCheck no\nHostbasedAcceptedKeyTypes x\n",
            "nodename-with-a-long-name.example.org\n",
            "20261101000000\n",
            "entryUUID: 0b57e1a2-7d0c-4c8e-9a53-0f4b8f6f1c11\n",
        ] {
            assert_eq!(secret(text.as_bytes(), Reader::Some), None, "{text}");
        }
        let zeros = [[0; 4000].as_slice(), b"\xff\xfe data"].concat();
        assert_eq!(secret(&zeros, Reader::Some), None);
        assert_eq!(
            secret(
                b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x4a\x91\xc2\xee\x11\x77\x99",
                Reader::Some
            ),
            None
        );
    }

    proptest! {
        #[test]
        fn any_content_has_an_answer(content in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = secret(&content, Reader::Some);
        }

        #[test]
        fn random_bytes_are_seen(content in proptest::collection::vec(any::<u8>(), 1024)) {
            prop_assert!(secret(&content, Reader::OfData).is_some());
        }
    }
}
