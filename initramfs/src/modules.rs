//! Loading the modules of a stock kernel.

use core::ffi::CStr;
use core::fmt::Write;

use arrayvec::{ArrayString, ArrayVec};
use kindling_init::{Failure, Lossy, Reason, parameters};
use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;

use crate::console::KernelLog;
use crate::scan;

/// The file that names the modules of this archive, one a line, each after those that it needs.
const ORDER: &str = "/modules/order";

/// As many bytes of [`ORDER`] as are read: some 150 names.
const ORDER_BYTES: usize = 4096;

/// Loads what the archive has, in its order. A kernel with everything built in has no such archive.
pub(crate) fn load<'a>(cmdline: &[u8]) -> Result<(), Failure<'a>> {
    let mut order = ArrayVec::<u8, ORDER_BYTES>::new();
    match scan::read_file(CWD, ORDER, &mut order) {
        Err(Errno::NOENT) => return Ok(()),
        other => other.map_err(|errno| Failure::Step("read /modules/order", Reason(errno)))?,
    }
    let names = order.split(|&byte| byte == b'\n');
    for name in names.filter(|name| !name.is_empty()) {
        match load_one(name, cmdline) {
            Ok(()) | Err(Errno::EXIST) => {}
            // A driver for hardware that this machine does not have, such as a CPU's instruction.
            Err(Errno::NODEV) => {
                let _ = writeln!(KernelLog::info(), "nothing here for {}", Lossy(name));
            }
            Err(errno) => {
                let mut text = ArrayString::new();
                let _ = write!(text, "{}", Lossy(name)); // cut off where it is longer
                return Err(Failure::Module(text, Reason(errno)));
            }
        }
    }
    Ok(())
}

fn load_one(name: &[u8], cmdline: &[u8]) -> Result<(), Errno> {
    let mut path = ArrayVec::<u8, 96>::new();
    for part in [&b"/modules/"[..], name, b".ko"] {
        path.try_extend_from_slice(part)
            .map_err(|_| Errno::NAMETOOLONG)?;
    }
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let file = rustix::fs::open(path.as_slice(), flags, Mode::empty())?;
    let parameters = parameters(cmdline, name);
    let parameters = CStr::from_bytes_with_nul(&parameters).map_err(|_| Errno::INVAL)?;
    rustix::system::finit_module(&file, parameters, 0)
}
