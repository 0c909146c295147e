//! Facts about an image that the rules look at.

use std::collections::BTreeSet;

use kindling_base::Result;
use kindling_sysroot::Files;
use kindling_sysroot::unit::{Boot, Manager, Unit, Units};

use crate::cmdline::Cmdline;
use crate::image::Image;
use crate::kconfig::Kconfig;
use crate::packages::Packages;

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
    pub(crate) packages: Packages,
    /// Paths that the recipe laid into the tree, as they are there: the links of their folders followed.
    own: BTreeSet<Vec<u8>>,
}

/// Folders that Debian's packages leave to the machine's administrator (Debian Policy 9.1): what is there and of no
/// package, the recipe put there.
const LOCAL: [&str; 5] = ["usr/local/", "opt/", "srv/", "home/", "root/"];
/// Folder of packages of npm, also below those: its files are the packages' and not the recipe's.
const MODULES: &str = "/node_modules/";

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
            packages: Packages::read(&files)?,
            own: placed(&files, image.own),
        })
    }

    /// The units that a boot starts.
    pub(crate) fn boot(&self) -> Boot<'_> {
        Boot::walk(&self.system)
    }

    /// The units of a manager.
    pub(crate) fn units(&self, manager: Manager) -> &Units {
        match manager {
            Manager::System => &self.system,
            Manager::User => &self.user,
        }
    }

    /// The units of all managers.
    pub(crate) fn all_units(&self) -> impl Iterator<Item = &Unit> {
        self.system.units.values().chain(self.user.units.values())
    }

    /// Whether the recipe itself laid a file into the image, rather than a package.
    pub(crate) fn is_own(&self, path: &str) -> bool {
        let path = path.trim_start_matches('/');
        let is_local = LOCAL.iter().any(|folder| path.starts_with(folder));
        self.own.contains(path.as_bytes())
            || is_local && !path.contains(MODULES) && self.packages.owner(path).is_none()
    }

    /// Whether a file is of a package that the recipe asks for.
    pub(crate) fn is_requested(&self, path: &str) -> bool {
        let owner = self.packages.owner(path);
        owner.is_some_and(|owner| self.image.requested.iter().any(|name| name == owner))
    }

    /// Whether the initramfs brings a module.
    pub(crate) fn has_module(&self, name: &str) -> bool {
        let initramfs = self.image.initramfs.as_ref();
        initramfs.is_some_and(|initramfs| initramfs.modules.iter().any(|module| module == name))
    }
}

fn placed(files: &Files<'_>, own: &BTreeSet<Vec<u8>>) -> BTreeSet<Vec<u8>> {
    let place = |path: &Vec<u8>| {
        let shown = kindling_sysroot::shown(path);
        files.placed(&shown).unwrap_or_else(|| path.clone())
    };
    own.iter().map(place).collect()
}
