//! Throwaway OpenPGP keys.

use pgp::composed::{
    CleartextSignedMessage, EncryptionCaps, KeyType, SecretKeyParamsBuilder, SignedSecretKey,
    SubkeyParamsBuilder,
};
use pgp::packet::{SignatureConfig, SignatureType, Subpacket, SubpacketData};
use pgp::ser::Serialize;
use pgp::types::{Duration, KeyDetails, Password, SigningKey, Timestamp};
use rand::thread_rng;

/// A key that signs.
#[derive(Debug)]
pub struct Signer {
    key: SignedSecretKey,
}

impl Signer {
    /// Keys are made this long before the tests run, so that they can have expired.
    pub const MADE_AGO: std::time::Duration = std::time::Duration::from_secs(365 * 86_400);

    /// An Ed25519 key that signs by itself.
    pub fn new() -> Self {
        Self::generate(false)
    }

    /// An Ed25519 key with a subkey, and it is the subkey that signs.
    pub fn with_subkey() -> Self {
        Self::generate(true)
    }

    fn generate(subkey: bool) -> Self {
        let created = ago(Self::MADE_AGO);
        let mut params = SecretKeyParamsBuilder::default();
        params
            .key_type(KeyType::Ed25519Legacy)
            .can_certify(true)
            .can_sign(!subkey)
            .can_encrypt(EncryptionCaps::None)
            .created_at(created)
            .primary_user_id("Throwaway <throwaway@keys.test>".into());
        if subkey {
            let mut signing = SubkeyParamsBuilder::default();
            signing
                .key_type(KeyType::Ed25519Legacy)
                .can_sign(true)
                .can_encrypt(EncryptionCaps::None)
                .created_at(created);
            params.subkeys(vec![signing.build().unwrap()]);
        }
        let key = params.build().unwrap().generate(thread_rng()).unwrap();
        Self { key }
    }

    /// The same key, expired a day after it was made.
    #[must_use]
    pub fn expired(mut self) -> Self {
        let life = SubpacketData::KeyExpirationTime(Duration::from_secs(86_400));
        let signature = self.sign_itself(SignatureType::Key, vec![life]);
        self.key.details.direct_signatures.push(signature);
        self
    }

    /// The same key, revoked by itself.
    #[must_use]
    pub fn revoked(mut self) -> Self {
        let signature = self.sign_itself(SignatureType::KeyRevocation, Vec::new());
        self.key.details.revocation_signatures.push(signature);
        self
    }

    fn sign_itself(&self, kind: SignatureType, more: Vec<SubpacketData>) -> pgp::packet::Signature {
        let primary = &self.key.primary_key;
        let mut config = SignatureConfig::from_key(thread_rng(), primary, kind).unwrap();
        config.hashed_subpackets = [
            SubpacketData::SignatureCreationTime(Timestamp::now()),
            SubpacketData::IssuerFingerprint(primary.fingerprint()),
        ]
        .into_iter()
        .chain(more)
        .map(|data| Subpacket::regular(data).unwrap())
        .collect();
        config
            .sign_key(primary, &Password::empty(), primary.public_key())
            .unwrap()
    }

    /// The public certificate, armored.
    pub fn certificate(&self) -> String {
        self.key
            .to_public_key()
            .to_armored_string(pgp::composed::ArmorOptions::default())
            .unwrap()
    }

    /// The public certificate, binary.
    pub fn binary_certificate(&self) -> Vec<u8> {
        self.key.to_public_key().to_bytes().unwrap()
    }

    /// `text` with a signature in clear, as in an InRelease file.
    pub fn clearsign(&self, text: &str) -> String {
        self.clearsign_at(text, std::time::Duration::ZERO)
    }

    /// The same, signed so long ago.
    pub fn clearsign_at(&self, text: &str, before: std::time::Duration) -> String {
        match self.key.secret_subkeys.first() {
            Some(subkey) => clearsign(text, &subkey.key, before),
            None => clearsign(text, &self.key.primary_key, before),
        }
    }
}

fn clearsign(text: &str, key: &impl SigningKey, before: std::time::Duration) -> String {
    let mut config = SignatureConfig::from_key(thread_rng(), key, SignatureType::Text).unwrap();
    config.hashed_subpackets = vec![
        Subpacket::regular(SubpacketData::SignatureCreationTime(ago(before))).unwrap(),
        Subpacket::regular(SubpacketData::IssuerFingerprint(key.fingerprint())).unwrap(),
    ];
    CleartextSignedMessage::new(text, config, key, &Password::empty())
        .unwrap()
        .to_armored_string(pgp::composed::ArmorOptions::default())
        .unwrap()
}

fn ago(time: std::time::Duration) -> Timestamp {
    let seconds = u32::try_from(time.as_secs()).unwrap();
    Timestamp::from_secs(Timestamp::now().as_secs() - seconds)
}

impl Default for Signer {
    fn default() -> Self {
        Self::new()
    }
}
