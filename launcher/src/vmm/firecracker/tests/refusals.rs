use std::os::unix::net::UnixListener;

use kindling_base::files;

use super::lab::{Lab, Running, assert_counts};
use crate::vmm::Machine;
use crate::vmm::firecracker::Fill;

#[tokio::test]
async fn sockets_that_a_crash_left_are_in_nobodys_way() {
    let Some(lab) = Lab::new() else { return };
    let (folder, spec) = lab.counting("stale");
    for socket in ["api.sock", "vsock.sock"] {
        drop(UnixListener::bind(folder.join(socket)).unwrap());
        assert!(folder.join(socket).exists());
    }
    let mut running = Running::start(&folder, &spec).await.unwrap();
    running.wait_for("beat 00000001\n").await;
}

#[tokio::test]
async fn a_folder_with_a_long_path_is_a_folder() {
    let Some(lab) = Lab::new() else { return };
    let name = format!("{}/{}", "x".repeat(120), "y".repeat(40));
    let (folder, mut spec) = lab.counting(&name);
    spec.name = "long".to_owned();
    let mut running = Running::start(&folder, &spec).await.unwrap();
    running.wait_for("beat 00000001\n").await;
}

#[tokio::test]
async fn a_kernel_that_is_none_is_explained_in_firecrackers_words() {
    let Some(lab) = Lab::new() else { return };
    let (folder, spec) = lab.counting("broken");
    files::write(&folder.join("vmlinux"), b"no kernel").unwrap();
    let report = Running::start(&folder, &spec).await.err().unwrap().report();
    assert!(
        report.contains("Firecracker refuses PUT /actions: "),
        "{report}"
    );
    assert!(report.contains("Kernel"), "{report}");
    assert!(
        report.contains("request: {\"action_type\":\"InstanceStart\"}"),
        "{report}"
    );
}

#[tokio::test]
async fn a_machine_that_runs_is_not_saved() {
    let Some(lab) = Lab::new() else { return };
    let (folder, spec) = lab.counting("running");
    let mut running = Running::start(&folder, &spec).await.unwrap();
    let snapshot = lab.folder("snapshot");
    files::create_dir_all(&snapshot).unwrap();
    let report = running.machine.save(&snapshot).await.unwrap_err().report();
    assert!(
        report.contains("Firecracker refuses PUT /snapshot/create"),
        "{report}"
    );
    running.wait_for("beat 00000004\n").await;
    assert_counts(&running.said);
}

#[tokio::test]
async fn a_failed_load_says_what_failed_and_ends_firecracker() {
    let Some(lab) = Lab::new() else { return };
    let (snapshot, _) = lab.snapshot().await;
    let (folder, mut spec) = lab.clone_of("without-disk", &snapshot, Fill::File);
    files::remove(&folder.join("disk.raw")).unwrap();
    let report = Running::start(&folder, &spec).await.err().unwrap().report();
    assert!(
        report.contains("Firecracker refuses PUT /snapshot/load: "),
        "{report}"
    );
    assert!(report.contains("No such file or directory"), "{report}");
    assert!(
        report.contains("Firecracker ended: exit status: "),
        "{report}"
    );

    // The version of the format is eight bytes in; a snapshot of another version says so.
    let old = lab.folder("old");
    files::create_dir_all(&old).unwrap();
    let mut state = files::read(&snapshot.join("state")).unwrap();
    state.truncate(state.len() / 2);
    files::write(&old.join("state"), &state).unwrap();
    std::fs::hard_link(snapshot.join("memory"), old.join("memory")).unwrap();
    spec.resume_from = Some(old);
    let report = Running::start(&folder, &spec).await.err().unwrap().report();
    assert!(
        report.contains("Firecracker refuses PUT /snapshot/load: "),
        "{report}"
    );
}
