//! Reading ahead what the real init is about to open, on a processor that would be idle.

use core::arch::asm;
use core::fmt::Write;

use arrayvec::ArrayVec;
use rustix::fs::{Advice, CWD, Mode, OFlags};

use crate::console::KernelLog;
use crate::init;
use crate::scan;
use crate::wait::Clock;

/// Paths, one a line, which the builder wrote (`crates/image/src/rootfs/read_ahead.rs`).
const LIST: &str = "/usr/lib/kindling/read-ahead";
/// As many bytes of the list as are read.
const LIST_BYTES: usize = 32 << 10;
/// System call number of x86-64 (arch/x86/entry/syscalls/syscall_64.tbl).
const FORK: usize = 57;

/// Has a process of its own ask the kernel for the listed files, and does not wait for it.
///
/// It only makes a boot faster: whatever fails, the init opens its files itself. The init inherits the process, which ends within
/// milliseconds, and collects it as it does all orphans.
pub(crate) fn start() {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    if rustix::fs::open(LIST, flags, Mode::empty()).is_err() || !is_child() {
        return;
    }
    let clock = Clock::start();
    let files = ask();
    let _ = writeln!(
        KernelLog::info(),
        "{files} files read ahead in {} us",
        clock.elapsed_us()
    );
    init::exit(0);
}

/// Opens each file and tells the kernel that all of it will be needed; returns how many.
fn ask() -> usize {
    let mut list = ArrayVec::<u8, LIST_BYTES>::new();
    if scan::read_file(CWD, LIST, &mut list).is_err() {
        return 0;
    }
    // What follows the last line break is a path that did not fit.
    let end = list.iter().rposition(|&byte| byte == b'\n').unwrap_or(0);
    let paths = list.get(..end).unwrap_or_default().split(|&b| b == b'\n');
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let asked = paths.filter(|&path| {
        let file = rustix::fs::open(path, flags, Mode::empty());
        file.is_ok_and(|file| rustix::fs::fadvise(&file, 0, None, Advice::WillNeed).is_ok())
    });
    asked.count()
}

/// Becomes two processes; says whether this is the new one.
#[expect(unsafe_code, reason = "rustix keeps fork out of its public interface")]
fn is_child() -> bool {
    let result: isize;
    // SAFETY: this program has one thread, and the new process goes on with a copy of all its memory. The system call
    // changes rcx and r11 and nothing else of ours.
    unsafe {
        asm!("syscall", inlateout("rax") FORK => result, lateout("rcx") _, lateout("r11") _, options(nostack));
    }
    result == 0
}
