//! The whole way from a mirror into the store, against a mirror that misbehaves.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kindling_base::{Error, Event, Exit, Silent};
use kindling_deb::LockedPackage;
use kindling_debian::{Archive, Index, Mirrors, Request, fetch_index, fetch_packages, solve};
use kindling_fetch::{AT_ONCE, Backoff, Client, FetchError};
use kindling_store::Store;
use kindling_testkit::{Deb, Fault, LoopbackMirror, Repository, Signer, Suite};
use tempfile::TempDir;

/// An archive on the loopback device, and all that is needed to fetch from it.
struct World {
    folder: TempDir,
    mirror: LoopbackMirror,
    signer: Signer,
    store: Store,
    archive: Archive,
    mirrors: Mirrors,
    client: Client,
}

impl World {
    fn new() -> Self {
        Self::signed_by(Signer::new())
    }

    fn signed_by(signer: Signer) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keyring = folder.path().join("ring.asc");
        std::fs::write(&keyring, signer.certificate()).unwrap();
        let mirror = LoopbackMirror::serve(&folder.path().join("www"));
        let world = Self {
            mirrors: mirrors(&[mirror.url()]),
            store: Store::open(&folder.path().join("store")).unwrap(),
            archive: Archive {
                distribution: "debian".into(),
                vendor: false,
                suites: vec!["bookworm".into()],
                components: vec!["main".into()],
                architecture: "amd64".into(),
                keyring,
                keys: Vec::new(),
                allow_expired: false,
                now: SystemTime::now(),
            },
            client: Client::new(Backoff {
                attempts: 3,
                first: Duration::from_millis(1),
                cap: Duration::from_millis(1),
            }),
            folder,
            mirror,
            signer,
        };
        world.publish(&Suite::new("bookworm", packages()));
        world
    }

    fn www(&self) -> PathBuf {
        self.folder.path().join("www")
    }

    fn publish(&self, suite: &Suite) {
        Repository::new(&self.www()).publish(suite, &self.signer);
    }

    fn index(&self) -> Result<Index, Error> {
        fetch_index(
            &self.client,
            std::slice::from_ref(&self.archive),
            &self.mirrors,
            &self.store,
            &Silent,
        )
    }

    /// The set of everything, as a lock would hold it.
    fn set(&self) -> Vec<LockedPackage> {
        let request = Request {
            packages: vec!["app".into()],
            recommends: false,
        };
        solve(&self.index().unwrap(), &request).unwrap()
    }

    fn fetch(&self, set: &[LockedPackage]) -> Result<Vec<PathBuf>, FetchError> {
        fetch_packages(
            &self.client,
            "debian",
            set,
            &self.mirrors,
            &self.store,
            &Silent,
        )
    }

    /// The report of a failure to fetch the index, with what differs between runs replaced.
    fn index_report(&self) -> String {
        let error = self.index().unwrap_err();
        assert_eq!(error.exit(), Exit::External, "{}", error.report());
        self.plain(&error)
    }

    fn plain(&self, error: &Error) -> String {
        error
            .report()
            .replace(&self.mirror.url(), "MIRROR")
            .replace(&self.folder.path().display().to_string(), "FOLDER")
    }
}

fn mirrors(urls: &[String]) -> Mirrors {
    let flags: Vec<String> = urls.iter().map(|url| format!("debian={url}")).collect();
    Mirrors::from_places(
        &flags,
        [],
        &BTreeMap::new(),
        None,
        Path::new("/nonexistent"),
    )
    .unwrap()
}

fn packages() -> Vec<Deb> {
    vec![
        Deb::new("base", "1").field("Essential: yes"),
        Deb::new("app", "2.0-1").field("Depends: lib (>= 1)"),
        Deb::new("lib", "1:1.5"),
        Deb::new("unused", "1"),
    ]
}

