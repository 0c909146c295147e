//! Which package has which path, from dpkg's lists in the image.

use std::collections::HashMap;

use kindling_base::Result;

use crate::listing::Listing;

const LISTS: &[u8] = b"var/lib/dpkg/info/";

/// Paths without their leading slash, each with its package.
#[derive(Debug, Default)]
pub(super) struct Owners(HashMap<Vec<u8>, String>);

impl Owners {
    pub(super) fn read(listing: &Listing) -> Result<Self> {
        let mut owners = HashMap::new();
        for path in listing.nodes.keys() {
            let name = path
                .strip_prefix(LISTS)
                .and_then(|name| name.strip_suffix(b".list"));
            let Some(name) = name else { continue };
            // `libc6:amd64.list` where a package may be there for several architectures.
            let name = String::from_utf8_lossy(name);
            let name = name.split(':').next().unwrap_or_default();
            for line in listing.content(path)?.split(|byte| *byte == b'\n') {
                let Some(owned) = line.strip_prefix(b"/").filter(|owned| !owned.is_empty()) else {
                    continue;
                };
                owners.insert(merged(owned), name.to_owned());
            }
        }
        Ok(Self(owners))
    }

    pub(super) fn of(&self, path: &[u8]) -> Option<&str> {
        self.0.get(path).map(String::as_str)
    }
}

/// Where a path of a package is with a merged /usr: packages of Debian 12 still have files in /bin and /lib.
fn merged(path: &[u8]) -> Vec<u8> {
    let first = path.split(|byte| *byte == b'/').next().unwrap_or_default();
    let moved = matches!(
        first,
        b"bin" | b"sbin" | b"lib" | b"lib32" | b"lib64" | b"libx32"
    );
    match moved && first.len() < path.len() {
        true => [b"usr/", path].concat(),
        false => path.to_vec(),
    }
}
