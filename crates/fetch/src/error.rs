//! The reason why pinned packages could not be fetched.

use kindling_base::Error;

/// The reason why packages could not be fetched.
#[derive(Debug)]
pub enum FetchError {
    /// The mirrors work but no longer have this package: the lock has to be made anew.
    Gone {
        /// Its name and version.
        package: String,
        /// The whole story.
        error: Error,
    },
    /// Anything else.
    Failed(Error),
}

impl From<FetchError> for Error {
    fn from(error: FetchError) -> Self {
        match error {
            FetchError::Gone { error, .. } | FetchError::Failed(error) => error,
        }
    }
}

impl From<Error> for FetchError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}
