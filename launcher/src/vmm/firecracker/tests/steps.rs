//! Figures, for a person: `cargo test --release -p kindling-launcher --lib speed -- --nocapture`.

use std::path::Path;
use std::time::{Duration, Instant};

use kindling_base::files;
use serde_json::Value;

use super::lab::{Lab, Running};
use crate::vm::spec::Spec;
use crate::vmm::firecracker::{Fill, uffd};

/// Starts of each kind.
const ROUNDS: usize = 20;

/// When the steps of a start were done, and when the guest's first byte came, in milliseconds.
type Steps = [f64; 5];

async fn start(folder: &Path, spec: &Spec) -> Steps {
    let began = Instant::now();
    let mut running = Running::start(folder, spec).await.unwrap();
    running.wait_for_some().await;
    let first_byte = began.elapsed();
    running.kill().await;
    let text = files::read(&folder.join("timings.json")).unwrap();
    let steps: Value = serde_json::from_slice(&text).unwrap();
    let step = |name: &str| steps[name].as_f64().unwrap() / 1e3;
    [
        step("prepared_us"),
        step("listening_us"),
        step("ready_us"),
        step("running_us"),
        first_byte.as_secs_f64() * 1e3,
    ]
}

fn show(what: &str, all: &[Steps]) {
    let median = |step: usize| {
        let mut values: Vec<f64> = all.iter().map(|steps| steps[step]).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let [prepared, listening, ready, running, first] = [0, 1, 2, 3, 4].map(median);
    println!(
        "{what}: prepared {prepared:.1}, listening {listening:.1}, ready {ready:.1}, running {running:.1}, first byte {first:.1} ms"
    );
    assert!(Duration::from_secs_f64(first / 1e3) < Duration::from_secs(5));
}

#[tokio::test]
async fn boots_and_restores_are_timed() {
    let Some(lab) = Lab::new() else { return };
    let mut boots = Vec::new();
    for round in 0..ROUNDS {
        let (folder, spec) = lab.counting(&format!("boot-{round}"));
        boots.push(start(&folder, &spec).await);
    }
    show("boot", &boots);
    let (snapshot, _) = lab.snapshot().await;
    let mut ways = vec![Fill::File];
    ways.extend(uffd::available().is_ok().then_some(Fill::Uffd));
    for memory in ways {
        let mut restores = Vec::new();
        for round in 0..ROUNDS {
            let name = format!("{memory:?}-{round}").to_lowercase();
            let (folder, spec) = lab.clone_of(&name, &snapshot, memory);
            restores.push(start(&folder, &spec).await);
        }
        show(&format!("restore by {memory:?}"), &restores);
    }
}
