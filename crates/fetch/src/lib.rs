//! Downloads: an HTTP client that retries and keeps its connections, and files that a hash promises, into the store.
//!
//! Debian's archives and npm's registries are both fetched from with it; neither is known here.

mod blob;
mod client;
mod connections;
mod error;
mod get_error;
mod names;

pub use blob::{BlobError, Progress, Promise, fetch_blob, fetch_url};
pub use client::{Backoff, Client};
pub use connections::AT_ONCE;
pub use error::FetchError;
pub use get_error::{GetError, all_failed};
