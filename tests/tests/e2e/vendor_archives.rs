//! Packages from a vendor's archive, with a key of its own, beside the distribution's.

use std::fs;

use kindling_testkit::{Deb, LoopbackMirror, Repository, Signer, Suite};
use kindling_tests::{Ran, Tiny};

const ARCHIVE: &str = "[[rootfs.archives]]\nname = \"vendor\"\nsuites = [\"stable\"]\ncomponents = [\"main\"]\nkeyring = \"vendor\"\n";

/// A project whose recipe takes `browser` from a vendor that calls its suite as the distribution does.
struct Case {
    tiny: Tiny,
    mirror: LoopbackMirror,
    key: Signer,
}

impl Case {
    fn new() -> Self {
        let tiny = Tiny::new("\"base\", \"browser\"");
        let text = fs::read_to_string(tiny.scratch.path("recipes/tiny.toml")).unwrap();
        tiny.scratch
            .write("recipes/tiny.toml", &format!("{text}\n{ARCHIVE}"));
        fs::create_dir(tiny.scratch.path("vendor")).unwrap();
        let mirror = LoopbackMirror::serve(&tiny.scratch.path("vendor"));
        let key = Signer::new();
        tiny.scratch
            .write("recipes/keyrings/vendor.asc", &key.certificate());
        let case = Self { tiny, mirror, key };
        case.publish(&case.key);
        case
    }

    fn publish(&self, key: &Signer) {
        let browser = Deb::new("browser", "7").field("Depends: base");
        let suite = Suite::new("stable", vec![browser]);
        Repository::new(&self.tiny.scratch.path("vendor")).publish(&suite, key);
    }

    fn lock(&self) -> Ran {
        let mirror = format!("vendor={}", self.mirror.url());
        self.tiny.run(&["lock", "--mirror", &mirror])
    }
}

#[test]
fn a_vendors_package_is_pinned_with_its_archive_and_key() {
    let case = Case::new();
    case.lock().ok();
    let lock = fs::read_to_string(case.tiny.scratch.path("recipes/tiny.lock")).unwrap();
    let suite = lock
        .lines()
        .find(|line| line.contains("name = \"vendor/stable\""))
        .unwrap();
    let fingerprint = |line: &str| line.split("signed_by = \"").nth(1).unwrap()[..40].to_owned();
    let own = lock
        .lines()
        .find(|line| line.contains("name = \"stable\""))
        .unwrap();
    assert_ne!(fingerprint(suite), fingerprint(own));
    let browser = lock
        .lines()
        .find(|line| line.contains("name = \"browser\""))
        .unwrap();
    assert!(browser.contains("suite = \"vendor/stable\""), "{browser}");
    let base = lock
        .lines()
        .find(|line| line.contains("name = \"base\""))
        .unwrap();
    assert!(base.contains("suite = \"stable\""), "{base}");
    for host in ["127.0.0.1", "http:"] {
        assert!(!lock.contains(host), "no address is written down");
    }
}

#[test]
fn each_archive_is_trusted_by_its_own_keys_only() {
    let case = Case::new();
    case.publish(&case.tiny.signer);
    let ran = case.lock();
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    assert!(ran.stderr.contains("InRelease"), "{}", ran.stderr);
    case.publish(&case.key);
    case.lock().ok();
}

#[test]
fn an_archive_without_a_mirror_or_a_keyring_is_named() {
    let case = Case::new();
    let ran = case.tiny.run(&["lock"]);
    ran.fails(
        2,
        &[
            "no mirror is known for the suite stable of vendor",
            "name one with `--mirror vendor=URL`",
        ],
    );
    case.tiny.scratch.replace(
        "recipes/tiny.toml",
        "keyring = \"vendor\"",
        "keyring = \"vender\"",
    );
    case.lock().fails(2, &["vender", "did you mean `vendor`?"]);
}
