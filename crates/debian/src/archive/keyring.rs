//! OpenPGP certificates that are trusted to sign an archive, and the check of what they signed.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use kindling_base::{Error, Result, files};
use pgp::composed::{CleartextSignedMessage, Deserializable, SignedPublicKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{Signature, SignatureType};
use pgp::types::{KeyDetails, VerifyingKey};

use super::certificate::{expired, primary_is_valid, subkey_is_valid};

const ARMOR: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----";

/// Certificates of one file.
#[derive(Debug)]
pub struct Keyring {
    path: PathBuf,
    certificates: Vec<SignedPublicKey>,
}

/// A clear-signed message that was believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// What was signed.
    pub text: String,
    /// Fingerprint of the certificate that signed it, in uppercase hexadecimal.
    pub signed_by: String,
}

impl Keyring {
    /// Reads a keyring, binary or armored, in one block or several.
    ///
    /// # Errors
    /// The file cannot be read, or holds something else or nothing.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = files::read(path)?;
        let bad = |error: pgp::errors::Error| {
            Error::user(format!("{} is no OpenPGP keyring", path.display())).because(error)
        };
        let mut certificates = Vec::new();
        for block in blocks(&bytes) {
            let (parsed, _) = SignedPublicKey::from_reader_many(block).map_err(bad)?;
            for certificate in parsed {
                certificates.push(certificate.map_err(bad)?);
            }
        }
        if certificates.is_empty() {
            return Err(Error::user(format!(
                "{} holds no OpenPGP certificate",
                path.display()
            )));
        }
        Ok(Self {
            path: path.to_owned(),
            certificates,
        })
    }

    /// The ring with the certificates of these fingerprints and no others; with none named, as it is.
    ///
    /// # Errors
    /// It does not hold one of them.
    pub fn only(mut self, fingerprints: &[String]) -> Result<Self> {
        if fingerprints.is_empty() {
            return Ok(self);
        }
        let held = self.fingerprints();
        if let Some(missing) = fingerprints.iter().find(|wanted| !held.contains(wanted)) {
            let path = self.path.display();
            return Err(
                Error::user(format!("{path} does not hold the key that the recipe pins"))
                    .note(format!("pinned {missing}"))
                    .note(format!("held   {}", held.join(", ")))
                    .hint("compare both with what the archive's owner publishes, and correct the wrong one"),
            );
        }
        self.certificates
            .retain(|certificate| fingerprints.contains(&fingerprint(certificate)));
        Ok(self)
    }

    fn fingerprints(&self) -> Vec<String> {
        self.certificates.iter().map(fingerprint).collect()
    }

    /// The text of a clear-signed message, if one of its signatures is valid at the time `now` and made by a
    /// certificate of this ring. With `allow_expired`, a key has to have been valid when it signed.
    ///
    /// # Errors
    /// `what` is no clear-signed message, or none of its signatures counts; the error says why for each.
    pub fn open(
        &self,
        what: &str,
        message: &str,
        now: SystemTime,
        allow_expired: bool,
    ) -> Result<Opened> {
        let (message, _) = CleartextSignedMessage::from_string(message).map_err(|error| {
            Error::external(format!("{what} is no clear-signed message"))
                .because(error)
                .hint("a proxy may have answered in place of the mirror: look at what it serves")
        })?;
        let text = message.signed_text();
        let mut reasons = Vec::new();
        for signature in message.signatures() {
            let at = match signature.created() {
                Some(created) if allow_expired => created.into(),
                _ => now,
            };
            match self.check(signature, text.as_bytes(), at) {
                // RFC 9580, 7.1: what is signed has its lines end in CR LF.
                Ok(signed_by) => {
                    let text = text.replace("\r\n", "\n");
                    return Ok(Opened { text, signed_by });
                }
                Err(reason) => {
                    reasons.push(format!("signature of {}: {reason}", issuer(signature)))
                }
            }
        }
        if reasons.is_empty() {
            reasons.push("it carries no signature".to_owned());
        }
        Err(
            Error::external(format!("{what} has no valid signature of a trusted key"))
                .note(reasons.join("\n"))
                .note(format!(
                    "{} trusts {}",
                    self.path.display(),
                    self.fingerprints().join(", ")
                ))
                .hint(
                    "the mirror was tampered with, or the keyring does not belong to this archive",
                ),
        )
    }

    /// Whether one certificate of the ring made `signature` over `text` and was valid `at` that time.
    /// Returns that certificate's fingerprint.
    fn check(&self, signature: &Signature, text: &[u8], at: SystemTime) -> Result<String, String> {
        if !signature.hash_alg().is_some_and(is_strong) {
            return Err("its hash is too weak or unknown".to_owned());
        }
        if !matches!(
            signature.typ(),
            Some(SignatureType::Text | SignatureType::Binary)
        ) {
            return Err("it is not one over a text".to_owned());
        }
        expired(
            signature.created().map(Into::into),
            signature.signature_expiration_time(),
            at,
        )
        .map_err(|when| format!("the signature expired on {when}"))?;
        let mut reason = "no such key in the keyring".to_owned();
        for certificate in &self.certificates {
            let fingerprint = || format!("{:X}", certificate.fingerprint());
            if made_by(signature, &certificate.primary_key) {
                match signs(signature, &certificate.primary_key, text)
                    .and_then(|()| primary_is_valid(certificate, true, at))
                {
                    Ok(()) => return Ok(fingerprint()),
                    Err(error) => reason = error,
                }
            }
            for subkey in &certificate.public_subkeys {
                if made_by(signature, &subkey.key) {
                    match signs(signature, &subkey.key, text)
                        .and_then(|()| primary_is_valid(certificate, false, at))
                        .and_then(|()| subkey_is_valid(certificate, subkey, at))
                    {
                        Ok(()) => return Ok(fingerprint()),
                        Err(error) => reason = error,
                    }
                }
            }
        }
        Err(reason)
    }
}

