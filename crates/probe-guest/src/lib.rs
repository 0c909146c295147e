//! A guest of a few hundred bytes, for tests that need a real machine but not a whole Linux.
//!
//! [`elf`] turns a list of [`Step`]s into an ELF file with a PVH entry point, which QEMU and Firecracker
//! boot as they boot a Linux `vmlinux`. The code is 32-bit, needs no interrupts, no paging and no more
//! memory than its own size and one page of stack.

mod code;

use code::Code;

/// The address that the guest is loaded to: above the first MiB, which firmware and the boot structures use.
const LOAD_ADDRESS: u32 = 0x20_0000;

const ELF_HEADER: usize = 64;
const PROGRAM_HEADER: usize = 56;
const NOTE: usize = 24;
const CODE_OFFSET: usize = ELF_HEADER + 2 * PROGRAM_HEADER + NOTE;
const STACK: u32 = 4096;

/// One thing the guest does. Steps run in order; after the last one the guest halts for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Writes this text to the serial port 0x3f8.
    Print(String),
    /// Writes the kernel command line to the serial port.
    PrintCommandLine,
    /// Writes the number of boot modules (1 with an initramfs) as one digit to the serial port.
    PrintModuleCount,
    /// Spins for this many cycles of the time-stamp counter.
    Wait {
        /// Cycles; a few thousand millions are a second.
        cycles: u32,
    },
    /// Spins until somebody presses the power button of QEMU's `microvm` machine (ACPI generic event device).
    AwaitPowerButton,
    /// Spins until somebody presses Ctrl-Alt-Del on the keyboard of Firecracker's machine (its i8042 controller).
    AwaitCtrlAltDel,
    /// Writes to so many pages of 4 KiB from 4 MiB on: the guest's memory is in use from then on.
    Touch {
        /// The number of pages.
        pages: u32,
    },
    /// Tells Firecracker's boot timer that the guest is up.
    BootTimer,
    /// Writes `prefix`, a counter of eight hexadecimal digits and a newline for ever, a pause between two.
    Beat {
        /// The text before the counter.
        prefix: String,
        /// Cycles of the time-stamp counter between two beats.
        cycles: u32,
    },
    /// Powers QEMU's `microvm` machine off through ACPI.
    PowerOff,
    /// Resets the machine by a triple fault, which ends QEMU with `-no-reboot`, and Firecracker with an error.
    Reset,
    /// Resets the machine by its keyboard controller: the one end of a guest that Firecracker takes for a good one.
    KeyboardReset,
    /// Stops the processor with interrupts off: the machine stays, doing nothing.
    Halt,
}

/// Shorthand for [`Step::Print`].
pub fn print(text: &str) -> Step {
    Step::Print(text.to_owned())
}

/// The way a monitor enters the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Boot {
    /// By PVH (`docs/misc/pvh.pandoc` of Xen): in 32 bits, with a `hvm_start_info`.
    Pvh,
    /// As Linux is in 64 bits (`Documentation/arch/x86/boot.rst`): in long mode, with `boot_params`. Firecracker enters a
    /// kernel so that has no note of a PVH entry point; QEMU boots no such ELF.
    Linux64,
}

/// The guest as the bytes of an ELF file with a `XEN_ELFNOTE_PHYS32_ENTRY` note.
pub fn elf(steps: &[Step]) -> Vec<u8> {
    elf_for(Boot::Pvh, steps)
}

/// The guest as the bytes of an ELF file to be entered so.
pub fn elf_for(boot: Boot, steps: &[Step]) -> Vec<u8> {
    let (code, entry) = code::assemble(steps, boot, LOAD_ADDRESS + CODE_OFFSET as u32, stack_top);
    let size = (CODE_OFFSET + code.len()) as u64;
    let entry = u64::from(entry);
    let mut file = Vec::new();
    // Elf64_Ehdr; Firecracker's loader takes no 32-bit ELF.
    file.extend_from_slice(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
    file.extend_from_slice(&2u16.to_le_bytes()); // e_type: ET_EXEC
    file.extend_from_slice(&62u16.to_le_bytes()); // e_machine: EM_X86_64
    file.extend_from_slice(&1u32.to_le_bytes()); // e_version
    file.extend_from_slice(&entry.to_le_bytes());
    file.extend_from_slice(&(ELF_HEADER as u64).to_le_bytes()); // e_phoff
    file.extend_from_slice(&[0; 12]); // e_shoff, e_flags
    for half in [ELF_HEADER as u16, PROGRAM_HEADER as u16, 2, 0, 0, 0] {
        file.extend_from_slice(&half.to_le_bytes()); // e_ehsize, e_phentsize, e_phnum, no sections
    }
    // PT_LOAD, readable, writable, executable: the whole file and a page of stack.
    program_header(
        &mut file,
        1,
        7,
        0,
        u64::from(LOAD_ADDRESS),
        [size, size + u64::from(STACK), 4096],
    );
    // PT_NOTE, or PT_NULL where nobody is to see it.
    let note = CODE_OFFSET - NOTE;
    program_header(
        &mut file,
        if boot == Boot::Pvh { 4 } else { 0 },
        4,
        note as u64,
        u64::from(LOAD_ADDRESS) + note as u64,
        [NOTE as u64, NOTE as u64, 4],
    );
    for word in [4u32, 8, 18] {
        file.extend_from_slice(&word.to_le_bytes()); // n_namesz, n_descsz, XEN_ELFNOTE_PHYS32_ENTRY
    }
    file.extend_from_slice(b"Xen\0");
    file.extend_from_slice(&entry.to_le_bytes());
    file.extend_from_slice(&code);
    file
}

fn program_header(file: &mut Vec<u8>, kind: u32, flags: u32, offset: u64, at: u64, rest: [u64; 3]) {
    file.extend_from_slice(&kind.to_le_bytes());
    file.extend_from_slice(&flags.to_le_bytes());
    for field in [offset, at, at].into_iter().chain(rest) {
        file.extend_from_slice(&field.to_le_bytes()); // p_offset, p_vaddr, p_paddr, p_filesz, p_memsz, p_align
    }
}

/// The stack begins after the last byte of the code and grows down from its end.
fn stack_top(code: &Code) -> u32 {
    (code.here() + STACK) & !15
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_small_and_well_formed() {
        let file = elf(&[
            print("hello\n"),
            Step::PrintCommandLine,
            Step::Beat {
                prefix: "beat ".to_owned(),
                cycles: 1,
            },
        ]);
        assert!(file.len() < 700, "{} bytes", file.len());
        assert_eq!(&file[..4], b"\x7fELF");
        let size = u64::from_le_bytes(file[96..104].try_into().unwrap());
        assert_eq!(size, file.len() as u64, "PT_LOAD covers the file");
        assert_eq!(&file[CODE_OFFSET - 12..CODE_OFFSET - 8], b"Xen\0");
        assert_eq!(
            file[24..32],
            file[CODE_OFFSET - 8..CODE_OFFSET],
            "the note names the entry point"
        );
    }
}
