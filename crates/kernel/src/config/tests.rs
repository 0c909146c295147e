use std::path::PathBuf;

use insta::assert_snapshot;

use super::*;
use crate::fragment::{Fragment, settings};

/// A kernel of a few options, in the words of the real one.
const KCONFIG: &str = r#"
config 64BIT
	bool "64-bit kernel"
config EXPERT
	bool "Standard features"
menu "Networking"
	depends on NET
config VSOCKETS
	tristate "Virtual sockets"
config VIRTIO_VSOCKETS
	tristate "virtio transport"
	depends on VSOCKETS && (VIRTIO || HYPERV)
	select VIRTIO_RING
endmenu
config NET
	bool "Networking support"
config VIRTIO
	bool "Virtio"
config VIRTIO_RING
	bool
config VT
	bool "Virtual terminal" if EXPERT
	default y
	select INPUT
config INPUT
	bool "Input devices"
choice
	prompt "Timer frequency"
config HZ_100
	bool "100 Hz"
config HZ_250
	bool "250 Hz"
endchoice
config NR_CPUS
	int "CPUs"
	range 2 8
"#;

fn report(fragment: &str, config: &str) -> Option<String> {
    let tree = tempfile::tempdir().unwrap();
    std::fs::write(tree.path().join("Kconfig"), KCONFIG).unwrap();
    let fragments = [Fragment {
        name: "x".to_owned(),
        path: PathBuf::from("kernel-config/x.config"),
        text: fragment.to_owned(),
    }];
    let settings = settings(&fragments, None).unwrap();
    let result = check(&settings, config, || Kconfig::read(tree.path(), "x86"));
    result.err().map(|error| error.report())
}

#[test]
fn lines_that_took_effect_are_fine() {
    let fragment =
        "CONFIG_NET=y\n# CONFIG_VT is not set\n# CONFIG_VSOCKETS is not set\nCONFIG_NR_CPUS=8\n";
    // VSOCKETS is not mentioned because NET could be off: it exists, and it is off.
    assert_eq!(
        report(
            fragment,
            "CONFIG_NET=y\n# CONFIG_VT is not set\nCONFIG_NR_CPUS=8\n"
        ),
        None
    );
}

#[test]
fn an_unmet_dependency_is_named_with_its_place_and_values() {
    let config = "CONFIG_NET=y\nCONFIG_VSOCKETS=y\n# CONFIG_VIRTIO is not set\n";
    assert_snapshot!(report("# streams\nCONFIG_VIRTIO_VSOCKETS=y\n", config).unwrap(), @r"
    error: kernel-config/x.config:2: CONFIG_VIRTIO_VSOCKETS=y has no effect
      wanted CONFIG_VIRTIO_VSOCKETS=y
      got    # CONFIG_VIRTIO_VSOCKETS is not set
      it depends on `(VIRTIO || HYPERV)` (Kconfig:12), but: # CONFIG_VIRTIO is not set, # CONFIG_HYPERV is not set
    hint: set what it depends on in a fragment, or remove the line
    ");
}

#[test]
fn the_menu_around_an_option_counts() {
    assert_snapshot!(report("CONFIG_VSOCKETS=y\n", "").unwrap(), @r"
    error: kernel-config/x.config:1: CONFIG_VSOCKETS=y has no effect
      wanted CONFIG_VSOCKETS=y
      got    # CONFIG_VSOCKETS is not set
      it depends on `NET` (Kconfig:7), but: # CONFIG_NET is not set
    hint: set what it depends on in a fragment, or remove the line
    ");
}

#[test]
fn a_misspelt_option_gets_near_names_even_when_it_is_switched_off() {
    assert_snapshot!(report("# CONFIG_VIRTIO_VSOCKET is not set\n", "").unwrap(), @r"
    error: kernel-config/x.config:1: this kernel has no option CONFIG_VIRTIO_VSOCKET
    hint: did you mean `CONFIG_VIRTIO_VSOCKETS`?
    ");
}

#[test]
fn an_option_that_something_else_forces_is_said_to_be_selected() {
    assert_snapshot!(report("# CONFIG_INPUT is not set\n", "CONFIG_VT=y\nCONFIG_INPUT=y\n").unwrap(), @r"
    error: kernel-config/x.config:1: # CONFIG_INPUT is not set has no effect
      wanted # CONFIG_INPUT is not set
      got    CONFIG_INPUT=y
      selected by CONFIG_VT
    hint: switch off what selects it, or remove the line
    ");
}

#[test]
fn an_option_without_a_prompt_names_what_stands_behind_it() {
    assert_snapshot!(report("CONFIG_VIRTIO_RING=y\n", "").unwrap(), @r"
    error: kernel-config/x.config:1: CONFIG_VIRTIO_RING=y has no effect
      wanted CONFIG_VIRTIO_RING=y
      got    # CONFIG_VIRTIO_RING is not set
      nobody can set it: other options do, such as CONFIG_VIRTIO_VSOCKETS
    hint: set the option that stands behind it, or remove the line
    ");
}

#[test]
fn several_lines_are_listed_together() {
    let fragment = "CONFIG_HZ_100=y\nCONFIG_NR_CPUS=64\nCONFIG_VT=y\n";
    let config = "# CONFIG_HZ_100 is not set\nCONFIG_HZ_250=y\nCONFIG_NR_CPUS=8\n";
    assert_snapshot!(report(fragment, config).unwrap(), @r"
    error: 3 lines of kernel fragments have no effect
      kernel-config/x.config:1: CONFIG_HZ_100=y has no effect
        wanted CONFIG_HZ_100=y
        got    # CONFIG_HZ_100 is not set
        it is one of several that exclude each other, and another one was chosen
      hint: choose a value that its definition in the kernel's source allows, or remove the line
      kernel-config/x.config:2: CONFIG_NR_CPUS=64 has no effect
        wanted CONFIG_NR_CPUS=64
        got    CONFIG_NR_CPUS=8
        Kconfig took another value: this one is out of its range, or a `select` forces it
      hint: choose a value that its definition in the kernel's source allows, or remove the line
      kernel-config/x.config:3: CONFIG_VT=y has no effect
        wanted CONFIG_VT=y
        got    # CONFIG_VT is not set
        it depends on `EXPERT` (Kconfig:22), but: # CONFIG_EXPERT is not set
      hint: set what it depends on in a fragment, or remove the line
    ");
}
