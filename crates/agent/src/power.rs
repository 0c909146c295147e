//! Powering the machine off.

use std::io;
use std::path::Path;

use rustix::system::{RebootCommand, reboot};

/// Asks the guest's init to power off, in good order; where it is not one that we know, writes what is in memory to the
/// disks and powers off at once.
pub(crate) fn off() -> io::Result<()> {
    if Path::new("/run/systemd/system").is_dir() {
        // `systemctl poweroff` without the program and the bus: "starts the poweroff.target unit" (SIGNALS of
        // systemd(1)).
        #[expect(unsafe_code, reason = "rustix has no real-time signals")]
        // SAFETY: it takes no pointers.
        let sent = unsafe { libc::kill(1, libc::SIGRTMIN() + 4) };
        if sent == -1 {
            return Err(io::Error::last_os_error());
        }
        return Ok(());
    }
    rustix::fs::sync();
    reboot(RebootCommand::PowerOff)?;
    Ok(())
}
