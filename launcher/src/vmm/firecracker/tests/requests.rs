//! Tests of our requests to Firecracker, and of the stand-in, which answers as the real one does.

use std::path::Path;

use kindling_base::files;

use super::super::api::Api;
use super::super::api::body::MemBackendType;
use super::super::boot::{self, Files};
use super::super::restore::{self, Saved};
use super::super::{Version, find};
use super::lab::{Lab, Running, example};
use super::script::{Request, last_requests, script};
use super::stand_in::stand_in;

const NEWEST: Version = Version::new(1, 16, 1);

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in ["vmlinux", "initramfs", "disk.raw", "state", "memory"] {
        files::write(&folder.path().join(file), b"x").unwrap();
    }
    folder
}

fn boot_files() -> Files<'static> {
    Files {
        kernel: Path::new("vmlinux"),
        initramfs: Some(Path::new("initramfs")),
        disk: Path::new("disk.raw"),
    }
}

fn saved() -> Saved<'static> {
    Saved {
        state: Path::new("state"),
        memory: (MemBackendType::File, Path::new("memory")),
        disk: Path::new("disk.raw"),
    }
}

#[tokio::test]
async fn a_boot_is_these_requests() {
    let folder = folder();
    let (mut api, seen) = stand_in(folder.path(), NEWEST);
    boot::configure(&mut api, &example("one"), boot_files())
        .await
        .unwrap();
    boot::run(&mut api).await.unwrap();
    assert_eq!(
        seen.requests(),
        [
            r#"PUT /machine-config {"vcpu_count":1,"mem_size_mib":64}"#,
            r#"PUT /boot-source {"kernel_image_path":"vmlinux","initrd_path":"initramfs","boot_args":"marker=1"}"#,
            r#"PUT /drives/root {"drive_id":"root","path_on_host":"disk.raw","is_root_device":false,"is_read_only":false,"cache_type":"Writeback"}"#,
            r#"PUT /vsock {"guest_cid":3,"uds_path":"vsock.sock"}"#,
            r#"PUT /entropy {}"#,
            r#"PUT /actions {"action_type":"InstanceStart"}"#,
        ]
    );
}

#[tokio::test]
async fn a_load_asks_each_version_for_what_it_knows() {
    for (version, overridden) in [(Version::new(1, 13, 1), false), (NEWEST, true)] {
        let folder = folder();
        let (mut api, seen) = stand_in(folder.path(), version);
        assert_eq!(api.version().await.unwrap(), version);
        restore::load(&mut api, version, &example("one"), saved())
            .await
            .unwrap();
        let requests = seen.requests();
        assert_eq!(
            requests[1].contains("vsock_override"),
            overridden,
            "{requests:?}"
        );
        assert!(requests[1].contains("\"resume_vm\":true"), "{requests:?}");
        assert_eq!(requests.len(), 2, "{requests:?}");
    }
    // A disk of another name is there before the guest looks at it.
    let folder = self::folder();
    files::write(&folder.path().join("other.raw"), b"x").unwrap();
    let (mut api, seen) = stand_in(folder.path(), NEWEST);
    let disk = Path::new("other.raw");
    let renamed = Saved { disk, ..saved() };
    restore::load(&mut api, NEWEST, &example("one"), renamed)
        .await
        .unwrap();
    assert!(seen.requests()[0].contains("\"resume_vm\":false"));
    assert_eq!(
        seen.requests()[1..],
        [
            r#"PATCH /drives/root {"drive_id":"root","path_on_host":"other.raw"}"#,
            r#"PATCH /vm {"state":"Resumed"}"#,
        ]
    );
    // What we leave out for older versions would be refused by them.
    let folder = self::folder();
    let (mut api, _) = stand_in(folder.path(), Version::new(1, 15, 1));
    let report = restore::load(&mut api, NEWEST, &example("one"), saved())
        .await
        .unwrap_err()
        .report();
    assert!(
        report.contains("unknown field `vsock_override`"),
        "{report}"
    );
}

#[tokio::test]
async fn a_refusal_has_the_request_and_the_reason() {
    let folder = folder();
    let (mut api, _) = stand_in(folder.path(), NEWEST);
    let report = boot::run(&mut api).await.unwrap_err().report();
    assert_eq!(
        report,
        "error: Firecracker refuses PUT /actions: Start microvm error: Cannot start microvm without kernel configuration.\n  status: 400\n  request: {\"action_type\":\"InstanceStart\"}"
    );
    files::remove(&folder.path().join("memory")).unwrap();
    let (mut api, _) = stand_in(folder.path(), NEWEST);
    let error = restore::load(&mut api, NEWEST, &example("one"), saved())
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("Failed to load guest memory"),
        "{error}"
    );
    let gone = api.version().await.unwrap_err();
    assert!(gone.to_string().starts_with("GET /version: "), "{gone}");
}

async fn answers(api: &mut Api, script: &[Request]) -> Vec<String> {
    let mut answers = Vec::new();
    for (method, path, body) in script {
        let answer = match api.raw(method, path, body).await {
            Ok(()) => "done".to_owned(),
            Err(error) => error.to_string(),
        };
        answers.push(format!("{method} {path} {body}: {answer}"));
    }
    answers
}

#[tokio::test]
async fn the_stand_in_answers_as_the_real_one() {
    let Some(lab) = Lab::new() else { return };
    let real = find(None).unwrap().version;
    if real != NEWEST {
        eprintln!("skipped: the stand-in speaks as {NEWEST}, this is {real}");
        return;
    }
    let (folder, spec) = lab.counting("real");
    let mut running = Running::idle(&folder, &spec).await;
    let expected = answers(&mut running.api, &script()).await;
    drop(running);
    let (beside, _) = lab.counting("stand-in");
    let (mut api, _) = stand_in(&beside, NEWEST);
    let said = answers(&mut api, &script()).await;
    assert_eq!(said, expected);

    for request in last_requests() {
        let mut real = Running::idle(&folder, &spec).await;
        let expected = answers(&mut real.api, std::slice::from_ref(&request)).await;
        let (mut api, _) = stand_in(&beside, NEWEST);
        assert_eq!(answers(&mut api, &[request]).await, expected);
        assert!(api.version().await.is_err() && real.api.version().await.is_err());
    }
}
