//! Modules with all that they need, in the order of loading: depmod(8)'s tables, read as modprobe(8) does.

use std::collections::{BTreeMap, BTreeSet};

/// depmod's tables of the modules of a kernel. Names are as the kernel has them, with `_` for `-`.
#[derive(Debug, Default)]
pub(super) struct Depmod {
    /// `modules.dep`: the path of each module below the folder of the kernel's modules, and the names of those that have
    /// to be there before it.
    modules: BTreeMap<String, (String, Vec<String>)>,
    /// `modules.softdep`: names or aliases of what a module asks for in code, which no table of symbols shows.
    before: BTreeMap<String, Vec<String>>,
    /// `modules.alias`, without patterns: who else answers to a name.
    aliases: BTreeMap<String, Vec<String>>,
}

/// A module to load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Module {
    pub(super) name: String,
    /// Below the folder of the kernel's modules: `kernel/fs/ext4/ext4.ko`.
    pub(super) path: String,
}

impl Depmod {
    /// Reads the texts of `modules.dep`, `modules.softdep` and `modules.alias`.
    pub(super) fn parse(dep: &str, softdep: &str, alias: &str) -> Self {
        let mut depmod = Self::default();
        for (path, needs) in dep.lines().filter_map(|line| line.split_once(':')) {
            let needs = needs.split_whitespace().map(name_of).collect();
            depmod
                .modules
                .insert(name_of(path), (path.trim().to_owned(), needs));
        }
        for line in softdep.lines() {
            let mut words = line.split_whitespace();
            let (Some("softdep"), Some(module)) = (words.next(), words.next()) else {
                continue;
            };
            let mut is_before = false;
            for word in words {
                match word {
                    "pre:" | "post:" => is_before = word == "pre:",
                    _ if is_before => {
                        let list = depmod.before.entry(underscored(module)).or_default();
                        list.push(underscored(word));
                    }
                    _ => {}
                }
            }
        }
        for line in alias.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            if let ["alias", alias, module] = words[..]
                && !alias.contains(['*', '?', '['])
            {
                let list = depmod.aliases.entry(underscored(alias)).or_default();
                list.push(underscored(module));
            }
        }
        depmod
    }

    /// The modules that `wanted` are or need, each once and after those that it needs itself. Other names
    /// are left out: what they stand for is built into the kernel, or does not exist.
    pub(super) fn closure(&self, wanted: &[&str]) -> Vec<Module> {
        let mut order = Vec::new();
        let mut seen = BTreeSet::new();
        for name in wanted {
            self.add(name, &mut seen, &mut order);
        }
        order
    }

    fn add<'a>(&'a self, name: &'a str, seen: &mut BTreeSet<&'a str>, order: &mut Vec<Module>) {
        let Some((path, needs)) = self.modules.get(name) else {
            for module in self.aliases.get(name).into_iter().flatten() {
                if self.modules.contains_key(module) {
                    self.add(module, seen, order);
                }
            }
            return;
        };
        if !seen.insert(name) {
            return;
        }
        // modprobe loads what is asked for in code first, and then what the module's symbols need.
        let asked = self.before.get(name).into_iter().flatten();
        for needed in asked.chain(needs) {
            self.add(needed, seen, order);
        }
        order.push(Module {
            name: name.to_owned(),
            path: path.clone(),
        });
    }
}

/// `crc32c_intel` for `kernel/arch/x86/crypto/crc32c-intel.ko.xz`.
fn name_of(path: &str) -> String {
    let file = path.trim().rsplit('/').next().unwrap_or_default();
    underscored(file.split_once(".ko").map_or(file, |(stem, _)| stem))
}

fn underscored(name: &str) -> String {
    name.replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DEP: &str = "\
kernel/crypto/crc32c_generic.ko.xz:
kernel/arch/x86/crypto/crc32c-intel.ko.xz:
kernel/lib/crc16.ko.xz:
kernel/fs/mbcache.ko.xz:
kernel/fs/jbd2/jbd2.ko.xz:
kernel/fs/ext4/ext4.ko.xz: kernel/fs/jbd2/jbd2.ko.xz kernel/lib/crc16.ko.xz kernel/fs/mbcache.ko.xz
kernel/drivers/virtio/virtio.ko.xz: kernel/drivers/virtio/virtio_ring.ko.xz
kernel/drivers/virtio/virtio_ring.ko.xz:
kernel/drivers/block/virtio_blk.ko.xz: kernel/drivers/virtio/virtio_ring.ko.xz kernel/drivers/virtio/virtio.ko.xz
kernel/drivers/net/virtio_net.ko.xz: kernel/drivers/virtio/virtio.ko.xz
";
    const SOFTDEP: &str =
        "# Soft dependencies\nsoftdep ext4 pre: crc32c post: late\nsoftdep x post: y\n";
    const ALIAS: &str = "# Aliases\nalias crc32c crc32c_generic\nalias crc32c crc32c_intel\nalias crypto-crc32c crc32c_intel\n\
                         alias virtio:d00000002v* virtio_blk\nalias late virtio_net\n";

    fn order(wanted: &[&str]) -> String {
        let depmod = Depmod::parse(DEP, SOFTDEP, ALIAS);
        let names = depmod.closure(wanted).into_iter().map(|module| module.name);
        names.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_module_comes_after_what_it_needs_and_asks_for() {
        assert_eq!(
            order(&["virtio_pci", "virtio_blk", "ext4"]),
            "virtio_ring virtio virtio_blk crc32c_generic crc32c_intel jbd2 crc16 mbcache ext4"
        );
        let depmod = Depmod::parse(DEP, SOFTDEP, ALIAS);
        let intel = &depmod.closure(&["crc32c_intel"])[0];
        assert_eq!(intel.path, "kernel/arch/x86/crypto/crc32c-intel.ko.xz");
    }

    #[test]
    fn modules_that_need_each_other_end() {
        let depmod = Depmod::parse("a.ko: b.ko\nb.ko: a.ko\n", "", "alias a a\nalias c c\n");
        let names: Vec<_> = depmod.closure(&["a", "c"]).into_iter().collect();
        assert_eq!(names.len(), 2);
    }

    proptest! {
        #[test]
        fn any_tables_are_fine(dep in "([a-c]\\.ko: ?([a-c]\\.ko ?){0,3}\n){0,5}.{0,20}", softdep in "(softdep [a-c] (pre: |post: )?[a-d]{0,2}\n){0,4}", alias in "(alias [a-f] [a-f]\n){0,6}") {
            let depmod = Depmod::parse(&dep, &softdep, &alias);
            let order = depmod.closure(&["a", "b", "d", "e"]);
            let names: BTreeSet<_> = order.iter().map(|module| &module.name).collect();
            prop_assert_eq!(names.len(), order.len());
        }
    }
}
