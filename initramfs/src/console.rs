//! The console, and the kernel's log.

use core::fmt;

use arrayvec::ArrayString;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{Mode, OFlags};

/// Makes the standard streams of /dev/console, or else of /dev/null.
///
/// The kernel opens them from the node in the archive; a console opened from devtmpfs has a name that the real
/// init can find, and works for an archive without the node. Without any console there is nobody to tell.
pub(crate) fn attach() {
    for path in ["/dev/console", "/dev/null"] {
        if let Ok(file) = rustix::fs::open(path, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()) {
            let _ = rustix::stdio::dup2_stdin(&file);
            let _ = rustix::stdio::dup2_stdout(&file);
            let _ = rustix::stdio::dup2_stderr(&file);
            return;
        }
    }
}

#[expect(
    unsafe_code,
    reason = "the standard streams are numbers that nobody owns"
)]
fn standard_error() -> BorrowedFd<'static> {
    // SAFETY: nothing in this program closes the standard streams. Where even the kernel had none to give, writing
    // to the number is an error like any other.
    unsafe { rustix::stdio::stderr() }
}

/// Says why this program does not run here, and ends it.
pub(crate) fn refuse(text: &str) -> ! {
    let _ = rustix::io::write(standard_error(), text.as_bytes());
    crate::init::exit(2)
}

/// The console: whole lines in one write each, so that the kernel's messages do not cut them.
pub(crate) struct Console(ArrayString<512>);

impl Console {
    pub(crate) fn new() -> Self {
        Self(ArrayString::new_const())
    }

    fn flush(&mut self) {
        write_all(standard_error(), self.0.as_bytes());
        self.0.clear();
    }
}

impl fmt::Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            if self.0.try_push(c).is_err() {
                self.flush();
                self.0.push(c);
            }
            if c == '\n' {
                self.flush();
            }
        }
        Ok(())
    }
}

impl Drop for Console {
    /// Waits until everything has left the machine: a restart would drop what the serial port still holds.
    fn drop(&mut self) {
        self.flush();
        let _ = rustix::termios::tcdrain(standard_error());
    }
}

/// One record of the kernel's log, where it shares the time stamps and the log level of the kernel.
pub(crate) struct KernelLog {
    record: ArrayString<256>,
    log: Option<OwnedFd>,
}

impl KernelLog {
    /// For `loglevel=7`, the default, but not for `quiet`.
    pub(crate) fn info() -> Self {
        Self::open("<6>kindling-init: ")
    }

    /// Shown where not even warnings are silenced.
    pub(crate) fn warning() -> Self {
        Self::open("<4>kindling-init: ")
    }

    fn open(prefix: &str) -> Self {
        let flags = OFlags::WRONLY | OFlags::CLOEXEC;
        let mut record = ArrayString::new();
        let _ = record.try_push_str(prefix);
        Self {
            record,
            log: rustix::fs::open("/dev/kmsg", flags, Mode::empty()).ok(),
        }
    }
}

impl fmt::Write for KernelLog {
    /// Text that does not fit is cut off.
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            let _ = self.record.try_push(c);
        }
        Ok(())
    }
}

impl Drop for KernelLog {
    fn drop(&mut self) {
        if let Some(log) = &self.log {
            write_all(log.as_fd(), self.record.as_bytes());
        }
    }
}

fn write_all(to: BorrowedFd<'_>, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        match rustix::io::write(to, bytes) {
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return, // there is no other place to say it
        }
    }
}
