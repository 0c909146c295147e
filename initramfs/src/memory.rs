//! The memory functions that compiled code calls, as a C library would give them.
//!
//! x86-64 has string instructions for each; on processors with ERMS (2012 and later) they are also fast.

#![expect(unsafe_code, reason = "the compiler calls these by their C names")]

use core::arch::asm;

/// Copies `count` bytes between areas that do not overlap.
///
/// # Safety
/// As memcpy(3).
#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, count: usize) -> *mut u8 {
    // SAFETY: the caller vouches for both areas; the direction flag is clear by the ABI.
    unsafe {
        asm!("rep movsb", inout("rcx") count => _, inout("rdi") to => _, inout("rsi") from => _,
             options(nostack, preserves_flags));
    }
    to
}

/// Copies `count` bytes between areas that may overlap.
///
/// # Safety
/// As memmove(3).
#[unsafe(no_mangle)]
unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, count: usize) -> *mut u8 {
    if to.addr().wrapping_sub(from.addr()) >= count {
        // SAFETY: the target does not begin inside the source, so forward copying reads each byte before it is
        // overwritten.
        return unsafe { memcpy(to, from, count) };
    }
    // SAFETY: the caller vouches for both areas. Copying from the last byte down is right where the target begins
    // inside the source, and the direction flag is cleared again. `count` is not 0 here.
    unsafe {
        asm!("std", "rep movsb", "cld", inout("rcx") count => _,
             inout("rdi") to.add(count).sub(1) => _, inout("rsi") from.add(count).sub(1) => _,
             options(nostack));
    }
    to
}

/// Sets `count` bytes.
///
/// # Safety
/// As memset(3).
#[unsafe(no_mangle)]
unsafe extern "C" fn memset(to: *mut u8, byte: i32, count: usize) -> *mut u8 {
    // SAFETY: the caller vouches for the area.
    unsafe {
        asm!("rep stosb", inout("rcx") count => _, inout("rdi") to => _, in("al") byte as u8,
             options(nostack, preserves_flags));
    }
    to
}

/// Compares `count` bytes: negative, 0 or positive.
///
/// # Safety
/// As memcmp(3).
#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(a: *const u8, b: *const u8, count: usize) -> i32 {
    let (mut left, mut right) = (a, b);
    // SAFETY: the caller vouches for both areas. The comparison of equal registers sets the zero flag, so that a
    // count of 0 means equal; each pointer ends one past the last byte compared.
    unsafe {
        let differ: u8;
        asm!("cmp {differ}, {differ}", "repe cmpsb", "setne {differ}", differ = out(reg_byte) differ,
             inout("rcx") count => _, inout("rsi") left, inout("rdi") right,
             options(nostack, readonly));
        if differ == 0 {
            0
        } else {
            i32::from(*left.sub(1)) - i32::from(*right.sub(1))
        }
    }
}

/// Compares `count` bytes: 0 where they are equal.
///
/// # Safety
/// As bcmp(3).
#[unsafe(no_mangle)]
unsafe extern "C" fn bcmp(a: *const u8, b: *const u8, count: usize) -> i32 {
    // SAFETY: the same contract.
    unsafe { memcmp(a, b, count) }
}

/// Length of a NUL-ended string.
///
/// # Safety
/// As strlen(3).
#[unsafe(no_mangle)]
unsafe extern "C" fn strlen(text: *const u8) -> usize {
    let left: usize;
    // SAFETY: the caller vouches for a NUL; the scan ends there.
    unsafe {
        asm!("repne scasb", inout("rcx") usize::MAX => left, inout("rdi") text => _, in("al") 0u8,
             options(nostack, readonly));
    }
    usize::MAX - left - 1
}
