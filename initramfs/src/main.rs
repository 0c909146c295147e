//! PID 1 of the initramfs.
//!
//! Mounts `/proc`, `/sys` and `/dev`, loads the modules that a stock kernel needs for it, finds the root that the command
//! line names, mounts it, and becomes its init, while a second process reads ahead what that is about to open.
//! If it cannot, it says on the console what it saw and ends the machine as `panic=` asks.

// `clippy --all-targets` checks this file as a test too, where the standard library brings its own panic handler.
#![cfg(not(test))]
#![no_std]
#![no_main]

mod console;
mod end;
mod init;
mod memory;
mod modules;
mod mounts;
mod read_ahead;
mod scan;
mod start;
mod switch;
mod wait;

use core::convert::Infallible;
use core::fmt::Write;

use arrayvec::ArrayVec;
use kindling_init::{BadRoot, Failure, Lossy, Options, Root};

use crate::console::KernelLog;
use crate::start::Arguments;
use crate::wait::Clock;

/// As many bytes of /proc/cmdline as are read. `COMMAND_LINE_SIZE` is 2048 on x86.
const CMDLINE_BYTES: usize = 4096;

/// Boots, or reports and ends the machine.
fn main(arguments: Arguments) -> ! {
    if rustix::process::getpid().as_raw_pid() != 1 {
        console::refuse("kindling-init: this program is PID 1 of a virtual machine's initramfs\n");
    }
    let clock = Clock::start();
    let prepared = mounts::prepare();
    console::attach();
    let mut cmdline = ArrayVec::<u8, CMDLINE_BYTES>::new();
    let read = prepared.and_then(|()| mounts::read_cmdline(&mut cmdline));
    let options = Options::parse(&cmdline);
    let Err(failure) = read.and_then(|()| boot(&cmdline, &options, &clock, arguments));
    end::fail(&failure, &cmdline, &options)
}

/// The whole way from the command line to the real init, which never returns where it works.
fn boot<'a>(
    cmdline: &[u8],
    options: &Options<'a>,
    clock: &Clock,
    arguments: Arguments,
) -> Result<Infallible, Failure<'a>> {
    for word in &options.ignored {
        let _ = writeln!(KernelLog::warning(), "ignored {}", Lossy(word));
    }
    let root = Root::parse(options.root).map_err(|bad| match (bad, options.root) {
        (BadRoot::Unknown, Some(value)) => Failure::BadRoot(value),
        _ => Failure::NoRoot,
    })?;
    modules::load(cmdline)?;
    let device = wait::for_root(root, options.root_timeout_s)?;
    mounts::mount_root(&device, options)?;
    switch::into_root()?;
    let _ = writeln!(
        KernelLog::info(),
        "root={root} mounted from {device}, {} us after start",
        clock.elapsed_us()
    );
    read_ahead::start();
    init::start(options.init, arguments)
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    end::bug(info)
}
