//! Tells the console that the system is up.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::termios;

use crate::named::at;

/// Prints what the file `marker` holds and the seconds since the kernel started, on a line of their own after
/// any earlier output, and returns when the line has left the machine: the getty that starts next hangs up the console, which would drop
/// what is still queued.
///
/// # Errors
/// A file cannot be read, or the console cannot be written; the text says which.
pub fn tell(marker: &Path, uptime: &Path, console: &Path) -> io::Result<()> {
    let read = |path: &Path| std::fs::read_to_string(path).map_err(at(path));
    let (marker_text, uptime) = (read(marker)?, read(uptime)?);
    let seconds = uptime.split(' ').next().unwrap_or_default();
    let line = format!("\n{} {seconds}\n", marker_text.trim_end_matches('\n'));
    let mut options = OpenOptions::new();
    let opened = options
        .write(true)
        .custom_flags(libc::O_NOCTTY)
        .open(console);
    let told = opened.and_then(|mut console| {
        console.write_all(line.as_bytes())?;
        match termios::tcdrain(&console) {
            Err(error) if error != rustix::io::Errno::NOTTY => Err(error.into()),
            _ => Ok(()), // what is no terminal holds nothing back
        }
    });
    told.map_err(at(console))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    use std::io::Read as _;

    #[test]
    fn the_line_stands_alone_on_a_terminal_and_elsewhere() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let marker = file("marker", "it's \"50%\" $up\n");
        let uptime = file("uptime", "3.25 6.01\n");

        let plain = file("plain", "");
        tell(&marker, &uptime, &plain).unwrap();
        let plain = std::fs::read_to_string(plain).unwrap();
        assert_eq!(plain, "\nit's \"50%\" $up 3.25\n");

        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let theirs = ptsname(&ours, Vec::new()).unwrap();
        let theirs = Path::new(theirs.to_str().unwrap());
        // Both ends open: what was written stays readable after the writer closed its own.
        let _kept = std::fs::File::open(theirs).unwrap();
        let mut ours = std::fs::File::from(ours);
        tell(&marker, &uptime, theirs).unwrap();
        let mut read = [0; 64];
        let length = ours.read(&mut read).unwrap();
        assert_eq!(&read[..length], b"\r\nit's \"50%\" $up 3.25\r\n");
    }

    #[test]
    fn what_is_missing_is_named() {
        let missing = Path::new("/nonexistent/marker");
        let error = tell(missing, Path::new("/proc/uptime"), Path::new("/dev/null")).unwrap_err();
        assert!(error.to_string().contains("/nonexistent/marker"), "{error}");
    }
}
