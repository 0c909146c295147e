//! Licences, as Debian's machine-readable copyright files name them, in the names of the SPDX list.

use kindling_deb::deb822;

/// A licence.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Licence {
    /// An identifier of the SPDX licence list.
    Spdx(&'static str),
    /// A name that the list does not have, as the package writes it.
    Named(String),
}

/// Debian's short names (copyright-format 1.0, "License specification") whose SPDX identifier is another.
const SPDX: [(&str, &str); 44] = [
    ("agpl-3", "AGPL-3.0-only"),
    ("agpl-3+", "AGPL-3.0-or-later"),
    ("apache-2", "Apache-2.0"),
    ("apache-2.0", "Apache-2.0"),
    ("artistic", "Artistic-1.0-Perl"),
    ("artistic-1", "Artistic-1.0"),
    ("artistic-2", "Artistic-2.0"),
    ("artistic-2.0", "Artistic-2.0"),
    ("bsd-2-clause", "BSD-2-Clause"),
    ("bsd-3-clause", "BSD-3-Clause"),
    ("bsd-4-clause", "BSD-4-Clause"),
    ("bsl-1.0", "BSL-1.0"),
    ("cc0", "CC0-1.0"),
    ("cc0-1.0", "CC0-1.0"),
    ("cc-by-3.0", "CC-BY-3.0"),
    ("cc-by-4.0", "CC-BY-4.0"),
    ("cc-by-sa-3.0", "CC-BY-SA-3.0"),
    ("cc-by-sa-4.0", "CC-BY-SA-4.0"),
    ("expat", "MIT"),
    ("gfdl-1.2", "GFDL-1.2-only"),
    ("gfdl-1.2+", "GFDL-1.2-or-later"),
    ("gfdl-1.3", "GFDL-1.3-only"),
    ("gfdl-1.3+", "GFDL-1.3-or-later"),
    ("gpl-1", "GPL-1.0-only"),
    ("gpl-1+", "GPL-1.0-or-later"),
    ("gpl-2", "GPL-2.0-only"),
    ("gpl-2+", "GPL-2.0-or-later"),
    ("gpl-2.0+", "GPL-2.0-or-later"),
    ("gpl-3", "GPL-3.0-only"),
    ("gpl-3+", "GPL-3.0-or-later"),
    ("isc", "ISC"),
    ("lgpl-2", "LGPL-2.0-only"),
    ("lgpl-2+", "LGPL-2.0-or-later"),
    ("lgpl-2.1", "LGPL-2.1-only"),
    ("lgpl-2.1+", "LGPL-2.1-or-later"),
    ("lgpl-3", "LGPL-3.0-only"),
    ("lgpl-3+", "LGPL-3.0-or-later"),
    ("mpl-1.1", "MPL-1.1"),
    ("mpl-2.0", "MPL-2.0"),
    ("ofl-1.1", "OFL-1.1"),
    ("psf-2", "PSF-2.0"),
    ("unlicense", "Unlicense"),
    ("w3c", "W3C"),
    ("zlib", "Zlib"),
];

/// The licences that a copyright file names, sorted; none if it is not in the machine-readable form.
pub(super) fn of_copyright(text: &str) -> Vec<Licence> {
    let mut paragraphs = deb822::paragraphs(text);
    let format = paragraphs
        .next()
        .and_then(|first| first.get("Format"))
        .unwrap_or_default();
    if !format.contains("copyright-format/1") && !format.contains("dep5") {
        return Vec::new();
    }
    let mut found = Vec::new();
    // Paragraphs without files only hold the texts of licences that others name.
    for paragraph in paragraphs.filter(|paragraph| paragraph.get("Files").is_some()) {
        let first = paragraph.get("License").unwrap_or_default().lines().next();
        let joined = first
            .unwrap_or_default()
            .replace(" and ", "|")
            .replace(" or ", "|");
        let parts = joined
            .split(['|', ','])
            .map(|part| part.trim().trim_matches(['(', ')']));
        found.extend(parts.filter(|part| !part.is_empty()).map(named));
    }
    found.sort_unstable();
    found.dedup();
    found
}

fn named(name: &str) -> Licence {
    let lower = name.to_ascii_lowercase();
    match SPDX.iter().find(|(debian, _)| *debian == lower) {
        Some((_, spdx)) => Licence::Spdx(spdx),
        None => Licence::Named(name.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn short_names_become_spdx_where_they_are_exact() {
        let text = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\n\
                    Files: *\nCopyright: A\nLicense: GPL-2+ or Artistic\n\n\
                    Files: x\nLicense: Expat\n Permission is hereby granted\n\n\
                    Files: y\nLicense: my-own and GPL-2+ with OpenSSL exception\n\n\
                    License: BSD-3-clause\n text\n";
        assert_eq!(
            of_copyright(text),
            [
                Licence::Spdx("Artistic-1.0-Perl"),
                Licence::Spdx("GPL-2.0-or-later"),
                Licence::Spdx("MIT"),
                Licence::Named("GPL-2+ with OpenSSL exception".into()),
                Licence::Named("my-own".into()),
            ]
        );
        assert_eq!(of_copyright("This is prose.\n"), []);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "(Format: copyright-format/1\n\n)?((Files|License): ?[ -~\n]{0,30}\n){0,5}") {
            let _ = of_copyright(&text);
        }
    }
}
