//! The footprint of a VM: memory of its monitor, and disk.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use kindling_base::{Context, Error, Result, files};
use kindling_bench::Footprint;

use kindling_launcher::Vm;

/// The footprint of `vm` now.
///
/// # Errors
/// It does not run, or the kernel does not tell.
pub(super) fn of(vm: &Vm) -> Result<Footprint> {
    let name = &vm.spec.name;
    let pid = vm
        .status
        .vmm_pid
        .ok_or_else(|| Error::external(format!("`{name}` has ended")))?;
    let path = Path::new("/proc")
        .join(pid.to_string())
        .join("smaps_rollup");
    let memory = parse(&files::read_text(&path)?)
        .ok_or_else(|| Error::internal(format!("{} has no Pss in kB", path.display())))?;
    Ok(Footprint {
        disk_bytes: own_blocks(&vm.folder)?,
        ..memory
    })
}

/// Reads a `smaps_rollup`.
fn parse(rollup: &str) -> Option<Footprint> {
    let field = |name: &str| {
        let line = rollup.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()
    };
    Some(Footprint {
        pss_kib: field("Pss:")?,
        rss_kib: field("Rss:")?,
        private_kib: field("Private_Clean:")? + field("Private_Dirty:")?,
        disk_bytes: 0,
    })
}

/// Bytes of the blocks that files below `folder` take, without those that have another name elsewhere: they are the
/// bundle's or the snapshot's. Blocks that a reflink shares count here, because stat(2) does not tell them apart.
fn own_blocks(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for path in files::list(folder)? {
        let what = || format!("cannot stat {}", path.display());
        let meta = std::fs::symlink_metadata(&path).context(what())?;
        bytes += match meta {
            meta if meta.is_dir() => own_blocks(&path)?,
            meta if meta.is_file() && meta.nlink() == 1 => meta.blocks() * 512,
            _ => 0,
        };
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_sums_are_read() {
        let text = "55d0-7ffe ---p 00000000 00:00 0 [rollup]\nRss:  100 kB\nPss:  60 kB\nPss_Anon: 1 kB\n\
                    Private_Clean: 4 kB\nPrivate_Dirty: 16 kB\n";
        let found = parse(text).unwrap();
        assert_eq!(
            (found.pss_kib, found.rss_kib, found.private_kib),
            (60, 100, 20)
        );
        assert_eq!(parse("Rss: 1 kB"), None);
    }

    #[test]
    fn only_blocks_of_its_own_count() {
        let folder = tempfile::tempdir().unwrap();
        let bundle = folder.path().join("elsewhere");
        let vm = folder.path().join("vm");
        std::fs::create_dir(&vm).unwrap();
        std::fs::write(vm.join("own"), vec![1; 64 << 10]).unwrap();
        std::fs::write(&bundle, vec![1; 64 << 10]).unwrap();
        std::fs::hard_link(&bundle, vm.join("linked")).unwrap();
        let file = std::fs::File::create(vm.join("sparse")).unwrap();
        file.set_len(1 << 30).unwrap();
        std::os::unix::fs::symlink(&bundle, vm.join("link")).unwrap();
        let found = own_blocks(&vm).unwrap();
        assert!((64 << 10..256 << 10).contains(&found), "{found}");
    }
}
