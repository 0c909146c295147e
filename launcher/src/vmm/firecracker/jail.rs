//! The jail: a root folder of its own, a user without rights, a control group.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// How a VM is jailed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jail {
    /// The jailer's program.
    pub program: PathBuf,
    /// The user that Firecracker runs as.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
}
