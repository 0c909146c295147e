use std::os::unix::fs::MetadataExt;
use std::path::Path;

use kindling_base::files;

use super::super::cgroup;
use super::super::{Fill, Jail, jailer};
use super::lab::{Lab, Running, assert_counts};
use crate::vm::spec::Spec;
use crate::vmm::Machine;
use crate::vmm::firecracker::uffd;

/// An id that nobody has here.
const USER: u32 = 64_123;

/// Says why and returns nothing where no jail can be made.
fn lab() -> Option<Lab> {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root makes jails");
        return None;
    }
    let lab = Lab::new()?;
    if let Err(error) = jailer(lab.program()) {
        eprintln!("skipped: {error}");
        return None;
    }
    Some(lab)
}

fn jail(lab: &Lab, spec: &mut Spec) {
    spec.firecracker.as_mut().unwrap().jail = Some(Jail {
        program: jailer(lab.program()).unwrap().path,
        uid: USER,
        gid: USER,
    });
}

#[tokio::test]
async fn a_jailed_guest_is_saved_and_restored_and_leaves_nothing() {
    let Some(lab) = lab() else { return };
    let (folder, mut spec) = lab.counting("jailed");
    jail(&lab, &mut spec);
    let mut running = Running::start(&folder, &spec).await.unwrap();
    running.wait_for("beat 00000003\n").await;
    let pid = running.machine.pid().unwrap();
    let status = files::read_text(format!("/proc/{pid}/status").as_ref()).unwrap();
    assert!(
        status.contains(&format!("Uid:\t{USER}\t{USER}\t")),
        "{status}"
    );
    let inode = |path: &Path| {
        path.metadata()
            .map(|meta| (meta.dev(), meta.ino()))
            .unwrap()
    };
    let jail_root = folder.join("jail/firecracker/jailed/root");
    assert_eq!(
        inode(Path::new(&format!("/proc/{pid}/root/"))),
        inode(&jail_root),
        "it sees the jail as its root"
    );
    assert!(
        folder.join("vsock.sock").exists(),
        "the vsock is where others look for it"
    );
    let group = cgroup::mount().map(|mount| {
        let group = mount.join(format!("kindling/jailed-{}", std::process::id()));
        let members = files::read_text(&group.join("cgroup.procs")).unwrap();
        assert_eq!(members.trim(), pid.to_string());
        group
    });

    let snapshot = lab.folder("snapshot");
    files::create_dir_all(&snapshot).unwrap();
    running.machine.pause().await.unwrap();
    running.machine.save(&snapshot).await.unwrap();
    let before = running.kill().await;
    assert!(!folder.join("jail").exists() && !folder.join("vsock.sock").exists());
    assert!(group.is_none_or(|group| !group.exists()));

    let mut ways = vec![Fill::File];
    ways.extend(uffd::available().is_ok().then_some(Fill::Uffd));
    for memory in ways {
        let name = format!("restored-{memory:?}").to_lowercase();
        let (folder, mut spec) = lab.clone_of(&name, &snapshot, memory);
        jail(&lab, &mut spec);
        let mut second = Running::start(&folder, &spec).await.unwrap();
        second.wait_for_lines(4).await;
        assert_counts(&(before.clone() + &second.kill().await));
        assert!(!folder.join("jail").exists());
    }
}
