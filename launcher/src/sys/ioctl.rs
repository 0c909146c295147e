//! An ioctl that takes the address of its argument.

use std::ffi::c_void;
use std::os::fd::AsFd;

use rustix::io::Errno;
use rustix::ioctl::{self, Ioctl, IoctlOutput, Opcode};

/// Calls an ioctl with the address of its argument.
///
/// # Errors
/// The kernel refuses.
///
/// # Safety
/// The kernel must read and write no more at `argument` than its type has for this opcode, and `argument` must be valid for
/// that.
#[expect(unsafe_code, reason = "only the caller knows what its opcode does")]
pub(crate) unsafe fn ioctl_at<T>(
    descriptor: impl AsFd,
    opcode: Opcode,
    argument: *mut T,
) -> Result<(), Errno> {
    // SAFETY: the caller's promise.
    unsafe { ioctl::ioctl(descriptor.as_fd(), Address(opcode, argument.cast())) }
}

/// An opcode and the address of its argument.
struct Address(Opcode, *mut c_void);

#[expect(unsafe_code, reason = "the trait is unsafe to implement")]
// SAFETY: the opcode and the address are passed on as they are.
unsafe impl Ioctl for Address {
    type Output = ();
    const IS_MUTATING: bool = true;

    fn opcode(&self) -> Opcode {
        self.0
    }

    fn as_ptr(&mut self) -> *mut c_void {
        self.1
    }

    unsafe fn output_from_ptr(_: IoctlOutput, _: *mut c_void) -> rustix::io::Result<()> {
        Ok(())
    }
}
