//! Keyrings of distributions, and signatures that must not be believed.

use super::*;
use crate::archive::date;
use kindling_testkit::Signer;
use proptest::prelude::*;

fn ring(bytes: &[u8]) -> (tempfile::TempDir, Result<Keyring>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ring");
    std::fs::write(&path, bytes).unwrap();
    let ring = Keyring::read(&path);
    (folder, ring)
}

#[test]
fn the_keyring_of_debian_12_holds_its_three_keys() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../recipes/keyrings/debian-12.asc");
    let ring = Keyring::read(&path).unwrap();
    let mut keys = ring.fingerprints();
    keys.sort();
    // As published on the project's page of archive signing keys.
    assert_eq!(
        keys,
        [
            "05AB90340C0C5E797F44A8C8254CF3B5AEC0A8F0",
            "4D64FEC119C2029067D6E791F8D2585B8783D481",
            "B8B80B5B623EAB6AD8775C45B7C5D7D6350947F8",
        ]
    );
    for certificate in &ring.certificates {
        primary_is_valid(
            certificate,
            true,
            date::parse("1 Jan 2027 00:00:00 UTC").unwrap(),
        )
        .unwrap();
    }
}

#[test]
fn the_keys_of_ubuntu_and_of_google_are_those_that_they_publish() {
    let keyrings = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../recipes/keyrings");
    let then = date::parse("1 Jan 2027 00:00:00 UTC").unwrap();
    for (name, fingerprint) in [
        ("ubuntu", "F6ECB3762474EDA9D21B7022871920D1991BC93C"),
        ("google-chrome", "EB4C1BFD4F042F6DDDCCEC917721F63BD38B4796"),
    ] {
        let ring = Keyring::read(&keyrings.join(format!("{name}.asc"))).unwrap();
        assert_eq!(ring.fingerprints(), [fingerprint]);
        let [certificate] = &ring.certificates[..] else {
            panic!("one certificate");
        };
        primary_is_valid(certificate, true, then).unwrap();
        for subkey in &certificate.public_subkeys {
            subkey_is_valid(certificate, subkey, then).unwrap();
        }
    }
}

#[test]
fn a_pinned_key_is_the_only_one_that_counts() {
    let (ours, theirs) = (Signer::new(), Signer::new());
    let both = ours.certificate() + &theirs.certificate();
    let (_folder, ring) = ring(both.as_bytes());
    let ring = ring.unwrap();
    let pinned = ring.fingerprints()[0].clone();
    let now = SystemTime::now();
    assert!(
        ring.open("a", &theirs.clearsign("text\n"), now, false)
            .is_ok()
    );
    let ring = ring.only(&[pinned]).unwrap();
    assert!(
        ring.open("a", &ours.clearsign("text\n"), now, false)
            .is_ok()
    );
    ring.open("a", &theirs.clearsign("text\n"), now, false)
        .unwrap_err();
    let report = ring.only(&["0".repeat(40)]).unwrap_err().report();
    assert!(
        report.contains("does not hold the key that the recipe pins"),
        "{report}"
    );
}

#[test]
fn armored_and_binary_rings_are_read() {
    let (a, b) = (Signer::new(), Signer::new());
    let now = SystemTime::now();
    let both = a.certificate() + &b.certificate();
    let (_folder, ring) = ring(both.as_bytes());
    assert_eq!(
        ring.unwrap()
            .open("x", &b.clearsign("hello\n"), now, false)
            .unwrap()
            .text,
        "hello\n"
    );
    let (_folder, ring) = self::ring(&a.binary_certificate());
    let ring = ring.unwrap();
    assert_eq!(
        ring.open("x", &a.clearsign("- dash\n"), now, false)
            .unwrap()
            .text,
        "- dash\n"
    );
    ring.open("x", &b.clearsign("hello\n"), now, false)
        .unwrap_err();
}

#[test]
fn a_key_that_expired_since_it_signed_counts_where_that_is_allowed() {
    let signer = Signer::new().expired();
    let (_folder, ring) = ring(signer.certificate().as_bytes());
    let ring = ring.unwrap();
    let message = signer.clearsign_at(
        "old\n",
        Signer::MADE_AGO - std::time::Duration::from_secs(60),
    );
    ring.open("x", &message, SystemTime::now(), false)
        .unwrap_err();
    assert_eq!(
        ring.open("x", &message, SystemTime::now(), true)
            .unwrap()
            .text,
        "old\n"
    );
    let late = signer.clearsign("new\n");
    ring.open("x", &late, SystemTime::now(), true).unwrap_err();
}

#[test]
fn what_is_no_ring_is_refused() {
    for bytes in [
        &b""[..],
        b"hello",
        b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n",
        &[0x99, 0xff],
        &[0x9b, 4, 0, 0, 0, 0, 29], // a key of an unknown algorithm, and nothing else
    ] {
        let (_folder, ring) = ring(bytes);
        ring.unwrap_err();
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let (_folder, ring) = ring(&bytes);
        prop_assert!(ring.is_err());
    }

    #[test]
    fn no_changed_message_is_opened(at in 0_usize..400, byte in any::<u8>()) {
        let signer = Signer::new();
        let (_folder, ring) = ring(signer.certificate().as_bytes());
        let message = signer.clearsign("Suite: bookworm\nDate: today\n");
        let mut changed = message.clone().into_bytes();
        let at = at % changed.len();
        changed[at] = byte;
        if let Ok(changed) = String::from_utf8(changed)
            && let Ok(opened) = ring.unwrap().open("x", &changed, SystemTime::now(), false)
        {
            // A change outside of what is signed may pass; the text is the one that was signed.
            prop_assert_eq!(opened.text, "Suite: bookworm\nDate: today\n");
        }
    }
}
