//! A small assembler of 32-bit x86: the instructions that the steps need.

use crate::{Boot, Step};

/// COM1's transmit register; its line status register is five ports higher.
const SERIAL: u16 = 0x3f8;
/// Registers of QEMU's ACPI generic event device on `microvm` (`include/hw/i386/microvm.h`: GED_MMIO_BASE).
const GED_EVENTS: u32 = 0xfea0_0000;
/// `GED_MMIO_BASE_REGS` plus `ACPI_GED_REG_SLEEP_CTL`.
const GED_SLEEP_CONTROL: u32 = 0xfea0_0200;
/// `ACPI_GED_PWR_DOWN_EVT`.
const GED_POWER_DOWN: u8 = 2;
/// SLP_EN and SLP_TYP 5: soft off.
const SLEEP_S5: u8 = 0x20 | (5 << 2);

/// Ports of the i8042 keyboard controller: data, and status when read or command when written.
const KEYBOARD_DATA: u8 = 0x60;
const KEYBOARD_STATUS: u8 = 0x64;
/// Its command to reset the machine.
const KEYBOARD_RESET: u8 = 0xfe;
/// The last byte of Ctrl-Alt-Del in scan code set 2.
const KEY_DELETE: u8 = 0x71;

/// The address of the pages that are touched: above the guest itself.
const TOUCHED: u32 = 4 << 20;

/// The address of Firecracker's boot timer on x86, and the byte to write there (`docs/` and
/// `src/vmm/src/devices/pseudo/boot_timer.rs` of Firecracker).
const BOOT_TIMER: u32 = 0xc000_0000;
const BOOT_TIMER_UP: u8 = 123;

/// Fields of `struct boot_params` (`Documentation/arch/x86/boot.rst`, from 0x1f1 on the setup header): the address of
/// the command line, and the bytes of the initramfs.
const BOOT_CMD_LINE_PTR: u32 = 0x228;
const BOOT_RAMDISK_SIZE: u32 = 0x21c;

/// Machine code being written at a known address.
pub(crate) struct Code {
    bytes: Vec<u8>,
    base: u32,
}

impl Code {
    /// The address of the next byte.
    pub(crate) fn here(&self) -> u32 {
        self.base + self.bytes.len() as u32
    }

