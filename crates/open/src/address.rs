//! Checks the addresses that are to be opened.

/// The longest address; Chromium shows none beyond 2 MiB, and links of log-ins have some 2 KiB.
const LONGEST: usize = 32 << 10;

/// Checks that an address may be handed to a browser as an argument: one of the web in printable ASCII cannot be an
/// option, a second argument or a file of this machine.
///
/// # Errors
/// The address may not; the text says why, for a person.
pub(crate) fn check(url: &str) -> Result<(), String> {
    let lower = url.get(..8).unwrap_or(url).to_ascii_lowercase();
    let scheme = ["http://", "https://"]
        .into_iter()
        .find(|scheme| lower.starts_with(scheme));
    let Some(rest) = scheme.and_then(|scheme| url.get(scheme.len()..)) else {
        return Err(format!(
            "`{}` is no address that begins with http:// or https://",
            shown(url)
        ));
    };
    if url.len() > LONGEST {
        return Err(format!("the address is longer than {LONGEST} bytes"));
    }
    if !url.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(format!(
            "`{}` has characters that an address does not: write them as %XX",
            shown(url)
        ));
    }
    if rest.starts_with(['/', '?', '#', ':']) || rest.is_empty() {
        return Err(format!("`{}` names no host", shown(url)));
    }
    Ok(())
}

/// At most 100 characters of a text, without control characters.
fn shown(text: &str) -> String {
    text.chars()
        .take(100)
        .flat_map(char::escape_debug)
        .collect()
}

/// The title of a window whose page has none yet: host, port and path, without the scheme.
pub(crate) fn without_scheme(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split_once(['?', '#']).map_or(rest, |(path, _)| path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_web_is_opened() {
        for url in [
            "http://127.0.0.1:8000/page",
            "https://example.org",
            "HTTPS://example.org/?a=b&c=%20#d",
            "http://[::1]:80/",
        ] {
            assert_eq!(check(url), Ok(()), "{url}");
        }
        for url in [
            "",
            "-",
            "--no-sandbox",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "http:/x",
            "http://",
            "http:///etc",
            "https://?q",
            "http://a b",
            "http://a\nb",
            "http://ä",
            "chrome://settings",
            " http://a",
            "httpß://a",
        ] {
            assert!(check(url).is_err(), "{url}");
        }
    }

    #[test]
    fn what_browsers_show_of_an_address() {
        assert_eq!(
            without_scheme("http://127.0.0.1:80/a?b#c"),
            "127.0.0.1:80/a"
        );
    }

    proptest::proptest! {
        #[test]
        fn what_passes_is_one_harmless_argument(url in ".{0,40}|https?://.{0,40}") {
            if check(&url).is_ok() {
                proptest::prop_assert!(url.starts_with("http") && !url.contains(char::is_whitespace));
            }
        }
    }
}
