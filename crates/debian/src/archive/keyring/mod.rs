//! OpenPGP certificates that are trusted to sign an archive, and the check of what they signed.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use kindling_base::{Error, Result, files};
use pgp::composed::{CleartextSignedMessage, Deserializable, SignedPublicKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{Signature, SignatureType};
use pgp::types::{KeyDetails, VerifyingKey};

use crate::archive::certificate::{expired, primary_is_valid, subkey_is_valid};

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
    /// The text that was signed.
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
                let certificate = certificate.map_err(bad)?;
                // RFC 9580, 10.1.2: a certificate has one at least. What has none, nobody has bound to a name.
                if certificate.details.users.is_empty() {
                    let problem = format!("{} holds a key without a user", path.display());
                    return Err(Error::user(problem));
                }
                certificates.push(certificate);
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
    /// `what` is not a clear-signed message, or no signature of it counts; the error says why for each.
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
mod tests;
