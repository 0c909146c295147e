//! The rules, and what they share.

mod elf;
mod identity;
mod init_script;
mod kernel;
mod memory;
mod network;
mod opener;
mod ports;
mod root;
mod script;
#[cfg(test)]
pub(crate) mod testing;
mod unit_boot;
mod unit_exec;
mod unit_names;

use kindling_base::Result;

use crate::cmdline::Cmdline;
use crate::image::Image;
use crate::kconfig::Kconfig;
use crate::rule::Rule;
use kindling_sysroot::Files;
use kindling_sysroot::unit::{Boot, Manager, Units};

/// Every rule, in the order of a boot: what comes first hides what comes later.
pub(crate) const ALL: &[Rule] = &[
    kernel::IMAGE,
    kernel::MACHINE,
    kernel::CONSOLE,
    kernel::SYSTEMD,
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
    unit_boot::CYCLE,
    init_script::STARTED,
    ports::CONFLICT,
    elf::INTERPRETER,
    elf::LIBRARY,
    script::INTERPRETER,
    opener::DESKTOP_ENTRY,
    opener::MIME_HANDLER,
    opener::ALTERNATIVE,
    identity::BAKED,
];

/// The facts that the rules look at, gathered once.
pub(crate) struct Facts<'a> {
    pub(crate) image: &'a Image<'a>,
    pub(crate) files: Files<'a>,
    pub(crate) config: Kconfig<'a>,
    pub(crate) cmdline: Cmdline,
    /// Units of PID 1.
    pub(crate) system: Units,
    /// Units of sessions.
    pub(crate) user: Units,
}

impl<'a> Facts<'a> {
    pub(crate) fn gather(image: &'a Image<'a>) -> Result<Self> {
        let files = Files(image.tree);
        Ok(Self {
            image,
            files,
            config: Kconfig::parse(image.kernel.config),
            cmdline: Cmdline::parse(image.cmdline),
            system: Units::load(&files, Manager::System)?,
            user: Units::load(&files, Manager::User)?,
        })
    }

    /// The units that a boot starts.
    pub(crate) fn boot(&self) -> Boot<'_> {
        Boot::walk(&self.system)
    }

    /// Modules that the initramfs brings.
    pub(crate) fn has_module(&self, name: &str) -> bool {
        let initramfs = self.image.initramfs.as_ref();
        initramfs.is_some_and(|initramfs| initramfs.modules.iter().any(|module| module == name))
    }
}
