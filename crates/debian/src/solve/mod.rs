//! The choice of packages: what apt would choose, and where it gives up, what a solver finds.

mod conflict;
mod explain;
mod provider;
mod request;
mod walk;

pub use request::{Request, solve};
