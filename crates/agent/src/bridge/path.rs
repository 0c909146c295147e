//! Finds the file below a folder that the path of a request names.

use std::path::{Path, PathBuf};

/// The file that is served for a folder.
const INDEX: &str = "index.html";

/// The file below `folder` that a request's path means: percent-decoded (RFC 3986, section 2.1), each part a plain name.
/// Nothing for a path that leads elsewhere or has no meaning: `..`, a NUL, an encoded slash, half of an escape.
///
/// Symbolic links are followed: they are the image's own.
pub(super) fn file(folder: &Path, path: &str) -> Option<PathBuf> {
    let mut file = folder.to_owned();
    let path = path.strip_prefix('/')?;
    let mut parts = path.split('/').peekable();
    while let Some(part) = parts.next() {
        let is_last = parts.peek().is_none();
        let name = decode(part)?;
        match name.as_str() {
            "" if is_last => file.push(INDEX),
            "" | "." | ".." => return None,
            name if name.contains(['/', '\0']) => return None,
            name => file.push(name),
        }
    }
    Some(file)
}

/// A part of a path with its escapes resolved; `None` for a malformed escape, or a result that is not UTF-8.
fn decode(part: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        let byte = match byte {
            b'%' => {
                let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
                high << 4 | low
            }
            byte => byte,
        };
        bytes.push(byte);
    }
    String::from_utf8(bytes).ok()
}

fn digit(byte: u8) -> Option<u8> {
    let digit = char::from(byte).to_digit(16)?;
    u8::try_from(digit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(path: &str) -> Option<String> {
        let file = file(Path::new("/web"), path)?;
        file.to_str().map(str::to_owned)
    }

    #[test]
    fn paths_mean_files_below_the_folder() {
        assert_eq!(of("/").as_deref(), Some("/web/index.html"));
        assert_eq!(of("/core/rfb.js").as_deref(), Some("/web/core/rfb.js"));
        assert_eq!(of("/app/").as_deref(), Some("/web/app/index.html"));
        assert_eq!(of("/a%20b%C3%A9").as_deref(), Some("/web/a bé"));
        assert_eq!(of("/..a/.b").as_deref(), Some("/web/..a/.b"));
    }

    #[test]
    fn what_leads_elsewhere_means_nothing() {
        for path in [
            "",
            "x",
            "//etc/passwd",
            "/../x",
            "/a/..",
            "/a/../../x",
            "/%2e%2e/x",
            "/.%2E/x",
            "/a%2fb",
            "/a%00",
            "/%",
            "/%4",
            "/%zz",
            "/%ff",
            "/./a",
            "/a//b",
        ] {
            assert_eq!(of(path), None, "{path}");
        }
    }

    proptest! {
        /// For any path, the file is below the folder and its parts are plain names.
        #[test]
        fn nothing_leads_out(path in "(/|%2[eEfF]|%00|\\.|%5c|[a-z%]|é){0,20}") {
            if let Some(file) = file(Path::new("/web"), &path) {
                let below = file.strip_prefix("/web").unwrap();
                prop_assert!(below.components().all(|part| matches!(part, std::path::Component::Normal(_))));
                prop_assert!(!file.as_os_str().as_encoded_bytes().contains(&0));
            }
        }

        #[test]
        fn what_is_encoded_comes_back(name in "[^/\0]{1,20}") {
            prop_assume!(name != "." && name != "..");
            let encoded: String = name.bytes().map(|byte| format!("%{byte:02X}")).collect();
            prop_assert_eq!(of(&format!("/{encoded}")), Some(format!("/web/{name}")));
        }
    }
}