/// The armored blocks of a file, or all of it where it is binary.
fn blocks(bytes: &[u8]) -> Vec<&[u8]> {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return vec![bytes];
    };
    let starts: Vec<usize> = text.match_indices(ARMOR).map(|(at, _)| at).collect();
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    let armored: Vec<&[u8]> = starts
        .iter()
        .zip(ends)
        .map(|(start, end)| &bytes[*start..end])
        .collect();
    if armored.is_empty() {
        vec![bytes]
    } else {
        armored
    }
}

/// SHA-1 and MD5 are broken; an archive's signature has to stand on something better.
fn is_strong(hash: HashAlgorithm) -> bool {
    use HashAlgorithm as H;
    matches!(
        hash,
        H::Sha256 | H::Sha384 | H::Sha512 | H::Sha3_256 | H::Sha3_512
    )
}

fn issuer(signature: &Signature) -> String {
    match (
        signature.issuer_fingerprint().first(),
        signature.issuer_key_id().first(),
    ) {
        (Some(fingerprint), _) => format!("{fingerprint:X}"),
        (None, Some(id)) => id.to_string().to_uppercase(),
        (None, None) => "an unnamed key".to_owned(),
    }
}

fn made_by(signature: &Signature, key: &impl KeyDetails) -> bool {
    signature.issuer_fingerprint().contains(&&key.fingerprint())
        || signature.issuer_key_id().contains(&&key.legacy_key_id())
}

fn fingerprint(certificate: &SignedPublicKey) -> String {
    format!("{:X}", certificate.fingerprint())
}

fn signs(signature: &Signature, key: &impl VerifyingKey, text: &[u8]) -> Result<(), String> {
    signature
        .verify(key, text)
        .map_err(|_| "it does not fit the text: one of them was changed".to_owned())
}

#[cfg(test)]
mod tests {
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
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../recipes/keyrings/debian-12.asc");
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
        let (_folder, ring) = super::tests::ring(&a.binary_certificate());
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
}
