//! The same work on many items, several at a time.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use crate::Cancel;

/// Calls `work` for every item, on up to `threads` threads, and returns the results in the order of the items. Items are
/// begun in that order too; after a failure no further item is begun.
///
/// # Errors
/// `work` failed: the error is that of the first item that failed, in the order of the items.
pub fn each<I: Sync, T: Send, E: Send>(
    items: &[I],
    threads: usize,
    work: impl Fn(&I) -> Result<T, E> + Sync,
) -> Result<Vec<T>, E> {
    each_with(items, threads, || (), |(), item| work(item))
}

/// Calls `work` as [`each`] does, with a value that each thread makes for itself, such as a buffer.
///
/// # Errors
/// As [`each`].
pub fn each_with<S, I: Sync, T: Send, E: Send>(
    items: &[I],
    threads: usize,
    own: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, &I) -> Result<T, E> + Sync,
) -> Result<Vec<T>, E> {
    let next = AtomicUsize::new(0);
    let failed = AtomicBool::new(false);
    let cancel = Cancel::current();
    let work_on = || {
        let mut own = own();
        let mut done = Vec::new();
        while !failed.load(Ordering::Relaxed) {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(at) else {
                break;
            };
            let result = work(&mut own, item);
            if result.is_err() {
                failed.store(true, Ordering::Relaxed);
            }
            done.push((at, result));
        }
        done
    };
    // What can end this thread's work can end that of its threads.
    let run = || match &cancel {
        Some(cancel) => cancel.within(work_on),
        None => work_on(),
    };
    let mut done: Vec<(usize, Result<T, E>)> = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads.min(items.len()))
            .map(|_| scope.spawn(run))
            .collect();
        let results = threads.into_iter().map(|thread| thread.join());
        results
            .flat_map(|result| result.unwrap_or_else(|panic| resume_unwind(panic)))
            .collect()
    });
    done.sort_unstable_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

/// Threads for work that keeps processors busy: as many as this process may use.
pub fn processors() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

#[cfg(test)]
mod tests {
    use std::sync::{Barrier, Mutex};

    use super::*;

    #[test]
    fn results_are_in_the_order_of_the_items_whoever_is_first() {
        let together = Barrier::new(4); // that many at a time, or this never ends
        let items: Vec<usize> = (0..40).collect();
        let doubled = each(&items, 4, |item| {
            together.wait();
            thread::yield_now();
            Ok::<_, ()>(item * 2)
        });
        let expected: Vec<usize> = (0..80).step_by(2).collect();
        assert_eq!(doubled, Ok(expected));
        assert_eq!(each(&[(); 0], 4, |()| Ok::<_, ()>(())), Ok(Vec::new()));
    }

    #[test]
    fn nothing_is_begun_after_a_failure_and_the_first_item_that_failed_is_told() {
        let begun = Mutex::new(Vec::new());
        let items: Vec<usize> = (0..10).collect();
        let result = each(&items, 1, |item| {
            begun.lock().unwrap().push(*item);
            if *item < 3 { Ok(()) } else { Err(*item) }
        });
        assert_eq!(result, Err(3));
        assert_eq!(begun.into_inner().unwrap(), [0, 1, 2, 3]);
        let both = Barrier::new(2);
        let result = each(&[0, 1], 2, |item| {
            both.wait();
            Err::<(), _>(*item)
        });
        assert_eq!(result, Err(0));
    }

    #[test]
    #[should_panic(expected = "of the work")]
    fn a_panic_is_passed_on() {
        let _ = each(&[0], 2, |_| -> Result<(), ()> { panic!("of the work") });
    }
}
