//! The binary from outside, with a real machine in QEMU whose guest is a few hundred bytes.

mod bench;
mod failures;
mod firecracker;
mod firecracker_times;
mod gc;
mod leftovers;
mod life;
mod snapshots;
mod support;
