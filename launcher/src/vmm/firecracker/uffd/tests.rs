//! The handler against the real kernel, with memory of this very process in a guest's place.

use std::ffi::c_void;
use std::os::fd::AsFd;
use std::path::Path;
use std::ptr::null_mut;

use rustix::mm::{
    Advice, MapFlags, ProtFlags, UserfaultfdFlags, madvise, mmap_anonymous, munmap, userfaultfd,
};

use super::serve::{Server, serve};
use super::*;

const PAGE: usize = 4096;
const PAGES: usize = 64;

/// `struct uffdio_api` and `struct uffdio_register`, which are Firecracker's to use.
#[repr(C)]
struct Api {
    api: u64,
    features: u64,
    ioctls: u64,
}

#[repr(C)]
struct Register {
    start: u64,
    len: u64,
    mode: u64,
    ioctls: u64,
}

/// Memory whose pages come from a handler.
struct Guest {
    base: *mut c_void,
    uffd: OwnedFd,
}

impl Guest {
    /// Says why and returns nothing where this user may not.
    fn new() -> Option<Self> {
        if let Err(why) = available() {
            eprintln!("skipped: {why}");
            return None;
        }
        let flags = UserfaultfdFlags::CLOEXEC | UserfaultfdFlags::NONBLOCK;
        #[expect(unsafe_code, reason = "userfaultfd has no safe wrapper")]
        // SAFETY: nothing but the mapping below is registered with it.
        let uffd = unsafe { userfaultfd(flags) }.unwrap();
        let mut api = Api {
            api: 0xaa,
            features: 1 << 3, // UFFD_FEATURE_EVENT_REMOVE
            ioctls: 0,
        };
        sys::call(
            &uffd,
            rustix::ioctl::opcode::read_write::<Api>(0xaa, 0x3f),
            &mut api,
        )
        .unwrap();
        let rights = ProtFlags::READ | ProtFlags::WRITE;
        #[expect(unsafe_code, reason = "memory is mapped by hand")]
        // SAFETY: the kernel chooses a place where nothing is.
        let base = unsafe { mmap_anonymous(null_mut(), PAGES * PAGE, rights, MapFlags::PRIVATE) };
        let base = base.unwrap();
        let mut register = Register {
            start: base as u64,
            len: (PAGES * PAGE) as u64,
            mode: 1, // UFFDIO_REGISTER_MODE_MISSING
            ioctls: 0,
        };
        let opcode = rustix::ioctl::opcode::read_write::<Register>(0xaa, 0);
        sys::call(&uffd, opcode, &mut register).unwrap();
        Some(Self { base, uffd })
    }

    /// The byte at the beginning of a page; waits for the page.
    fn read(&self, page: usize) -> u8 {
        assert!(page < PAGES);
        #[expect(unsafe_code, reason = "memory that is mapped by hand is read by hand")]
        // SAFETY: it is within the mapping.
        unsafe {
            self.base.cast::<u8>().add(page * PAGE).read_volatile()
        }
    }

    /// Gives pages back, as a balloon does.
    fn remove(&self, pages: std::ops::Range<usize>) {
        assert!(pages.end <= PAGES);
        #[expect(
            unsafe_code,
            reason = "memory that is mapped by hand is given back by hand"
        )]
        // SAFETY: it is within the mapping, and nobody holds a reference into it.
        unsafe {
            let start = self.base.cast::<u8>().add(pages.start * PAGE).cast();
            madvise(start, pages.len() * PAGE, Advice::LinuxDontNeed).unwrap();
        }
    }

    /// Runs `look` while a handler serves the pages of `snapshot`.
    fn with_handler(&self, snapshot: &Path, look: impl FnOnce(&Self)) {
        let (alive, theirs) = UnixStream::pair().unwrap();
        let memory = files::open(&snapshot.join(super::super::MEMORY)).unwrap();
        let length = memory.metadata().unwrap().len();
        let text = format!(
            r#"[{{"base_host_virt_addr":{},"size":{},"offset":0,"page_size":{PAGE}}}]"#,
            self.base as u64,
            PAGES * PAGE
        );
        let server = Server {
            uffd: self.uffd.as_fd().try_clone_to_owned().unwrap(),
            alive: alive.into(),
            mappings: Mappings::parse(text.as_bytes(), length).unwrap().unwrap(),
            memory,
            snapshot,
        };
        std::thread::scope(|scope| {
            let handler = scope.spawn(|| serve(&server));
            look(self);
            drop(theirs); // the end of Firecracker
            handler.join().unwrap().unwrap();
        });
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        #[expect(
            unsafe_code,
            reason = "memory that is mapped by hand is unmapped by hand"
        )]
        // SAFETY: it is the whole mapping, and nobody uses it any more.
        unsafe { munmap(self.base, PAGES * PAGE) }.unwrap();
    }
}

/// A snapshot whose pages begin with their number and one.
fn snapshot() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut memory = vec![0; PAGES * PAGE];
    for (number, page) in memory.chunks_exact_mut(PAGE).enumerate() {
        page[0] = number as u8 + 1;
    }
    files::write(&folder.path().join(super::super::MEMORY), &memory).unwrap();
    folder
}

#[test]
fn pages_come_from_the_snapshot_and_from_nowhere_once_given_back() {
    let Some(guest) = Guest::new() else { return };
    let snapshot = snapshot();
    guest.with_handler(snapshot.path(), |guest| {
        assert_eq!([7, 3, 4].map(|page| guest.read(page)), [8, 4, 5]);
        guest.remove(3..5);
        assert_eq!([3, 4, 5].map(|page| guest.read(page)), [0, 0, 6]);
    });
    let recorded = working_set::read(snapshot.path(), PAGE as u64, (PAGES * PAGE) as u64);
    let pages = [7, 3, 4, 5].map(|page| page * PAGE as u64);
    assert_eq!(
        recorded,
        Some(pages.to_vec()),
        "each once, in the order of the faults"
    );
}

#[test]
fn the_working_set_is_there_before_it_is_asked_for() {
    let Some(guest) = Guest::new() else { return };
    let snapshot = snapshot();
    let pages: Vec<u64> = (8..40).map(|page| page * PAGE as u64).collect();
    working_set::write(snapshot.path(), &pages).unwrap();
    guest.with_handler(snapshot.path(), |guest| {
        // Faults and prefetches of the same pages meet.
        let all: Vec<u8> = (0..PAGES).rev().map(|page| guest.read(page)).collect();
        let expected: Vec<u8> = (0..PAGES).rev().map(|page| page as u8 + 1).collect();
        assert_eq!(all, expected);
    });
    let kept = working_set::read(snapshot.path(), PAGE as u64, (PAGES * PAGE) as u64);
    assert_eq!(kept, Some(pages), "it is recorded once");
}
