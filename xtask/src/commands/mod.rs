//! One module a command.

pub(crate) mod bench;
pub(crate) mod build_image;
pub(crate) mod cargo;
pub(crate) mod docs;
pub(crate) mod doctor;
pub(crate) mod gc;
pub(crate) mod inspect;
pub(crate) mod kernel_config;
pub(crate) mod lint;
pub(crate) mod lock;
mod ready_snapshot;
mod rebuild;
mod setup;
mod subject;
pub(crate) mod test;
mod thorough;
pub(crate) mod tidy;
mod tools;
pub(crate) mod verify;
mod verify_build;

/// Manifests of all workspaces of the checkout: the main one; those of the guest, PID 1, which is `no_std`, the
/// agent and the opener of pages; and the fuzz targets.
pub(crate) const WORKSPACES: [&str; 5] = [
    "Cargo.toml",
    "initramfs/Cargo.toml",
    "crates/agent/Cargo.toml",
    "crates/open/Cargo.toml",
    "fuzz/Cargo.toml",
];

/// Those that have tests.
const TESTED: [&str; 4] = {
    let [main, init, agent, open, _] = WORKSPACES;
    [main, init, agent, open]
};
