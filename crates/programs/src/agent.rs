//! The guest's agent, compiled like PID 1 and laid under the overlays.

use std::path::Path;

use kindling_base::{Command, Error, Result, files, hash};

use crate::compile::{Target, compile};
use crate::linked;

/// Name of the program in its stage folder.
pub const FILE: &str = "agent";

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

/// Hash of the C library that is linked in: another one makes another program.
///
/// # Errors
/// The compiler does not say where it is, or it is not there.
pub fn c_library() -> Result<String> {
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
