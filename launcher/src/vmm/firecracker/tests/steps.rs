//! The steps of a start, as the timeline records them.

use std::path::Path;

use super::lab::{Lab, Running};
use crate::vm::spec::Spec;
use crate::vm::timeline::{self, Step, now_ns};
use crate::vmm::firecracker::{Fill, uffd};

/// Starts a VM; its steps are recorded in their order, before its guest's first byte is read here.
async fn starts_in_order(folder: &Path, spec: &Spec) {
    let began = now_ns();
    let mut running = Running::start(folder, spec).await.unwrap();
    running.wait_for_some().await;
    let spoke = now_ns();
    running.kill().await;
    let steps = timeline::read(folder).unwrap();
    let at = [Step::Spawned, Step::VmmReady, Step::Running].map(|step| steps[&step]);
    assert!(at.is_sorted(), "{steps:?}");
    assert!(began < at[0] && at[2] < spoke, "{began} {steps:?} {spoke}");
}

#[tokio::test]
async fn boots_and_restores_record_their_steps_in_order() {
    let Some(lab) = Lab::new() else { return };
    let (folder, spec) = lab.counting("boot");
    starts_in_order(&folder, &spec).await;
    let (snapshot, _) = lab.snapshot().await;
    let mut ways = vec![Fill::File];
    ways.extend(uffd::available().is_ok().then_some(Fill::Uffd));
    for memory in ways {
        let name = format!("{memory:?}").to_lowercase();
        let (folder, spec) = lab.clone_of(&name, &snapshot, memory);
        starts_in_order(&folder, &spec).await;
    }
}
