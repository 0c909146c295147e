//! The guest's agent: a program that lies under the overlays, whichever programs the recipe names.

/// Its name among the programs.
pub const FILE: &str = "agent";
