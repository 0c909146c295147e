//! The image pipeline: from a recipe to a verified bundle.

pub mod kernel;
