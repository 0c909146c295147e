//! A real Firecracker with real guests of a few hundred bytes; run where `KINDLING_FIRECRACKER` names one.

mod death;
mod jail;
pub(crate) mod lab;
mod lives;
mod paging;
mod refusals;
mod requests;
mod script;
mod stand_in;
mod steps;
