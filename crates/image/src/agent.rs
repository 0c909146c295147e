//! The guest's agent, compiled like PID 1 and laid under the overlays.

use std::path::Path;

use kindling_base::{Command, Error, Result, files, hash};

use crate::compile::{Target, compile};
use crate::linked;
use crate::overlay::{OverlayEntry, OverlayKind};

/// Name of the program in its stage folder.
pub const FILE: &str = "agent";

/// The overlay with its unit, which an image with the agent gets before all others.
pub const OVERLAY: &str = "agent";

/// Where the program is in the image.
pub(crate) const PATH: &str = "usr/lib/kindling/agent";

/// Where the agent reads which image it is in.
const RELEASE: &str = "usr/lib/kindling/image-release";

/// The most that the program may weigh.
pub const LIMIT_BYTES: usize = 8 << 20;

/// Linked statically: it runs in any image, whatever C library that has.
const FLAGS: [&str; 1] = ["-Ctarget-feature=+crt-static"];

/// Compiles the agent in `source` and writes `out/agent`. `work` is a folder that cargo keeps its objects in.
///
/// # Errors
/// Cargo failed, the program would weigh more than [`LIMIT_BYTES`], or a file cannot be read or written.
pub fn build(source: &Path, work: &Path, out: &Path) -> Result<()> {
    let target = Target {
        source,
        package: "kindling-agent",
        flags: &FLAGS,
        config: &[],
    };
    let compiled = compile(&target, work)?;
    let program = compiled.bytes;
    if program.len() > LIMIT_BYTES {
        return Err(Error::user(format!(
            "the agent is too large: {} bytes, at most {LIMIT_BYTES} are allowed",
            program.len()
        ))
        .hint("look for what made it grow: a new dependency, most likely"));
    }
    files::create_dir_all(out)?;
    linked::write(out, &[compiled.linked])?;
    files::write_atomic(&out.join(FILE), &program, 0o755)
}

/// The program in the image, and the image's name and key for it to tell, to be laid over the packages before the
/// overlays. `stage` is the folder of [`build`].
///
/// # Errors
/// The program cannot be read.
pub(crate) fn entries(stage: &Path, name: &str, key: &str) -> Result<Vec<OverlayEntry>> {
    let entry = |path: &str, mode, kind| OverlayEntry {
        path: path.into(),
        mode,
        uid: 0,
        gid: 0,
        listed: false,
        diverted: None,
        kind,
    };
    let parent = PATH.rsplit_once('/').map_or("", |(parent, _)| parent);
    let program = files::read(&stage.join(FILE))?;
    Ok(vec![
        entry(parent, 0o755, OverlayKind::Directory),
        entry(PATH, 0o755, OverlayKind::File(program)),
        entry(RELEASE, 0o644, OverlayKind::File(release(name, key).into())),
    ])
}

/// Which image it is, in the format and by the names of os-release(5). The key of the stage `rootfs` is what can be known
/// before the image is: it covers all that the image is made of, and the bundle's `provenance.json` has it as well.
fn release(name: &str, key: &str) -> String {
    format!("IMAGE_ID={name}\nIMAGE_VERSION={key}\n")
}

/// Hash of the C library that is linked in: another one makes another program.
///
/// # Errors
/// The compiler does not say where it is, or it is not there.
pub(crate) fn c_library() -> Result<String> {
    let found = Command::new("gcc").arg("-print-file-name=libc.a").run()?;
    let text = found.text();
    let path = Path::new(text.trim());
    if !path.is_absolute() {
        return Err(
            Error::user("the C library for static programs, libc.a, is missing")
                .hint("install libc6-dev, or set rootfs.agent = false in the recipe"),
        );
    }
    hash::file(path)
}
