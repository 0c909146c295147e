//! Snapshots and resumes that are refused before anything is started.
#![expect(
    clippy::unwrap_used,
    reason = "clippy takes helpers of integration tests for production code"
)]

use std::fs;

use kindling_base::Exit;

use crate::snapshots::counting;
use crate::support::{Case, has_qemu};

/// A guest that counts as `origin`, with the snapshot `shot`.
fn shot() -> Case {
    let case = counting(&[]);
    case.succeed(&["snapshot", "origin", "--name", "shot"]);
    case
}

/// Nothing was started, and no half of a snapshot is left.
fn only_origin_and_shot(case: &Case) {
    let vms: Vec<_> = case.ps().iter().map(|vm| vm["name"].clone()).collect();
    assert_eq!(vms, ["origin"], "nothing was left behind");
    assert_eq!(
        fs::read_dir(case.path("state/snapshots")).unwrap().count(),
        1
    );
}

#[test]
fn a_snapshot_of_another_engine_host_or_format_is_refused() {
    if !has_qemu() {
        return;
    }
    let case = shot();
    let manifest = case.path("state/snapshots/shot/snapshot.json");
    let text = fs::read_to_string(&manifest).unwrap();

    // Another host, another engine: the field is named with both sides.
    let parsed: serde_json::Value = serde_json::from_str(&text).unwrap();
    for field in ["cpu", "version", "host_kernel", "format"] {
        let mut changed = parsed.clone();
        changed["engine"][field] = "of another time".into();
        changed["engine"]["program"]["size"] = 1.into(); // so that QEMU is asked again
        fs::write(&manifest, changed.to_string()).unwrap();
        let said = case.fail(Exit::User, &["resume", "shot"]);
        let expected = format!("error: the snapshot `shot` was taken elsewhere: `{field}` differs");
        assert!(said.starts_with(&expected), "{said}");
        assert!(
            said.contains(&format!("{field} of the snapshot: of another time")),
            "{said}"
        );
        assert!(
            said.contains("hint: take the snapshot again here"),
            "{said}"
        );
    }
    fs::write(&manifest, text.replace("\"schema\": 2", "\"schema\": 99")).unwrap();
    let said = case.fail(Exit::User, &["resume", "shot"]);
    assert!(
        said.contains("expected schema 2") && said.contains("found    schema 99"),
        "{said}"
    );
    fs::write(&manifest, "{").unwrap();
    let said = case.fail(Exit::User, &["resume", "shot"]);
    assert!(said.contains("snapshot.json does not parse"), "{said}");
    fs::write(&manifest, &text).unwrap();
    only_origin_and_shot(&case);
}

#[test]
fn a_damaged_snapshot_is_refused() {
    if !has_qemu() {
        return;
    }
    let case = shot();
    // Damage: one bit is seen when every byte is compared, another length always.
    let memory = case.path("state/snapshots/shot/memory");
    let mut bytes = fs::read(&memory).unwrap();
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    fs::write(&memory, &bytes).unwrap();
    let said = case.fail(Exit::User, &["resume", "shot", "--verify"]);
    assert!(
        said.contains("memory was changed") && said.contains("found    "),
        "{said}"
    );
    bytes.pop();
    fs::write(&memory, &bytes).unwrap();
    let said = case.fail(Exit::User, &["resume", "shot"]);
    assert!(said.contains("memory was changed"), "{said}");
    only_origin_and_shot(&case);
}

#[test]
fn names_and_ports_that_cannot_be_are_refused() {
    if !has_qemu() {
        return;
    }
    let case = shot();
    let said = case.fail(Exit::User, &["resume", "shut"]);
    assert!(said.contains("hint: did you mean `shot`?"), "{said}");
    let said = case.fail(Exit::User, &["snapshot", "origin", "--name", "shot"]);
    assert!(
        said.contains("there is a snapshot called `shot` already"),
        "{said}"
    );
    let said = case.fail(Exit::User, &["snapshot", "origin", "--name", "../shot"]);
    assert!(said.contains("cannot be a snapshot's name"), "{said}");
    let said = case.fail(
        Exit::User,
        &["resume", "shot", "--count", "2", "--publish", "1:1"],
    );
    assert!(
        said.contains("a port can be published for one VM only"),
        "{said}"
    );
    case.succeed(&["stop", "origin", "--timeout", "0"]);
    let said = case.fail(Exit::User, &["snapshot", "origin", "--name", "late"]);
    assert!(
        said.contains("only a VM that is ready can be saved"),
        "{said}"
    );
    only_origin_and_shot(&case);
}
