//! The Debian package engine.

mod ar;
pub mod deb;
pub mod deb822;
pub mod relation;
pub mod version;