fn assert_contains(report: &str, parts: &[&str]) {
    for part in parts {
        assert!(report.contains(part), "no `{part}` in:\n{report}");
    }
}

#[test]
fn packages_come_from_the_mirror_once() {
    let world = World::new();
    let set = world.set();
    let names: Vec<_> = set
        .iter()
        .map(|p| format!("{} {}", p.name, p.version))
        .collect();
    assert_eq!(names, ["app 2.0-1", "base 1", "lib 1:1.5"]);
    let progress = Mutex::new(Vec::new());
    let reporter = |event: Event| {
        if let Event::Progress {
            stage, done, total, ..
        } = event
        {
            progress.lock().unwrap().push((stage, done, total));
        }
    };
    let paths = fetch_packages(
        &world.client,
        "debian",
        &set,
        &world.mirrors,
        &world.store,
        &reporter,
    )
    .unwrap();
    let total: u64 = set.iter().map(|p| p.size).sum();
    assert!(
        progress
            .lock()
            .unwrap()
            .contains(&("download", total, Some(total)))
    );
    for (path, package) in paths.iter().zip(&set) {
        assert_eq!(kindling_base::hash::file(path).unwrap(), package.sha256);
    }
    let before = world.mirror.requests().len();
    world.fetch(&set).unwrap();
    assert_eq!(
        world.mirror.requests().len(),
        before,
        "nothing is fetched twice"
    );
    world.index().unwrap();
    assert_eq!(
        world.mirror.count("by-hash"),
        1,
        "the index is in the store"
    );
    assert_eq!(
        world.mirror.count("InRelease"),
        2,
        "the Release file is asked for anew"
    );
}

#[test]
fn a_single_package_can_be_looked_up() {
    let world = World::new();
    let index = world.index().unwrap();
    let lib = index.candidate("lib").unwrap();
    assert_eq!(
        (lib.version.as_str(), lib.path.as_str(), lib.suite.as_str()),
        ("1:1.5", "pool/main/lib_1.5_all.deb", "bookworm")
    );
    assert_eq!(index.candidate("nothing"), None);
}

#[test]
fn a_subkey_may_sign() {
    World::signed_by(Signer::with_subkey()).index().unwrap();
}

#[test]
fn a_tampered_release_is_refused() {
    let world = World::new();
    let path = world.www().join("dists/bookworm/InRelease");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("Origin: Tests", "Origin: Other")).unwrap();
    assert_contains(
        &world.index_report(),
        &[
            "MIRROR/dists/bookworm/InRelease has no valid signature of a trusted key",
            "it does not fit the text",
            "hint: the mirror was tampered with",
        ],
    );
    std::fs::write(&path, "<html>please log in</html>").unwrap();
    assert_contains(&world.index_report(), &["is no clear-signed message"]);
}

#[test]
fn text_around_the_signed_one_is_not_believed() {
    let world = World::new();
    let path = world.www().join("dists/bookworm/InRelease");
    let text = std::fs::read_to_string(&path).unwrap();
    for forged in [
        format!("Suite: evil\n\n{text}"),
        format!("{text}\nSuite: evil\n"),
    ] {
        std::fs::write(&path, forged).unwrap();
        world.index_report();
    }
}

#[test]
fn a_key_has_to_be_in_the_ring_and_alive() {
    let world = World::new();
    std::fs::write(&world.archive.keyring, Signer::new().certificate()).unwrap();
    assert_contains(
        &world.index_report(),
        &["no such key in the keyring", "FOLDER/ring.asc trusts "],
    );
    let revoked = World::signed_by(Signer::new().revoked());
    assert_contains(&revoked.index_report(), &["the key is revoked"]);
    let expired = World::signed_by(Signer::with_subkey().expired());
    assert_contains(&expired.index_report(), &["the key expired on "]);
}

#[test]
fn one_good_key_of_several_is_enough() {
    let world = World::new();
    let ring = Signer::new().certificate() + &world.signer.certificate();
    std::fs::write(&world.archive.keyring, ring).unwrap();
    world.index().unwrap();
}

