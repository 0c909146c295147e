//! The image pipeline: a TOML recipe goes in, a verified bundle comes out.
//!
//! [`build`] is the table of contents. Stages are plain functions over types: [`recipe`] →
//! [`lock::Locked`] → [`plan::Plan`] → stages → [`bundle`]. **This crate never prints**: it reports
//! [`kindling_base::Event`]s.

pub mod agent;
pub mod bundle;
mod compile;
mod decompress;
pub mod evidence;
pub mod host;
pub mod initramfs;
pub mod inputs;
pub mod inspect;
pub mod kernel;
pub mod keyring;
mod layers;
mod linked;
pub mod listing;
pub mod lock;
mod npm;
pub mod overlay;
mod pipeline;
pub mod plan;
pub mod programs;
pub mod project;
pub mod recipe;
pub mod resolve;
pub mod rootfs;
mod run;
mod seal;
mod stock;
pub mod verify;

pub use pipeline::{Built, Request, build, kernel_config, lint, planned};
