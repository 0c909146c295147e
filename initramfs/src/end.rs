//! The end of a boot that failed.

use core::fmt::Write;
use core::panic::PanicInfo;

use kindling_init::{Devices, Failure, Options, report};
use rustix::event::Timespec;
use rustix::system::RebootCommand;

use crate::console::Console;
use crate::{init, scan};

/// Says on the console what was seen, then does what `panic=` asks.
///
/// A launcher looks for a line that begins with `kindling-init: failed:`. Positive: restart after so many
/// seconds, negative: at once; that also ends a Firecracker or a `qemu -no-reboot`. 0 or not given: the kernel
/// would hang for ever; a virtual machine that hangs costs its host memory, so it is powered off instead.
pub(crate) fn fail(failure: &Failure<'_>, cmdline: &[u8], options: &Options<'_>) -> ! {
    let devices = scan::devices().unwrap_or_else(|_| Devices::new());
    let mut console = Console::new();
    let _ = console.write_char('\n'); // a kernel message may have left the line unfinished
    let _ = report(&mut console, failure, cmdline, options, &devices);
    let command = match options.panic_s {
        0 => {
            let _ = writeln!(console, "kindling-init: powering off");
            RebootCommand::PowerOff
        }
        seconds => {
            let wait = seconds.max(0);
            let _ = writeln!(
                console,
                "kindling-init: restarting in {wait} s (panic={seconds})"
            );
            pause(wait);
            RebootCommand::Restart
        }
    };
    drop(console);
    end(command)
}

/// Reports a bug of ours and powers off.
pub(crate) fn bug(info: &PanicInfo<'_>) -> ! {
    let mut console = Console::new();
    let _ = writeln!(
        console,
        "\nkindling-init: failed: a bug in the initramfs: {info}"
    );
    drop(console);
    end(RebootCommand::PowerOff)
}

/// Gives a person the time that `panic=` asks for.
fn pause(seconds: i32) {
    let timeout = Timespec {
        tv_sec: seconds.into(),
        tv_nsec: 0,
    };
    let _ = rustix::event::poll(&mut [], Some(&timeout));
}

fn end(command: RebootCommand) -> ! {
    let _ = rustix::system::reboot(command);
    init::exit(1) // the kernel refused: its panic is the last way to be heard
}
