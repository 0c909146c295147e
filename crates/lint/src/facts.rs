//! Facts about an image that the rules look at.

use kindling_base::Result;
use kindling_sysroot::Files;
use kindling_sysroot::unit::{Boot, Manager, Units};

use crate::cmdline::Cmdline;
use crate::image::Image;
use crate::kconfig::Kconfig;

/// An image and what is read from it once for all rules.
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

    /// Whether the initramfs brings a module.
    pub(crate) fn has_module(&self, name: &str) -> bool {
        let initramfs = self.image.initramfs.as_ref();
        initramfs.is_some_and(|initramfs| initramfs.modules.iter().any(|module| module == name))
    }
}
