//! Our own programs where they are in the guest.

use std::path::Path;

use kindling_base::{Result, files};

use crate::overlay::{OverlayEntry, OverlayKind};

/// Their folder, without a leading slash.
const FOLDER: &str = "usr/lib/kindling";

/// The overlay with the agent's unit, which an image with the agent gets before all others.
pub const AGENT_OVERLAY: &str = "agent";

/// The agent's program, without a leading slash.
pub(crate) const AGENT: &str = "usr/lib/kindling/agent";

/// Where the agent reads which image it is in.
const RELEASE: &str = "usr/lib/kindling/image-release";

/// A compiled program as `/usr/lib/kindling/NAME`.
///
/// # Errors
/// It cannot be read.
pub fn program(name: &str, file: &Path) -> Result<Vec<OverlayEntry>> {
    let content = OverlayKind::File(files::read(file)?);
    Ok(vec![
        entry(FOLDER, 0o755, OverlayKind::Directory),
        entry(&format!("{FOLDER}/{name}"), 0o755, content),
    ])
}

/// The agent, with the name and the key of the image for it to tell.
///
/// # Errors
/// The program cannot be read.
pub fn agent(file: &Path, name: &str, key: &str) -> Result<Vec<OverlayEntry>> {
    let release = OverlayKind::File(release(name, key).into());
    Ok(vec![
        entry(FOLDER, 0o755, OverlayKind::Directory),
        entry(AGENT, 0o755, OverlayKind::File(files::read(file)?)),
        entry(RELEASE, 0o644, release),
    ])
}

/// The image's name and version in the format of os-release(5). The key of the stage `rootfs` is what can be known
/// before the image is: it covers all that the image is made of, and the bundle's `provenance.json` has it as well.
fn release(name: &str, key: &str) -> String {
    format!("IMAGE_ID={name}\nIMAGE_VERSION={key}\n")
}

fn entry(path: &str, mode: u32, kind: OverlayKind) -> OverlayEntry {
    OverlayEntry {
        path: path.into(),
        mode,
        uid: 0,
        gid: 0,
        listed: false,
        diverted: None,
        kind,
    }
}
