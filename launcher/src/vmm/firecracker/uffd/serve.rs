//! Serving page faults: the loop of the handler's thread.

use std::collections::HashSet;
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use kindling_base::{Context, Error, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::mappings::Mappings;
use super::sys::{self, Event, Filled};
use super::working_set;

/// Bytes that are prefetched at once: what a fault may have to wait for, 30 microseconds of copying.
const PREFETCH: u64 = 128 << 10;

/// The time after the first fault of a resume in which pages count as its working set.
const RECORDING: Duration = Duration::from_secs(2);

/// A guest's memory and who serves it.
pub(super) struct Server<'a> {
    /// The descriptor that Firecracker sent.
    pub(super) uffd: OwnedFd,
    /// Firecracker's end of this is open as long as it lives.
    pub(super) alive: OwnedFd,
    pub(super) mappings: Mappings,
    /// The memory file, which nobody changes.
    pub(super) memory: File,
    /// The folder of the snapshot, for the working set.
    pub(super) snapshot: &'a Path,
}

/// Serves until Firecracker ends.
///
/// # Errors
/// The memory file cannot be read or the kernel refuses: the guest would wait forever.
pub(super) fn serve(server: &Server<'_>) -> Result<()> {
    let length = server
        .memory
        .metadata()
        .context("cannot look at the memory file")?
        .len();
    let recorded = working_set::read(server.snapshot, server.mappings.page(), length);
    let mut recording = recorded.is_none().then(Recording::default);
    let mut ahead = runs(&recorded.unwrap_or_default(), &server.mappings).into_iter();
    let mut prefetching = true;
    let mut removed = Removed::default();
    let mut later = Vec::new();
    let mut page = vec![0; usize::try_from(PREFETCH.max(server.mappings.page())).unwrap_or(0)];
    loop {
        let overdue = recording.as_ref().and_then(Recording::due);
        let wait = match (prefetching, later.is_empty()) {
            (true, _) | (_, false) => Some(Duration::ZERO),
            _ => overdue,
        };
        let ended = server.wait(wait)?;
        if ended {
            break;
        }
        let mut faults = std::mem::take(&mut later);
        for event in sys::events(&server.uffd).map_err(refused)? {
            match event {
                Event::Fault(address) => faults.push(address),
                Event::Remove(start, end) => {
                    removed.add(start, end, server.mappings.page());
                    prefetching = false; // what was recorded may be what was given back
                }
                Event::Other(kind) => {
                    return Err(Error::internal(format!(
                        "userfaultfd tells of an event {kind:#x}"
                    )));
                }
            }
        }
        if faults.is_empty() && prefetching {
            prefetching = match ahead.next() {
                Some((offset, length)) => server.prefetch(offset, length, &mut page)?,
                None => false,
            };
        }
        for address in faults {
            match server.fill(address, &removed, &mut page)? {
                (Filled::Later, _) => later.push(address),
                (Filled::Gone, _) => return Ok(()),
                (_, offset) => {
                    if let Some(recording) = &mut recording {
                        recording.note(offset);
                    }
                }
            }
        }
        if overdue == Some(Duration::ZERO)
            && let Some(done) = recording.take()
        {
            done.keep(server.snapshot);
        }
    }
    if let Some(done) = recording {
        done.keep(server.snapshot);
    }
    Ok(())
}

