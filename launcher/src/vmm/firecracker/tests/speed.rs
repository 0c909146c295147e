//! Figures, for a person: `cargo test --release -p kindling-launcher --lib firecracker::tests::speed -- --nocapture`.

use std::time::{Duration, Instant};

use kindling_base::files;

use super::lab::{Lab, Running};
use crate::vmm::firecracker::{Memory, uffd};

/// Starts of each kind.
const ROUNDS: usize = 20;

fn median(mut all: Vec<Duration>) -> Duration {
    all.sort_unstable();
    all[all.len() / 2]
}

#[tokio::test]
async fn boots_and_restores_are_timed() {
    let Some(lab) = Lab::new() else { return };
    let mut boots = Vec::new();
    for round in 0..ROUNDS {
        let (folder, spec) = lab.counting(&format!("boot-{round}"));
        let began = Instant::now();
        let mut running = Running::start(&folder, &spec).await.unwrap();
        running.wait_for("R").await;
        boots.push(began.elapsed());
        running.kill().await;
    }
    println!("boot to the guest's first byte: {:?}", median(boots));
    let (snapshot, _) = lab.snapshot().await;
    let mut ways = vec![Memory::File];
    ways.extend(uffd::available().is_ok().then_some(Memory::Uffd));
    for memory in ways {
        let mut first_bytes = Vec::new();
        for round in 0..ROUNDS {
            let (folder, spec) = lab.clone_of(
                &format!("{memory:?}-{round}").to_lowercase(),
                &snapshot,
                memory,
            );
            let began = Instant::now();
            let mut running = Running::start(&folder, &spec).await.unwrap();
            running.wait_for("b").await;
            first_bytes.push(began.elapsed());
            running.kill().await;
            if round + 1 == ROUNDS {
                let steps = files::read_text(&folder.join("timings.json")).unwrap();
                println!("the last one's steps: {steps}");
            }
        }
        let first = median(first_bytes);
        println!("restore by {memory:?} to the guest's first new byte: {first:?}");
        assert!(first < Duration::from_secs(5), "{first:?}");
    }
}