#[test]
fn an_expired_release_needs_permission() {
    let mut world = World::new();
    world.archive.now = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    let mut suite = Suite::new("bookworm", packages());
    suite.valid_until = Some("Fri, 15 Jan 2027 07:59:59 UTC".into());
    world.publish(&suite);
    assert_contains(
        &world.index_report(),
        &[
            "the Release file of bookworm has expired",
            "valid until 2027-01-15 07:59:59 UTC\n  it is now   2027-01-15 08:00:00 UTC",
            "--allow-expired",
        ],
    );
    world.archive.allow_expired = true;
    world.index().unwrap();
}

#[test]
fn another_suite_or_architecture_is_refused() {
    let mut world = World::new();
    let mut suite = Suite::new("bookworm", packages());
    (suite.suite, suite.codename) = ("stable".into(), "trixie".into());
    world.publish(&suite);
    assert_contains(
        &world.index_report(),
        &["expected suite bookworm\n  found suite stable, codename trixie"],
    );
    suite.codename = "bookworm".into();
    world.publish(&suite);
    world.index().unwrap();
    world.archive.architecture = "arm64".into();
    let error = world.index().unwrap_err();
    assert_eq!(error.exit(), Exit::User);
    assert_contains(
        &error.report(),
        &["bookworm has no packages for arm64", "it has amd64"],
    );
    world.archive.architecture = "amd64".into();
    world.archive.components = vec!["contrib".into()];
    assert_contains(
        &world.index().unwrap_err().report(),
        &["bookworm has no component contrib", "it has main"],
    );
}

#[test]
fn a_tampered_index_is_refused() {
    let world = World::new();
    world.mirror.inject("by-hash", 1, Fault::Tamper);
    assert_contains(
        &world.index_report(),
        &[
            "MIRROR/dists/bookworm/main/binary-amd64/by-hash/",
            "is not what was promised",
            "expected sha256 ",
            "computed sha256 ",
        ],
    );
    world.index().unwrap();
}

#[test]
fn a_mirror_without_hashes_is_read_by_name() {
    let world = World::new();
    std::fs::remove_dir_all(world.www().join("dists/bookworm/main/binary-amd64/by-hash")).unwrap();
    world.index().unwrap();
    assert_eq!(world.mirror.count("binary-amd64/Packages.xz"), 1);
}

#[test]
fn a_tampered_package_is_refused_and_not_kept() {
    let world = World::new();
    let set = world.set();
    world.mirror.inject("lib_1.5", 1, Fault::Tamper);
    let error = Error::from(world.fetch(&set).unwrap_err());
    assert_contains(
        &world.plain(&error),
        &[
            "MIRROR/pool/main/lib_1.5_all.deb is not what was promised",
            "expected sha256 ",
            "computed sha256 ",
        ],
    );
    let lib = set.iter().find(|p| p.name == "lib").unwrap();
    assert_eq!(world.store.blob(&lib.sha256), None);
    world.fetch(&set).unwrap();
}

#[test]
fn a_package_of_another_length_is_refused() {
    let world = World::new();
    let mut set = world.set();
    set[0].size += 1;
    assert_contains(
        &Error::from(world.fetch(&set).unwrap_err()).report(),
        &[&format!(
            "expected {} bytes\n  received {} bytes",
            set[0].size,
            set[0].size - 1
        )],
    );
    set[0].size -= 2;
    assert_contains(
        &Error::from(world.fetch(&set).unwrap_err()).report(),
        &[&format!("longer than the {} bytes", set[0].size)],
    );
}

