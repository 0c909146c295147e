//! Values with their places in a file that a person wrote, and mistakes that point there.
//!
//! Recipes and configuration files are read into [`Located`] values, so that a stage that complains about one hours later
//! still shows file, line, column and the line itself, with a caret under the value.

mod location;
mod problem;

pub use location::{Located, Location, Source};
pub use problem::{Problem, into_error};
