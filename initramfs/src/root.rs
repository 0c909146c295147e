//! The ways to name a root device.

use core::fmt;

use crate::bytes::Lossy;
use crate::cmdline::unquote;
use crate::{Device, Filesystem};

/// The device that `root=` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root<'a> {
    /// A device file by its whole path, `/dev/...`.
    Path(&'a [u8]),
    /// The file system with this UUID, written in any case.
    Uuid(&'a [u8]),
    /// The file system with this label.
    Label(&'a [u8]),
    /// The partition with this GPT unique GUID, or with this MBR disk signature and number (`1234abcd-01`).
    PartUuid(&'a [u8]),
}

/// A `root=` that cannot be looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadRoot {
    /// No `root=`, or an empty one.
    Missing,
    /// None of the forms of [`Root`].
    Unknown,
}

impl<'a> Root<'a> {
    /// Reads the value of `root=`. udev's names under `/dev/disk/` mean the same here although no udev runs.
    ///
    /// # Errors
    /// The value is empty, or of a form that we do not know.
    pub fn parse(value: Option<&'a [u8]>) -> Result<Self, BadRoot> {
        let value = value.filter(|v| !v.is_empty()).ok_or(BadRoot::Missing)?;
        type Form<'a> = fn(&'a [u8]) -> Root<'a>;
        let forms: [(&[u8], Form<'a>); 7] = [
            (b"UUID=", Root::Uuid),
            (b"LABEL=", Root::Label),
            (b"PARTUUID=", Root::PartUuid),
            (b"/dev/disk/by-uuid/", Root::Uuid),
            (b"/dev/disk/by-label/", Root::Label),
            (b"/dev/disk/by-partuuid/", Root::PartUuid),
            (b"/dev/", |_| Root::Path(b"")),
        ];
        let (rest, form) = forms
            .into_iter()
            .find_map(|(prefix, form)| Some((value.strip_prefix(prefix)?, form)))
            .ok_or(BadRoot::Unknown)?;
        let rest = unquote(rest);
        match form(rest) {
            _ if rest.is_empty() => Err(BadRoot::Missing),
            Root::Path(_) => Ok(Root::Path(value)),
            named => Ok(named),
        }
    }

    /// Whether this device is the one. A path is compared with the device's kernel name.
    pub fn matches(&self, device: &Device) -> bool {
        let filesystem = device.filesystem.as_ref();
        let same = |ours: Option<&str>, wanted: &[u8]| {
            ours.is_some_and(|ours| ours.as_bytes().eq_ignore_ascii_case(wanted))
        };
        match self {
            Root::Path(path) => path.strip_prefix(b"/dev/") == Some(device.name.as_bytes()),
            Root::Uuid(uuid) => same(filesystem.and_then(Filesystem::uuid), uuid),
            Root::Label(label) => filesystem.is_some_and(|f| f.label() == Some(label)),
            Root::PartUuid(uuid) => same(device.partuuid.as_deref(), uuid),
        }
    }
}

impl fmt::Display for Root<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Root::Path(path) => write!(f, "{}", Lossy(path)),
            Root::Uuid(uuid) => write!(f, "UUID={}", Lossy(uuid)),
            Root::Label(label) => write!(f, "LABEL={}", Lossy(label)),
            Root::PartUuid(uuid) => write!(f, "PARTUUID={}", Lossy(uuid)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<Root<'_>, BadRoot> {
        Root::parse(Some(text.as_bytes()))
    }

    #[test]
    fn every_form() {
        assert_eq!(parse("/dev/vda"), Ok(Root::Path(b"/dev/vda")));
        assert_eq!(parse("UUID=ab-cd"), Ok(Root::Uuid(b"ab-cd")));
        assert_eq!(parse("LABEL=\"my root\""), Ok(Root::Label(b"my root")));
        assert_eq!(parse("PARTUUID=1234-01"), Ok(Root::PartUuid(b"1234-01")));
        assert_eq!(parse("/dev/disk/by-label/x"), Ok(Root::Label(b"x")));
    }

    #[test]
    fn what_cannot_be_looked_for() {
        assert_eq!(Root::parse(None), Err(BadRoot::Missing));
        for text in ["", "UUID=", "/dev/"] {
            assert_eq!(parse(text), Err(BadRoot::Missing), "{text}");
        }
        for text in ["vda", "8:1", "nfs:server:/x", "uuid=x", "PARTLABEL=x"] {
            assert_eq!(parse(text), Err(BadRoot::Unknown), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_fine(value in proptest::collection::vec(any::<u8>(), 0..80)) {
            if let Ok(root) = Root::parse(Some(&value)) {
                let _ = root.to_string();
            }
        }
    }
}
