//! The state folder without machines.

use super::*;

#[test]
fn leftovers_of_a_crash_are_swept() {
    let root = tempfile::tempdir().unwrap();
    let state = StateFolder::open(root.path()).unwrap();
    std::fs::create_dir(state.vms.join(".new-abc")).unwrap();
    std::fs::create_dir(state.vms.join(".gone-vm")).unwrap();
    assert_eq!(state.sweep().unwrap(), 2);
    assert_eq!(state.sweep().unwrap(), 0);
}

#[test]
fn a_folder_that_describes_no_vm_is_reported_and_removable() {
    let root = tempfile::tempdir().unwrap();
    let state = StateFolder::open(root.path()).unwrap();
    std::fs::create_dir(state.vms.join("half")).unwrap();
    let listing = state.list().unwrap();
    assert_eq!((listing.vms.len(), listing.broken.len()), (0, 1));
    state.remove("half").unwrap();
    assert!(state.list().unwrap().broken.is_empty());
}

#[test]
fn an_unknown_name_comes_with_near_ones() {
    let root = tempfile::tempdir().unwrap();
    let state = StateFolder::open(root.path()).unwrap();
    std::fs::create_dir(state.vms.join("minimal-debian-12")).unwrap();
    let report = state.find("minimal-debain-12").unwrap_err().report();
    assert_eq!(
        report,
        "error: there is no VM called `minimal-debain-12`\nhint: did you mean `minimal-debian-12`?"
    );
}
