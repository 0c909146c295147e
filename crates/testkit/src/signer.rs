//! Throwaway OpenPGP keys.

use pgp::composed::{
    CleartextSignedMessage, EncryptionCaps, KeyType, SecretKeyParamsBuilder, SignedSecretKey,
    SubkeyParamsBuilder,
};
use pgp::packet::{SignatureConfig, SignatureType, Subpacket, SubpacketData};
use pgp::types::{Duration, KeyDetails, Password, Timestamp};
use rand::thread_rng;

/// Keys are made a year before the tests run, so that they can have expired.
const AGE: u32 = 365 * 86_400;

/// A key that signs.
#[derive(Debug)]
pub struct Signer {
    key: SignedSecretKey,
}

impl Signer {
    /// An Ed25519 key that signs by itself.
    pub fn new() -> Self {
        Self::generate(false)
    }

    /// An Ed25519 key with a subkey, and it is the subkey that signs.
    pub fn with_subkey() -> Self {
        Self::generate(true)
    }

    fn generate(subkey: bool) -> Self {
        let created = Timestamp::from_secs(Timestamp::now().as_secs() - AGE);
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

    /// `text` with a signature in clear, as in an InRelease file.
    pub fn clearsign(&self, text: &str) -> String {
        let password = Password::empty();
        let message = match self.key.secret_subkeys.first() {
            Some(subkey) => {
                CleartextSignedMessage::sign(thread_rng(), text, &subkey.key, &password)
            }
            None => {
                CleartextSignedMessage::sign(thread_rng(), text, &self.key.primary_key, &password)
            }
        };
        message
            .unwrap()
            .to_armored_string(pgp::composed::ArmorOptions::default())
            .unwrap()
    }
}

impl Default for Signer {
    fn default() -> Self {
        Self::new()
    }
}
