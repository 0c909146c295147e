//! Finding the data of a file that has holes.

use std::fs::File;
use std::ops::Range;

use rustix::fs::{SeekFrom, seek};
use rustix::io::Errno;

/// The next range of data at or after `at`; empty, at `length`, if only a hole is left. Where the file system has no
/// holes, everything is data.
///
/// # Errors
/// The file cannot be searched.
pub fn next_data(file: &File, at: u64, length: u64) -> std::io::Result<Range<u64>> {
    match seek(file, SeekFrom::Data(at)) {
        Ok(data) => {
            let hole = seek(file, SeekFrom::Hole(data)).unwrap_or(length);
            Ok(data.min(length)..hole.min(length))
        }
        Err(Errno::NXIO) => Ok(length..length), // only a hole is left
        Err(Errno::INVAL | Errno::OPNOTSUPP) => Ok(at..length),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt;

    use super::*;

    #[test]
    fn data_is_found_between_holes_and_the_end_is_empty() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(3 << 20).unwrap();
        file.write_all_at(&[7; 4096], 1 << 20).unwrap();
        let length = 3 << 20;
        let found = next_data(&file, 0, length).unwrap();
        // A file system without holes says that everything is data.
        if found != (0..length) {
            assert_eq!(found, 1 << 20..(1 << 20) + 4096);
            assert_eq!(next_data(&file, found.end, length).unwrap(), length..length);
        }
    }
}