    fn emit(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// An instruction whose last operand is a 32-bit immediate or address.
    fn emit_u32(&mut self, opcode: &[u8], operand: u32) {
        self.emit(opcode);
        self.emit(&operand.to_le_bytes());
    }

    /// A near `call` (0xe8) or `jmp` (0xe9) to a known address.
    fn branch(&mut self, opcode: u8, target: u32) {
        let next = self.here() + 5;
        self.emit_u32(&[opcode], target.wrapping_sub(next));
    }

    /// A short conditional jump back to a known address.
    fn short_back(&mut self, opcode: u8, target: u32) {
        let distance = self.here() + 2 - target;
        self.emit(&[opcode, (distance as u8).wrapping_neg()]);
    }

    /// Places the operand of an instruction that was emitted before its target was known.
    fn patch(&mut self, at: usize, operand: u32) {
        self.bytes[at..at + 4].copy_from_slice(&operand.to_le_bytes());
    }
}

/// Routines at the beginning of the code.
struct Routines {
    /// Writes the character in AL; changes EAX and EDX.
    put: u32,
    /// Writes the zero-terminated text at ESI; changes EAX, EDX and ESI.
    puts: u32,
}

/// The machine code of `steps`, to be loaded at `base`, and the address at which it is to be entered by this
/// protocol. `stack_top` finds the stack's end once the code is complete.
pub(crate) fn assemble(
    steps: &[Step],
    boot: Boot,
    base: u32,
    stack_top: fn(&Code) -> u32,
) -> (Vec<u8>, u32) {
    let mut code = Code {
        bytes: Vec::new(),
        base,
    };
    let (entry, early_stack) = match boot {
        Boot::Pvh => (code.here(), None),
        Boot::Linux64 => {
            let (entry, operand) = leave_long_mode(&mut code);
            (entry, Some(operand))
        }
    };
    code.emit(&[0xfa, 0xfc]); // cli; cld
    code.emit_u32(&[0xbc], 0); // mov esp, stack
    let stack_operand = code.bytes.len() - 4;
    code.emit_u32(&[0xe9], 0); // jmp start
    let start_operand = code.bytes.len() - 4;
    let after_jump = code.here();
    let routines = routines(&mut code);
    let start = code.here();
    code.patch(start_operand, start - after_jump);
    let mut texts = Vec::new();
    for step in steps {
        emit_step(&mut code, step, &routines, &mut texts);
    }
    halt(&mut code);
    for (operand, text) in texts {
        let address = code.here();
        code.patch(operand, address);
        code.emit(text.as_bytes());
        code.emit(&[0]);
    }
    let stack = stack_top(&code);
    code.patch(stack_operand, stack);
    if let Some(operand) = early_stack {
        code.patch(operand, stack);
    }
    (code.bytes, entry)
}

/// Code of 64 bits, entered as Linux is, that goes on below in 32 bits as if entered by PVH: with a `hvm_start_info` in
/// EBX that it fills from the `boot_params` in RSI. Returns its entry and where its stack's address has to be put.
fn leave_long_mode(code: &mut Code) -> (u32, usize) {
    let info = code.here();
    code.emit(&[0; 40]); // hvm_start_info, of which cmdline_paddr and nr_modules are used here
    let table = code.here();
    for descriptor in [0u64, 0x00cf_9a00_0000_ffff, 0x00cf_9200_0000_ffff] {
        code.emit(&descriptor.to_le_bytes()); // none; code and data of 32 bits, all of memory
    }
    let pointer = code.here();
    code.emit(&23u16.to_le_bytes());
    code.emit(&u64::from(table).to_le_bytes());

    let entry = code.here();
    code.emit(&[0xfa, 0xfc]); // cli; cld
    code.emit_u32(&[0xbc], 0); // mov esp, stack
    let stack_operand = code.bytes.len() - 4;
    code.emit_u32(&[0x8b, 0x86], BOOT_CMD_LINE_PTR); // mov eax, [rsi + cmd_line_ptr]
    code.emit_u32(&[0x89, 0x04, 0x25], info + 24); // mov [cmdline_paddr], eax
    code.emit(&[0x31, 0xc0]); // xor eax, eax
    code.emit_u32(&[0x83, 0xbe], BOOT_RAMDISK_SIZE); // cmp dword [rsi + ramdisk_size], 0
    code.emit(&[0, 0x0f, 0x95, 0xc0]); // ...; setne al
    code.emit_u32(&[0x89, 0x04, 0x25], info + 12); // mov [nr_modules], eax
    code.emit_u32(&[0x0f, 0x01, 0x14, 0x25], pointer); // lgdt [pointer]
    code.emit(&[0x6a, 8]); // push code
    code.emit_u32(&[0x68], 0); // push below
    let below_operand = code.bytes.len() - 4;
    code.emit(&[0x48, 0xcb]); // retfq
    let below = code.here();
    code.patch(below_operand, below);
    code.emit_u32(&[0xb8], 0x10); // mov eax, data
    code.emit(&[0x8e, 0xd8, 0x8e, 0xc0, 0x8e, 0xd0]); // mov ds, ax; mov es, ax; mov ss, ax
    code.emit(&[0x0f, 0x20, 0xc0]); // mov eax, cr0
    code.emit_u32(&[0x25], 0x7fff_ffff); // and eax, no paging
    code.emit(&[0x0f, 0x22, 0xc0]); // mov cr0, eax
    code.emit_u32(&[0xbb], info); // mov ebx, info
    (entry, stack_operand)
}

fn routines(code: &mut Code) -> Routines {
    let put = code.here();
    code.emit(&[0x88, 0xc4]); // mov ah, al
    let wait = code.here();
    mov_dx(code, SERIAL + 5);
    code.emit(&[0xec, 0xa8, 0x20]); // in al, dx; test al, 0x20 (transmitter empty)
    code.short_back(0x74, wait); // jz wait
    mov_dx(code, SERIAL);
    code.emit(&[0x88, 0xe0, 0xee, 0xc3]); // mov al, ah; out dx, al; ret
    let puts = code.here();
    code.emit(&[0xac, 0x84, 0xc0, 0x75, 0x01, 0xc3]); // lodsb; test al, al; jnz +1; ret
    code.branch(0xe8, put);
    code.branch(0xe9, puts);
    Routines { put, puts }
}

fn emit_step(code: &mut Code, step: &Step, routines: &Routines, texts: &mut Vec<(usize, String)>) {
    match step {
        Step::Print(text) => print(code, text, routines, texts),
        Step::PrintCommandLine => {
            code.emit(&[0x8b, 0x73, 24]); // mov esi, [ebx + 24]: hvm_start_info.cmdline_paddr
            code.branch(0xe8, routines.puts);
        }
        Step::PrintModuleCount => {
            code.emit(&[0x8b, 0x43, 12, 0x04, b'0']); // mov eax, [ebx + 12]: nr_modules; add al, '0'
            code.branch(0xe8, routines.put);
        }
        Step::Wait { cycles } => wait(code, *cycles),
        Step::AwaitPowerButton => {
            let poll = code.here();
            code.emit(&[0xf3, 0x90]); // pause
            code.emit_u32(&[0xa1], GED_EVENTS); // mov eax, [events]
            code.emit(&[0xa8, GED_POWER_DOWN]); // test al, power-down
            code.short_back(0x74, poll); // jz poll
        }
        Step::Beat { prefix, cycles } => {
            code.emit(&[0x31, 0xff]); // xor edi, edi
            let again = code.here();
            print(code, prefix, routines, texts);
            print_counter(code, routines);
            wait(code, *cycles);
            code.emit(&[0x47]); // inc edi
            code.branch(0xe9, again);
        }
        Step::PowerOff => {
            code.emit_u32(&[0xc6, 0x05], GED_SLEEP_CONTROL); // mov byte [sleep control], ...
            code.emit(&[SLEEP_S5]);
        }
        Step::Reset => {
            // An empty interrupt table (limit 0) and a breakpoint: fault, double fault, triple fault.
            code.emit(&[0x6a, 0, 0x6a, 0, 0x0f, 0x01, 0x1c, 0x24, 0xcc]); // push 0; push 0; lidt [esp]; int3
        }
        Step::AwaitCtrlAltDel => {
            let poll = code.here();
            code.emit(&[0xf3, 0x90]); // pause
            code.emit(&[0xe4, KEYBOARD_STATUS, 0xa8, 0x01]); // in al, status; test al, 1 (a byte is there)
            code.short_back(0x74, poll); // jz poll
            code.emit(&[0xe4, KEYBOARD_DATA, 0x3c, KEY_DELETE]); // in al, data; cmp al, delete
            code.short_back(0x75, poll); // jne poll
        }
        Step::Touch { pages } => {
            code.emit_u32(&[0xbf], TOUCHED); // mov edi, first
            code.emit_u32(&[0xb9], *pages); // mov ecx, pages
            let next = code.here();
            code.emit(&[0x89, 0x3f]); // mov [edi], edi
            code.emit_u32(&[0x81, 0xc7], 4096); // add edi, 4096
            code.emit(&[0x49]); // dec ecx
            code.short_back(0x75, next); // jnz next
        }
        Step::BootTimer => {
            code.emit_u32(&[0xc6, 0x05], BOOT_TIMER); // mov byte [boot timer], ...
            code.emit(&[BOOT_TIMER_UP]);
        }
        Step::KeyboardReset => {
            code.emit(&[0xb0, KEYBOARD_RESET, 0xe6, KEYBOARD_STATUS]); // mov al, reset; out command, al
        }
        Step::Halt => halt(code),
    }
}

fn print(code: &mut Code, text: &str, routines: &Routines, texts: &mut Vec<(usize, String)>) {
    code.emit_u32(&[0xbe], 0); // mov esi, text
    texts.push((code.bytes.len() - 4, text.to_owned()));
    code.branch(0xe8, routines.puts);
}

/// Writes EDI as eight hexadecimal digits and a newline.
fn print_counter(code: &mut Code, routines: &Routines) {
    code.emit_u32(&[0xb9], 8); // mov ecx, 8
    let digit = code.here();
    code.emit(&[0xc1, 0xc7, 4, 0x89, 0xf8, 0x24, 0x0f]); // rol edi, 4; mov eax, edi; and al, 15
    code.emit(&[0x04, b'0', 0x3c, b'9', 0x76, 0x02, 0x04, 39]); // add al, '0'; cmp al, '9'; jbe +2; add al, 39
    code.branch(0xe8, routines.put);
    code.emit(&[0x49]); // dec ecx
    code.short_back(0x75, digit); // jnz digit
    code.emit(&[0xb0, b'\n']); // mov al, '\n'
    code.branch(0xe8, routines.put);
}

fn wait(code: &mut Code, cycles: u32) {
    code.emit(&[0x0f, 0x31, 0x89, 0xc1]); // rdtsc; mov ecx, eax
    let spin = code.here();
    code.emit(&[0xf3, 0x90, 0x0f, 0x31, 0x29, 0xc8]); // pause; rdtsc; sub eax, ecx
    code.emit_u32(&[0x3d], cycles); // cmp eax, cycles
    code.short_back(0x72, spin); // jb spin
}

fn halt(code: &mut Code) {
    code.emit(&[0xfa, 0xf4, 0xeb, 0xfd]); // cli; hlt; jmp to hlt
}

fn mov_dx(code: &mut Code, port: u16) {
    code.emit(&[0x66, 0xba]);
    code.emit(&port.to_le_bytes());
}
