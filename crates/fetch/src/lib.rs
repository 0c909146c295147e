//! Downloads: an HTTP client that retries and keeps its connections, and files that a hash promises, into the store.
//!
//! Debian's archives and npm's registries are both fetched from with it; neither is known here.

mod blob;
mod client;
mod connections;
mod error;
mod names;

pub use blob::{BlobError, Progress, Promise, fetch_blob, fetch_url};
pub use client::{AT_ONCE, Backoff, Client, GetError, all_failed};
pub use error::FetchError;