impl Server<'_> {
    /// Waits for events; returns whether Firecracker has ended.
    fn wait(&self, most: Option<Duration>) -> Result<bool> {
        let mut both = [
            PollFd::new(&self.uffd, PollFlags::IN),
            PollFd::from_borrowed_fd(self.alive.as_fd(), PollFlags::RDHUP),
        ];
        let most = most.map(|most| Timespec {
            tv_sec: i64::try_from(most.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: most.subsec_nanos().into(),
        });
        match poll(&mut both, most.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error).context("cannot wait for page faults"),
        }
        let gone = PollFlags::RDHUP | PollFlags::HUP | PollFlags::ERR;
        Ok(both.iter().any(|fd| fd.revents().intersects(gone)))
    }

    /// Puts the page of `address` in place; also returns its offset in the memory file.
    fn fill(&self, address: u64, removed: &Removed, page: &mut [u8]) -> Result<(Filled, u64)> {
        let (start, offset) = self.mappings.page_of(address).ok_or_else(|| {
            Error::internal(format!(
                "a page fault at {address:#x} is outside the guest's memory"
            ))
        })?;
        let size = self.mappings.page();
        let filled = if removed.0.contains(&start) {
            sys::zero(&self.uffd, start, size)
        } else {
            let page = &mut page[..usize::try_from(size).unwrap_or(0)];
            self.read(page, offset)?;
            sys::copy(&self.uffd, page, start)
        };
        Ok((filled.map_err(refused)?, offset))
    }

    /// Puts pages in place that nobody waits for yet; returns whether there is a point in going on.
    fn prefetch(&self, offset: u64, length: u64, buffer: &mut [u8]) -> Result<bool> {
        let Some((address, _)) = self.mappings.address_of(offset) else {
            return Ok(true);
        };
        let buffer = &mut buffer[..usize::try_from(length).unwrap_or(0)];
        self.read(buffer, offset)?;
        match sys::copy(&self.uffd, buffer, address) {
            // A page of the run that is there already ends the copy; what is left faults when it is needed.
            Ok(filled) => Ok(filled != Filled::Gone),
            Err(error) => Err(refused(error)),
        }
    }

    fn read(&self, buffer: &mut [u8], offset: u64) -> Result<()> {
        self.memory
            .read_exact_at(buffer, offset)
            .context("cannot read the snapshot's memory file")
    }
}

fn refused(error: Errno) -> Error {
    Error::internal("userfaultfd refuses to serve a page").because(error)
}

/// The pages in their order, neighbours joined to pieces of at most [`PREFETCH`] bytes that stay within a region.
fn runs(offsets: &[u64], mappings: &Mappings) -> Vec<(u64, u64)> {
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for &offset in offsets {
        match runs.last_mut() {
            Some((start, length))
                if *start + *length == offset
                    && *length < PREFETCH
                    && mappings
                        .address_of(*start)
                        .is_some_and(|(_, run)| *length < run) =>
            {
                *length += mappings.page();
            }
            _ => runs.push((offset, mappings.page())),
        }
    }
    runs
}

/// Pages that the guest gave back: they read as zeros from then on.
#[derive(Debug, Default)]
struct Removed(HashSet<u64>);

impl Removed {
    fn add(&mut self, start: u64, end: u64, page: u64) {
        let pages = usize::try_from(page).unwrap_or(usize::MAX);
        self.0.extend((start - start % page..end).step_by(pages));
    }
}

/// The pages of the first resume.
#[derive(Debug, Default)]
struct Recording {
    pages: Vec<u64>,
    since: Option<Instant>,
}

impl Recording {
    fn note(&mut self, offset: u64) {
        self.since.get_or_insert_with(Instant::now);
        self.pages.push(offset);
    }

    /// The time for which it goes on.
    fn due(&self) -> Option<Duration> {
        Some(RECORDING.saturating_sub(self.since?.elapsed()))
    }

    fn keep(mut self, snapshot: &Path) {
        let mut seen = HashSet::new();
        self.pages.retain(|page| seen.insert(*page));
        // A snapshot that we may not write to is resumed as well, only not as fast.
        let _ = working_set::write(snapshot, &self.pages);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_fetched_together() {
        let text = format!(
            r#"[{{"base_host_virt_addr":1048576,"size":{0},"offset":0}},{{"base_host_virt_addr":9437184,"size":4096,"offset":{0}}}]"#,
            1 << 20
        );
        let mappings = Mappings::parse(text.as_bytes(), 2 << 20).unwrap().unwrap();
        let offsets = [8192, 12288, 0, 4096, (1 << 20) - 4096, 1 << 20];
        assert_eq!(
            runs(&offsets, &mappings),
            [
                (8192, 8192),
                (0, 8192),
                ((1 << 20) - 4096, 4096),
                (1 << 20, 4096)
            ]
        );
        let all: Vec<u64> = (0..64).map(|page| page * 4096).collect();
        assert_eq!(runs(&all, &mappings), [(0, PREFETCH), (PREFETCH, PREFETCH)]);
    }

    #[test]
    fn removed_ranges_are_whole_pages() {
        let mut removed = Removed::default();
        removed.add(4096, 12288, 4096);
        assert_eq!(removed.0, HashSet::from([4096, 8192]));
    }
}
