//! QMP, the JSON protocol by which QEMU is controlled (`docs/interop/qmp-spec` of QEMU).

mod client;
mod message;

pub(crate) use client::Qmp;
pub(crate) use message::Event;
