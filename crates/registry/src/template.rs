//! Addresses of downloads, as a registry's `config.json` has them: templates with markers.

use serde::Deserialize;

use kindling_vendor::Pin;

/// Markers, as "Running a Registry, Index Format" of cargo's documentation has them.
const MARKERS: [&str; 5] = [
    "{crate}",
    "{version}",
    "{prefix}",
    "{lowerprefix}",
    "{sha256-checksum}",
];

/// The part of an index's `config.json` that is needed here.
#[derive(Deserialize)]
struct Index {
    dl: String,
}

/// The address of every crate's file in a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template(String);

impl Template {
    /// The template in a `config.json`, or its problem. Only what this machine keeps (`local`) may lead to files of it.
    pub(crate) fn read(config: &[u8], local: bool) -> Result<Self, String> {
        let index: Index = serde_json::from_slice(config)
            .map_err(|error| format!("is no configuration of an index: {error}"))?;
        let schemes: &[&str] = match local {
            true => &["http://", "https://", "file:///"],
            false => &["http://", "https://"],
        };
        match schemes.iter().any(|scheme| index.dl.starts_with(scheme)) {
            true => Ok(Self(index.dl)),
            false => Err(format!(
                "its `dl` is no address: `{}`",
                index.dl.escape_debug()
            )),
        }
    }

    /// The address of a crate's file.
    pub(crate) fn url(&self, pin: &Pin) -> String {
        if !MARKERS.iter().any(|marker| self.0.contains(marker)) {
            return format!("{}/{}/{}/download", self.0, pin.name, pin.version);
        }
        let prefix = prefix(&pin.name);
        let values = [
            &pin.name,
            &pin.version,
            &prefix,
            &prefix.to_lowercase(),
            &pin.sha256,
        ];
        let pairs = MARKERS.into_iter().zip(values);
        pairs.fold(self.0.clone(), |url, (marker, value)| {
            url.replace(marker, value)
        })
    }
}

/// The folder of a name in an index: `1`, `2`, `3/s`, `se/rd`.
fn prefix(name: &str) -> String {
    let part = |range: std::ops::Range<usize>| name.get(range).unwrap_or_default();
    match name.len() {
        length @ 0..=2 => length.to_string(),
        3 => format!("3/{}", part(0..1)),
        _ => format!("{}/{}", part(0..2), part(2..4)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(dl: &str, name: &str) -> String {
        let config = format!(r#"{{"dl": "{dl}", "api": "http://r.example"}}"#);
        let pin = Pin {
            name: name.into(),
            version: "1.2.3+x".into(),
            sha256: "ab".repeat(32),
        };
        Template::read(config.as_bytes(), false).unwrap().url(&pin)
    }

    #[test]
    fn a_template_is_filled_as_cargo_fills_it() {
        let plain = "http://r.example/v1/crates";
        assert_eq!(
            url(plain, "Serde"),
            "http://r.example/v1/crates/Serde/1.2.3+x/download"
        );
        let markers = "http://r.example/{prefix}/{lowerprefix}/{crate}-{version}.crate";
        for (name, folder) in [
            ("A", "1/1"),
            ("Ab", "2/2"),
            ("Abc", "3/A/3/a"),
            ("Serde", "Se/rd/se/rd"),
        ] {
            assert_eq!(
                url(markers, name),
                format!("http://r.example/{folder}/{name}-1.2.3+x.crate")
            );
        }
        assert_eq!(
            url("http://r.example/{sha256-checksum}", "a"),
            format!("http://r.example/{}", "ab".repeat(32))
        );
    }

    #[test]
    fn a_server_cannot_name_files_of_this_machine() {
        let config = br#"{"dl": "file:///crates"}"#;
        assert!(Template::read(config, true).is_ok());
        assert_eq!(
            Template::read(config, false).unwrap_err(),
            "its `dl` is no address: `file:///crates`"
        );
        for unsound in [
            &b"<html>"[..],
            b"{}",
            b"{\"dl\": 1}",
            b"{\"dl\": \"crates\"}",
        ] {
            assert!(Template::read(unsound, true).is_err());
        }
    }
}
