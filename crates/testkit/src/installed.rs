//! Programs of this machine in a root that has nothing else.

use std::path::{Path, PathBuf};

use kindling_base::Command;

/// Copies a program, and the libraries it is linked with, into a root, each to the path that it has here.
///
/// # Panics
/// It is no program of this machine, or the root cannot be written.
pub fn install(root: &Path, program: &Path) {
    let linked = Command::new("ldd").arg(program).to_std().output().unwrap();
    let linked = String::from_utf8(linked.stdout).unwrap();
    // `libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x...)`, `/lib64/ld-linux-x86-64.so.2 (0x...)`, ldd(1).
    let libraries = linked.lines().filter_map(|line| {
        let path = line.trim().rsplit("=> ").next()?.split(' ').next()?;
        path.starts_with('/').then(|| PathBuf::from(path))
    });
    for path in libraries.chain([program.to_owned()]) {
        let to = root.join(path.strip_prefix("/").unwrap_or(&path));
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(&path, &to).unwrap();
    }
}
