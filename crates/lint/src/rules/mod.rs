//! The rules, one file a subject.

mod account;
mod elf;
mod engine;
mod identity;
mod init_script;
mod kernel;
mod link;
mod memory;
mod network;
mod npm;
mod opener;
mod ports;
#[cfg(test)]
mod reached;
mod root;
mod script;
mod secret;
#[cfg(test)]
pub(crate) mod testing;
mod unit_boot;
mod unit_exec;
mod unit_names;

use crate::rule::Rule;

/// Every rule, in the order of a boot, which is that of the findings: a defect hides those that come later.
pub const RULES: &[Rule] = &[
    kernel::IMAGE,
    kernel::MACHINE,
    kernel::CONSOLE,
    kernel::SYSTEMD,
    engine::OPTIONS,
    root::DEVICE,
    root::FILESYSTEM,
    memory::FLOOR,
    network::ADDRESS,
    network::ONLINE,
    unit_exec::EXEC,
    unit_exec::ENVIRONMENT,
    unit_exec::SLEEP,
    unit_names::SYNTAX,
    unit_names::REFERENCE,
    unit_names::USER,
    account::SHELL,
    unit_boot::CYCLE,
    init_script::STARTED,
    ports::CONFLICT,
    elf::INTERPRETER,
    elf::LIBRARY,
    script::INTERPRETER,
    npm::ADDON,
    opener::DESKTOP_ENTRY,
    opener::MIME_HANDLER,
    opener::ALTERNATIVE,
    link::DANGLING,
    identity::BAKED,
    secret::BAKED,
];

/// Returns the rule of a name.
pub fn find(name: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.name == name)
}
