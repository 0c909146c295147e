//! The entry point, and the arguments that the kernel gave.

#![expect(
    unsafe_code,
    reason = "there is no C library to read the kernel's start block for us"
)]

use core::ffi::c_char;

/// The argument and environment vectors, as the kernel laid them out for us.
///
/// The kernel puts words of its command line that it does not know there; they are meant for the real init.
#[derive(Clone, Copy)]
pub(crate) struct Arguments {
    /// Pointers to NUL-ended strings, then a null pointer. There is always a first one.
    pub(crate) argv: *mut *const c_char,
    /// The same for the environment.
    pub(crate) envp: *const *const c_char,
}

// The kernel starts here: the stack pointer points at the argument count. The System V ABI (3.4.1) wants the frame
// pointer cleared and the stack aligned to 16 bytes before a call.
core::arch::global_asm!(
    ".pushsection .text._start, \"ax\", @progbits",
    ".globl _start",
    ".type _start, @function",
    "_start:",
    "xor ebp, ebp",
    "mov rdi, rsp",
    "and rsp, -16",
    "call {start}",
    "ud2",
    ".size _start, . - _start",
    ".popsection",
    start = sym start,
);

unsafe extern "C" fn start(stack: *mut usize) -> ! {
    // SAFETY: the System V ABI (figure 3.9) puts the argument count here, then the argument pointers, a null
    // pointer and the environment pointers. execve of Linux 5.18 and later makes sure that argv[0] exists.
    let arguments = unsafe {
        let count = *stack;
        Arguments {
            argv: stack.add(1).cast(),
            envp: stack.add(1 + count + 1).cast(),
        }
    };
    crate::main(arguments)
}
