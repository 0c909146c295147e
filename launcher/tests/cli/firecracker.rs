//! VMs on a real Firecracker.

use kindling_base::Exit;
use kindling_probe_guest::{Step, print};

use crate::support::{Case, MARKER, has_firecracker, ready};

#[test]
fn the_guest_boots_over_pci_and_over_mmio() {
    if !has_firecracker() {
        return;
    }
    for transport in ["pci", "mmio"] {
        let case = Case::new();
        case.bundle(
            "probe",
            &[
                Step::PrintCommandLine,
                print("\nmodules "),
                Step::PrintModuleCount,
                print("\n"),
                ready(),
                print("bye\n"),
                Step::KeyboardReset,
            ],
        );
        let ran = case.kindling(&[
            "run",
            "probe",
            "--vmm",
            "firecracker",
            "--network",
            "none",
            "--transport",
            transport,
        ]);
        eprintln!("{ran:#?}");
        assert_eq!(ran.code, Exit::Success as i32, "{ran:#?}");
        assert!(
            ran.stdout
                .ends_with(&format!("modules 1\n{MARKER}\r\nbye\n")),
            "{ran:#?}"
        );
    }
}
