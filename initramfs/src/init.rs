//! Starting the real init.

use core::arch::asm;
use core::convert::Infallible;
use core::ffi::{CStr, c_char};
use core::fmt::Write;

use arrayvec::ArrayVec;
use kindling_init::{Attempts, Failure, Lossy, Reason};
use rustix::io::Errno;

use crate::console::KernelLog;
use crate::start::Arguments;

/// Paths at which the kernel looks for an init (`kernel_init` in init/main.c), in its order.
const USUAL: [&[u8]; 4] = [b"/sbin/init", b"/etc/init", b"/bin/init", b"/bin/sh"];

/// System call numbers of x86-64 (arch/x86/entry/syscalls/syscall_64.tbl).
const EXECVE: usize = 59;
const EXIT_GROUP: usize = 231;

/// Becomes the init that was asked for, or the first of the usual ones that can be started.
pub(crate) fn start<'a>(
    wanted: Option<&'a [u8]>,
    arguments: Arguments,
) -> Result<Infallible, Failure<'a>> {
    let mut attempts = Attempts::new();
    let wanted_one = wanted.map(|path| [path]);
    for path in wanted_one.as_ref().map_or(&USUAL[..], |one| &one[..]) {
        let errno = execute(path, arguments);
        if wanted.is_none() && errno != Errno::NOENT {
            let mut log = KernelLog::warning();
            let _ = writeln!(log, "{} cannot be started: {}", Lossy(path), Reason(errno));
        }
        let _ = attempts.try_push((path, Reason(errno)));
    }
    Err(Failure::NoInit(attempts))
}

/// Replaces this program by another one with our arguments and environment; returns only where that fails.
#[expect(
    unsafe_code,
    reason = "rustix keeps execve out of its public interface"
)]
fn execute(path: &[u8], arguments: Arguments) -> Errno {
    let mut text = ArrayVec::<u8, 4096>::new(); // PATH_MAX
    if text.try_extend_from_slice(path).is_err() || text.try_push(0).is_err() {
        return Errno::NAMETOOLONG;
    }
    let Ok(path) = CStr::from_bytes_with_nul(&text) else {
        return Errno::INVAL;
    };
    let result: isize;
    // SAFETY: the vectors are those that the kernel gave us, in our own stack and ended by null pointers; the first
    // argument is replaced by a string that lives until the call returns. The system call changes rcx and r11 and
    // nothing else of ours.
    unsafe {
        *arguments.argv = path.as_ptr().cast::<c_char>();
        asm!("syscall", inlateout("rax") EXECVE => result, in("rdi") path.as_ptr(),
             in("rsi") arguments.argv, in("rdx") arguments.envp,
             lateout("rcx") _, lateout("r11") _, options(nostack));
    }
    Errno::from_raw_os_error(i32::try_from(-result).unwrap_or_default())
}

/// Ends this process.
#[expect(
    unsafe_code,
    reason = "rustix keeps exit_group out of its public interface"
)]
pub(crate) fn exit(code: i32) -> ! {
    // SAFETY: the call takes a number and does not return.
    unsafe {
        asm!("syscall", in("rax") EXIT_GROUP, in("rdi") code, options(noreturn, nostack));
    }
}
