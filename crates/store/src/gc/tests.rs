use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

use kindling_base::hash;

use super::*;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn blob(store: &Store, content: &[u8]) -> String {
    let mut writer = store.new_blob().unwrap();
    writer.write_all(content).unwrap();
    writer.commit_unchecked().unwrap().0
}

fn stage(store: &Store, key: &str, bytes: usize) -> PathBuf {
    let make = |at: &Path| files::write_atomic(&at.join("f"), &vec![7; bytes], 0o444);
    store.stage_or_make("rootfs", key, || {}, make).unwrap().0
}

/// Fills a store as a process did that has ended since.
fn filled(root: &Path) -> (String, PathBuf) {
    let store = Store::open(root).unwrap();
    (blob(&store, b"deb"), stage(&store, "k1", 100_000))
}

fn age(path: &Path, days: u32) {
    let time = SystemTime::now() - DAY * days;
    std::fs::File::open(path)
        .unwrap()
        .set_modified(time)
        .unwrap();
}

#[test]
fn what_is_old_goes_and_a_use_makes_it_young() {
    let folder = tempfile::tempdir().unwrap();
    let (sha256, made) = filled(folder.path());
    let path = folder.path().join("blobs").join(&sha256[..2]).join(&sha256);
    age(&path, 40);
    age(&made, 40);
    Store::open(folder.path()).unwrap().blob(&sha256).unwrap();

    let store = Store::open(folder.path()).unwrap();
    let limits = Limits {
        age: Some(DAY * 30),
        bytes: None,
    };
    let planned = store
        .collect_garbage(&limits, SystemTime::now(), true)
        .unwrap();
    assert!(made.exists(), "a dry run removes nothing");
    let done = store
        .collect_garbage(&limits, SystemTime::now(), false)
        .unwrap();
    assert_eq!(planned, done);
    let names: Vec<_> = done
        .removed
        .iter()
        .map(|entry| entry.name.clone())
        .collect();
    assert_eq!(names, [Path::new("stages/rootfs/k1")]);
    assert!(done.removed[0].bytes >= 100_000);
    assert!(!made.exists() && path.exists());
    assert_eq!(
        std::fs::read_dir(folder.path().join("staging"))
            .unwrap()
            .count(),
        0
    );
}

#[test]
fn the_longest_unused_go_until_the_rest_fits() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let paths: Vec<_> = (1..=4u32)
        .map(|n| stage(&store, &format!("k{n}"), 1 << 20))
        .collect();
    drop(store);
    for (path, days) in paths.iter().zip([2, 9, 5, 1]) {
        age(path, days);
    }
    let store = Store::open(folder.path()).unwrap();
    let limits = Limits {
        bytes: Some(5 << 19),
        age: None,
    }; // two and a half
    let done = store
        .collect_garbage(&limits, SystemTime::now(), false)
        .unwrap();
    let left: Vec<_> = paths.iter().map(|path| path.exists()).collect();
    assert_eq!(left, [true, false, false, true]);
    assert_eq!((done.kept, done.in_use), (2, 0));
    assert!(done.kept_bytes <= 5 << 19);
}

#[test]
fn what_an_open_store_uses_stays() {
    let folder = tempfile::tempdir().unwrap();
    let (sha256, made) = filled(folder.path());
    let user = Store::open(folder.path()).unwrap();
    let blob = user.blob(&sha256).unwrap();
    let (work, lock) = user.work("linux-1", || {}).unwrap();
    let half = folder.path().join("staging/kernel-k");
    std::fs::create_dir(&half).unwrap();

    let collector = Store::open(folder.path()).unwrap();
    let nothing = Limits {
        bytes: Some(0),
        age: None,
    };
    let done = collector
        .collect_garbage(&nothing, SystemTime::now(), false)
        .unwrap();
    assert!(blob.exists() && work.exists());
    assert!(!made.exists(), "nobody used it");
    assert!(!half.exists(), "nobody makes it");
    assert_eq!((done.kept, done.in_use), (2, 2));

    drop((lock, user));
    collector
        .collect_garbage(&nothing, SystemTime::now(), false)
        .unwrap();
    assert!(!blob.exists() && !work.exists());
}

#[test]
fn a_result_that_is_being_made_stays() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let (path, _) = store
        .stage_or_make(
            "kernel",
            "k",
            || {},
            |at| {
                std::fs::write(at.join("vmlinux"), "elf").unwrap();
                let collector = Store::open(folder.path()).unwrap();
                let nothing = Limits {
                    bytes: Some(0),
                    age: None,
                };
                collector.collect_garbage(&nothing, SystemTime::now(), false)?;
                Ok(())
            },
        )
        .unwrap();
    assert!(path.join("vmlinux").exists());
}

/// Builds that look up, make and read while collections of everything run: what they were given stays.
#[test]
fn builds_and_collections_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let collector = Store::open(folder.path()).unwrap();
            let nothing = Limits {
                bytes: Some(0),
                age: None,
            };
            while !done.load(Ordering::Relaxed) {
                collector
                    .collect_garbage(&nothing, SystemTime::now(), false)
                    .unwrap();
            }
        });
        let builders: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    for round in 0..40usize {
                        let store = Store::open(folder.path()).unwrap();
                        let key = format!("k{}", round % 3);
                        let made = stage(&store, &key, 10);
                        let content = round.to_le_bytes();
                        let sha256 = blob(&store, &content);
                        assert_eq!(sha256, hash::bytes(&content));
                        for _ in 0..3 {
                            assert_eq!(std::fs::read(made.join("f")).unwrap(), [7; 10]);
                            let path = store.blob(&sha256).expect("it is in use");
                            assert_eq!(std::fs::read(path).unwrap(), content);
                        }
                    }
                })
            })
            .collect();
        let ended: Vec<_> = builders.into_iter().map(|builder| builder.join()).collect();
        done.store(true, Ordering::Relaxed);
        assert!(ended.iter().all(Result::is_ok));
    });
}

/// A store that is closed takes its list of uses away, whatever a collection is about to do with it.
#[test]
fn stores_are_closed_while_a_collection_reads_their_lists() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let collector = Store::open(root).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    drop(Store::open(root).unwrap());
                }
            });
        }
        let read: Vec<_> = (0..2000)
            .map(|_| {
                let _alone = Lock::acquire(&root.join("locks/gc"), || {}).unwrap();
                session::in_use(root)
            })
            .collect();
        done.store(true, Ordering::Relaxed);
        let failed = read.into_iter().find_map(Result::err);
        assert!(failed.is_none(), "{failed:?}");
    });
    drop(collector);
}
