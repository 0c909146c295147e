use kindling_base::files;

use super::lab::{Lab, Running, assert_counts};
use crate::vmm::Event;
use crate::vmm::firecracker::{Fill, uffd};

fn can_page() -> bool {
    match uffd::available() {
        Ok(()) => true,
        Err(why) => {
            eprintln!("skipped: {why}");
            false
        }
    }
}

#[tokio::test]
async fn the_first_resume_records_what_later_ones_prefetch() {
    let Some(lab) = Lab::new().filter(|_| can_page()) else {
        return;
    };
    let (snapshot, before) = lab.snapshot().await;
    let working_set = snapshot.join("working-set");
    for name in ["recorded", "prefetched"] {
        let (folder, spec) = lab.clone_of(name, &snapshot, Fill::Uffd);
        let mut clone = Running::start(&folder, &spec).await.unwrap();
        clone.wait_for_lines(4).await;
        assert_counts(&(before.clone() + &clone.kill().await));
        let recorded = files::read(&working_set).unwrap();
        // The guest is one page of code and stack; Firecracker itself touches the queues and the boot data.
        let pages = (recorded.len() - 8) / 8;
        assert!((1..100).contains(&pages), "{pages} pages");
    }
}

#[tokio::test]
async fn a_handler_that_fails_ends_the_machine() {
    let Some(lab) = Lab::new().filter(|_| can_page()) else {
        return;
    };
    let (snapshot, _) = lab.snapshot().await;
    let short = lab.folder("short");
    files::create_dir_all(&short).unwrap();
    std::fs::copy(snapshot.join("state"), short.join("state")).unwrap();
    files::create(&short.join("memory"))
        .unwrap()
        .set_len(4096)
        .unwrap();
    let (folder, spec) = lab.clone_of("short-memory", &short, Fill::Uffd);
    let error = match Running::start(&folder, &spec).await {
        Err(error) => error.report(),
        Ok(mut running) => {
            let events = running.events().await;
            let [
                Event::Exited {
                    well: false,
                    status,
                },
            ] = &events[..]
            else {
                panic!("{events:?}");
            };
            status.clone()
        }
    };
    assert!(
        error.contains("memory mappings") || error.contains("page-fault handler"),
        "{error}"
    );
}
