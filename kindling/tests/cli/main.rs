//! The binary from outside, with a real machine in QEMU whose guest is a few hundred bytes.

mod bench;
mod bench_compare;
mod failures;
mod firecracker;
mod gc;
mod leftovers;
mod life;
mod snapshot_refusals;
mod snapshots;
mod stopping;
mod support;
