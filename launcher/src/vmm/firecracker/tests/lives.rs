use kindling_base::files;
use kindling_probe_guest::{Boot, Step, elf_for, print};

use super::lab::{Lab, Running, assert_counts};
use crate::vmm::firecracker::{Fill, Transport};
use crate::vmm::{Event, Machine};

fn exited_well() -> Event {
    Event::Exited {
        well: true,
        status: "exit status: 0".to_owned(),
    }
}

#[tokio::test]
async fn a_guest_is_told_of_its_transport_and_ends_by_its_keyboard() {
    let Some(lab) = Lab::new() else { return };
    for transport in [Transport::Pci, Transport::Mmio] {
        let steps = [Step::PrintCommandLine, print("\nend"), Step::KeyboardReset];
        let (folder, mut spec) = lab.vm(&format!("{transport:?}").to_lowercase(), &steps);
        spec.firecracker.as_mut().unwrap().transport = transport;
        let mut running = Running::start(&folder, &spec).await.unwrap();
        running.wait_for("end").await;
        let mmio = running.said.contains("virtio_mmio.device=");
        assert_eq!(mmio, transport == Transport::Mmio, "{}", running.said);
        assert!(running.said.starts_with("marker=1"), "{}", running.said);
        assert_eq!(running.events().await, [Event::Reset, exited_well()]);
    }
}

#[tokio::test]
async fn a_kernel_without_a_pvh_entry_boots_in_64_bits() {
    let Some(lab) = Lab::new() else { return };
    let (folder, mut spec) = lab.vm("linux64", &[]);
    let steps = [
        Step::PrintCommandLine,
        print("\nmodules "),
        Step::PrintModuleCount,
        print("\nend"),
        Step::KeyboardReset,
    ];
    files::write(&folder.join("vmlinux"), &elf_for(Boot::Linux64, &steps)).unwrap();
    files::write(&folder.join("initramfs"), b"not empty").unwrap();
    spec.initramfs = Some("initramfs".into());
    let mut running = Running::start(&folder, &spec).await.unwrap();
    running.wait_for("end").await;
    assert_eq!(running.said, "marker=1\nmodules 1\nend");
    assert_eq!(running.events().await, [Event::Reset, exited_well()]);
}

#[tokio::test]
async fn the_boot_is_timed_where_that_is_asked_for() {
    let Some(lab) = Lab::new() else { return };
    for timed in [true, false] {
        let steps = [Step::BootTimer, print("end"), Step::KeyboardReset];
        let (folder, mut spec) = lab.vm(&format!("timed-{timed}"), &steps);
        spec.firecracker.as_mut().unwrap().boot_timer = timed;
        let mut running = Running::start(&folder, &spec).await.unwrap();
        running.events().await;
        let log = files::read_text(&folder.join("firecracker.log")).unwrap();
        assert_eq!(log.contains("Guest-boot-time = "), timed, "{log}");
    }
}

#[tokio::test]
async fn a_guest_that_is_asked_by_its_keyboard_ends_itself() {
    let Some(lab) = Lab::new() else { return };
    let steps = [print("READY\n"), Step::AwaitCtrlAltDel, Step::KeyboardReset];
    let (folder, spec) = lab.vm("asked", &steps);
    let mut running = Running::start(&folder, &spec).await.unwrap();
    running.wait_for("READY").await;
    running.machine.press_power_button().await.unwrap();
    assert_eq!(running.events().await, [Event::Reset, exited_well()]);
}

#[tokio::test]
async fn a_machine_that_is_asked_to_quit_does() {
    let Some(lab) = Lab::new() else { return };
    let (folder, spec) = lab.counting("quitting");
    let mut running = Running::start(&folder, &spec).await.unwrap();
    running.wait_for("READY").await;
    running.machine.quit().await.unwrap();
    let events = running.events().await;
    assert!(
        matches!(&events[..], [Event::Exited { well: false, status }] if status.contains("SIGTERM")),
        "{events:?}"
    );
    let metrics = files::read_text(&folder.join("firecracker.metrics")).unwrap();
    assert!(metrics.contains("\"utc_timestamp_ms\""), "{metrics}");
}