#[test]
fn connections_are_kept() {
    let world = World::new();
    let many = (0..60).map(|n| Deb::new(&format!("app-{n}"), "1").field("Essential: yes"));
    world.publish(&Suite::new(
        "bookworm",
        packages().into_iter().chain(many).collect(),
    ));
    let set = world.set();
    world.fetch(&set).unwrap();
    assert!(set.len() > 60 && world.mirror.requests().len() > 60);
    let connections = world.mirror.connections();
    assert!(connections <= AT_ONCE, "{connections} connections");
}

#[test]
fn what_passes_is_tried_again() {
    let world = World::new();
    let set = world.set();
    world.mirror.inject("lib_1.5", 1, Fault::Status(503));
    world.mirror.inject("lib_1.5", 1, Fault::Truncate);
    world.mirror.inject("app_", 2, Fault::Hangup);
    world.fetch(&set).unwrap();
    assert_eq!(
        (world.mirror.count("lib_1.5"), world.mirror.count("app_")),
        (3, 3)
    );
}

#[test]
fn a_truncated_download_is_an_error_that_says_so() {
    let world = World::new();
    let set = world.set();
    world.mirror.inject("lib_1.5", 9, Fault::Truncate);
    let lib = set.iter().find(|p| p.name == "lib").unwrap();
    assert_contains(
        &world.plain(&Error::from(world.fetch(&set).unwrap_err())),
        &[
            "cannot fetch pool/main/lib_1.5_all.deb",
            &format!(
                "truncated download: expected {} bytes, received {}, 3 times",
                lib.size,
                lib.size / 2
            ),
        ],
    );
}

#[test]
fn a_mirror_that_is_down_is_named_with_what_is_cached() {
    let mut world = World::new();
    let set = world.set();
    world.fetch(&set[1..2]).unwrap();
    world.mirror.go_down();
    let error = Error::from(world.fetch(&set).unwrap_err());
    assert_eq!(error.exit(), Exit::External);
    assert_contains(
        &world.plain(&error),
        &[
            "MIRROR/pool/main/",
            "cannot reach the mirror",
            "3 times",
            "1 of 3 packages are in the store",
            "--mirror",
        ],
    );
    assert_contains(
        &world.index_report(),
        &[
            "cannot fetch dists/bookworm/InRelease of debian",
            "MIRROR/dists",
        ],
    );
}

#[test]
fn a_package_that_left_the_archive_is_told_apart() {
    let world = World::new();
    let set = world.set();
    std::fs::remove_file(world.www().join("pool/main/app_2.0-1_all.deb")).unwrap();
    match world.fetch(&set).unwrap_err() {
        FetchError::Gone { package, error } => {
            assert_eq!(package, "app 2.0-1");
            assert_contains(
                &error.report(),
                &[
                    "app 2.0-1 is no longer in the archive",
                    "of 3 packages are in the store",
                ],
            );
        }
        FetchError::Failed(error) => panic!("{}", error.report()),
    }
    assert_eq!(
        world.mirror.count("app_2.0"),
        1,
        "what is missing is not asked for again"
    );
}

#[test]
fn the_next_mirror_helps_out() {
    let mut world = World::new();
    let empty = tempfile::tempdir().unwrap();
    let other = LoopbackMirror::serve(empty.path());
    world.mirrors = mirrors(&[other.url(), world.mirror.url()]);
    let set = world.set();
    world.fetch(&set).unwrap();
    assert!(other.requests().len() >= 4);
}

#[test]
fn a_folder_is_a_mirror_too() {
    let mut world = World::new();
    world.mirrors = mirrors(&[format!("file://{}", world.www().display())]);
    let set = world.set();
    world.fetch(&set).unwrap();
    assert!(world.mirror.requests().is_empty());
}

#[test]
fn damaged_blobs_are_never_left_behind() {
    let world = World::new();
    let set = world.set();
    world.mirror.inject("", 99, Fault::Truncate);
    world.fetch(&set).unwrap_err();
    let staging = world.store.root().join("staging");
    assert_eq!(std::fs::read_dir(staging).unwrap().count(), 0);
}
