//! One stanza of a Packages file.

use kindling_deb::deb822;

use super::table::Priority;

/// The fields of a stanza that we read.
#[derive(Default)]
pub(super) struct Stanza<'a> {
    pub(super) package: &'a str,
    pub(super) version: &'a str,
    pub(super) architecture: &'a str,
    pub(super) multi_arch: &'a str,
    pub(super) essential: &'a str,
    pub(super) protected: &'a str,
    pub(super) important: &'a str,
    pub(super) priority: &'a str,
    pub(super) phased: &'a str,
    pub(super) size: &'a str,
    pub(super) sha256: &'a str,
    pub(super) filename: &'a str,
    pub(super) pre_depends: &'a str,
    pub(super) depends: &'a str,
    pub(super) conflicts: &'a str,
    pub(super) breaks: &'a str,
    pub(super) recommends: &'a str,
    pub(super) suggests: &'a str,
    pub(super) replaces: &'a str,
    pub(super) enhances: &'a str,
    pub(super) provides: &'a str,
}

impl<'a> Stanza<'a> {
    /// Reads a paragraph of a Packages file, or a control file.
    pub(super) fn read(paragraph: deb822::Paragraph<'a>) -> Self {
        let mut stanza = Self::default();
        for (name, value) in paragraph.fields() {
            let field = match name {
                "Package" => &mut stanza.package,
                "Version" => &mut stanza.version,
                "Architecture" => &mut stanza.architecture,
                "Multi-Arch" => &mut stanza.multi_arch,
                "Essential" => &mut stanza.essential,
                "Protected" => &mut stanza.protected,
                "Important" => &mut stanza.important,
                "Priority" => &mut stanza.priority,
                "Phased-Update-Percentage" => &mut stanza.phased,
                "Size" => &mut stanza.size,
                "SHA256" => &mut stanza.sha256,
                "Filename" => &mut stanza.filename,
                "Pre-Depends" => &mut stanza.pre_depends,
                "Depends" => &mut stanza.depends,
                "Conflicts" => &mut stanza.conflicts,
                "Breaks" => &mut stanza.breaks,
                "Recommends" => &mut stanza.recommends,
                "Suggests" => &mut stanza.suggests,
                "Replaces" => &mut stanza.replaces,
                "Enhances" => &mut stanza.enhances,
                "Provides" => &mut stanza.provides,
                _ => continue,
            };
            *field = value;
        }
        stanza
    }
}

impl Priority {
    /// Reads the field; unknown words count as `extra`.
    pub(super) fn read(value: &str) -> Self {
        match value {
            "" => Self::None,
            "required" => Self::Required,
            "important" => Self::Important,
            "standard" => Self::Standard,
            "optional" => Self::Optional,
            _ => Self::Extra,
        }
    }
}
