//! The image pipeline: recipe, lock, plan, stages, bundle.

pub mod initramfs;
pub mod overlay;
