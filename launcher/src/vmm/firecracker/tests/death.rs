use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use super::lab::{Lab, Running};
use crate::vmm::{Event, Machine};

#[tokio::test]
async fn a_killed_firecracker_is_reported_by_its_signal() {
    let Some(lab) = Lab::new() else { return };
    let (folder, spec) = lab.counting("killed");
    let mut running = Running::start(&folder, &spec).await.unwrap();
    running.wait_for("READY").await;
    let pid = Pid::from_raw(running.machine.pid().unwrap().cast_signed()).unwrap();
    kill_process(pid, Signal::KILL).unwrap();
    let events = running.events().await;
    assert!(
        matches!(&events[..], [Event::Exited { well: false, status }] if status.contains("SIGKILL")),
        "{events:?}"
    );
    let report = running.machine.pause().await.unwrap_err().report();
    assert!(report.contains("PATCH /vm: "), "{report}");
    assert!(test_kill_process(pid).is_err(), "it is gone");
}
