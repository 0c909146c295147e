//! Generators of systemd that the overlay `base` masks, and that run after all in an image that has something for them.

use kindling_base::Result;
use kindling_sysroot::unit::{Manager, Units};
use kindling_sysroot::{Files, served};
use kindling_tree::{Kind, Tree};

/// Where an image masks generators, by links to `/dev/null`.
const MASKS: &str = "etc/systemd/system-generators";

/// Takes away the masks of generators without which something of the image would not start: a script of SysV init that has
/// no unit, /etc/rc.local, devices of /etc/crypttab. Others stay masked, as each takes time at every boot.
///
/// # Errors
/// A file cannot be read.
pub(super) fn unmask(tree: &mut Tree) -> Result<()> {
    let files = Files(tree);
    let system = Units::load(&files, Manager::System)?;
    for needed in served(&files, &system)? {
        let mask = format!("{MASKS}/{}", needed.generator).into_bytes();
        let entry = tree.get(&mask).map(|entry| &entry.kind);
        if matches!(entry, Some(Kind::Symlink(to)) if to == b"/dev/null") {
            tree.remove(&mask);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use kindling_testkit::Root;

    #[test]
    fn a_mask_goes_where_something_needs_the_generator() {
        let masked =
            |name: &str, tree: &Tree| tree.get(format!("{MASKS}/{name}").as_bytes()).is_some();
        let plan = Root::bootable()
            .link(&format!("{MASKS}/systemd-sysv-generator"), "/dev/null")
            .link(&format!("{MASKS}/systemd-rc-local-generator"), "/dev/null")
            .link("etc/rc2.d/S01with", "../init.d/with")
            .unit("with.service", "[Service]\nExecStart=/bin/sh\n");
        let mut tree = plan.tree();
        unmask(&mut tree).unwrap();
        assert!(masked("systemd-sysv-generator", &tree));
        let mut tree = plan.link("etc/rc2.d/S01exim4", "../init.d/exim4").tree();
        unmask(&mut tree).unwrap();
        assert!(!masked("systemd-sysv-generator", &tree));
        assert!(masked("systemd-rc-local-generator", &tree));
    }
}