#[tokio::test]
async fn a_paused_guest_goes_on_where_it_was() {
    let Some(lab) = Lab::new() else { return };
    let (folder, spec) = lab.counting("paused");
    let mut running = Running::start(&folder, &spec).await.unwrap();
    running.wait_for("beat 00000002\n").await;
    running.machine.pause().await.unwrap();
    running.machine.unpause().await.unwrap();
    running.wait_for("beat 00000006\n").await;
    assert_counts(&running.said);
}

#[tokio::test]
async fn a_restored_guest_goes_on_counting_in_another_folder() {
    let Some(lab) = Lab::new() else { return };
    let (snapshot, before) = lab.snapshot().await;
    // The folder of the first VM is of no importance any more.
    files::remove(&lab.folder("first")).unwrap();
    let length = snapshot.join("memory").metadata().unwrap().len();
    assert_eq!(length, 64 << 20);
    let (folder, spec) = lab.clone_of("second", &snapshot, Fill::File);
    let mut second = Running::start(&folder, &spec).await.unwrap();
    second.wait_for_lines(4).await;
    let after = second.kill().await;
    assert_counts(&(before + &after));
}

#[tokio::test]
async fn a_clone_may_call_its_disk_otherwise() {
    let Some(lab) = Lab::new() else { return };
    let (snapshot, before) = lab.snapshot().await;
    let (folder, mut spec) = lab.clone_of("renamed", &snapshot, Fill::File);
    // The load opens the disk by the name that it had.
    std::fs::copy(folder.join("disk.raw"), folder.join("own.raw")).unwrap();
    spec.disk.file = "own.raw".into();
    let mut clone = Running::start(&folder, &spec).await.unwrap();
    clone.wait_for_lines(4).await;
    let pid = clone.machine.pid().unwrap();
    let open = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let open: Vec<_> = open
        .flatten()
        .filter_map(|fd| fd.path().read_link().ok())
        .collect();
    assert!(open.contains(&folder.join("own.raw")), "{open:?}");
    assert!(!open.contains(&folder.join("disk.raw")), "{open:?}");
    assert_counts(&(before + &clone.kill().await));
}

#[tokio::test]
async fn eight_clones_share_what_they_do_not_touch() {
    const MEMORY_MIB: u32 = 512;
    const TOUCHED_MIB: u32 = 256;
    let Some(lab) = Lab::new() else { return };
    let beat = Step::Beat {
        prefix: "beat ".to_owned(),
        cycles: 15_000_000,
    };
    let pages = TOUCHED_MIB * 256;
    let (folder, mut spec) = lab.vm("large", &[Step::Touch { pages }, beat]);
    spec.memory_mib = MEMORY_MIB;
    let mut one = Running::start(&folder, &spec).await.unwrap();
    one.wait_for("beat 00000001\n").await;
    let alone = one.memory_kib("Rss");
    assert!(alone > u64::from(TOUCHED_MIB) << 10, "{alone} KiB");
    let (snapshot, _) = lab.snapshot_of(one).await;
    let mut clones = Vec::new();
    for number in 0..8 {
        let (folder, mut spec) = lab.clone_of(&format!("clone-{number}"), &snapshot, Fill::File);
        spec.memory_mib = MEMORY_MIB;
        let mut clone = Running::start(&folder, &spec).await.unwrap();
        clone.wait_for_lines(2).await;
        clones.push(clone);
    }
    let together: u64 = clones.iter().map(|clone| clone.memory_kib("Pss")).sum();
    println!("one guest: {alone} KiB, eight clones of it: {together} KiB");
    assert!(
        together * 2 <= alone * 3,
        "{together} KiB against {alone} KiB"
    );
}

#[tokio::test]
async fn ten_clones_run_at_once() {
    let Some(lab) = Lab::new() else { return };
    let (snapshot, before) = lab.snapshot().await;
    let mut clones = Vec::new();
    for number in 0..10 {
        let (folder, spec) = lab.clone_of(&format!("clone-{number}"), &snapshot, Fill::File);
        let clone = Running::start(&folder, &spec).await.unwrap();
        assert!(
            folder.join("vsock.sock").exists(),
            "each has a vsock of its own"
        );
        clones.push(clone);
    }
    for clone in &mut clones {
        clone.wait_for_lines(4).await;
    }
    for clone in clones {
        assert_counts(&(before.clone() + &clone.kill().await));
    }
}
