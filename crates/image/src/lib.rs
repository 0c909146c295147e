//! The image pipeline: a TOML recipe goes in, a verified bundle comes out.
//!
//! [`build`] is the table of contents. What a recipe is locked to ([`lock`], [`resolve`]) and the files of the project
//! ([`inputs`]) make a [`plan`]: a list of [`Stage`]s, each with the key of its result. Every stage's work is a crate of its
//! own; this one finds results in the store, makes what is missing, several at a time, and publishes the bundle. **This
//! crate never prints**: it reports [`kindling_base::Event`]s.

mod build;
pub mod inputs;
pub mod keyring;
mod layers;
pub mod lock;
mod npm;
mod pipeline;
pub mod plan;
mod prepared;
pub mod project;
pub mod resolve;
pub mod stage;
pub mod tools;

pub use pipeline::{Built, Request, build, c_tools, kernel_config, lint};
pub use prepared::Prepared;
pub use stage::Stage;
