//! The rules for a lock that is missing, stale or fitting.

/// Permitted changes of the lock file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Policy {
    /// A missing or stale lock is an error.
    Frozen,
    /// A fitting lock is used as it is. A missing or stale one is written: what it pins stays where that is possible, and
    /// so does what the lock of the recipe that it extends pins.
    Keep,
    /// The archives are asked again: what they still have stays pinned.
    Refresh,
    /// As [`Policy::Refresh`], but these packages move to their newest versions, and others as far as that needs it.
    UpdateOnly(Vec<String>),
    /// The archives are asked again as if there were no lock.
    Update,
}
