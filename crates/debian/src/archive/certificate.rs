//! The check of OpenPGP keys: self-signatures, revocations, lifetimes and purposes.

use std::time::SystemTime;

use pgp::composed::{SignedPublicKey, SignedPublicSubKey};
use pgp::packet::{KeyFlags, SignatureType};
use pgp::types::{KeyDetails, Tag};

use super::date;

/// Whether the primary key is certified by itself, not revoked, not expired, and may sign if it has to.
pub(crate) fn primary_is_valid(
    certificate: &SignedPublicKey,
    has_to_sign: bool,
    at: SystemTime,
) -> Result<(), String> {
    let key = &certificate.primary_key;
    let details = &certificate.details;
    if details
        .revocation_signatures
        .iter()
        .any(|s| s.verify_key(key).is_ok())
    {
        return Err("the key is revoked".to_owned());
    }
    let by_user = details.users.iter().flat_map(|user| {
        user.signatures.iter().filter(|s| {
            s.is_certification() && s.verify_certification(key, Tag::UserId, &user.id).is_ok()
        })
    });
    let direct = details
        .direct_signatures
        .iter()
        .filter(|s| s.verify_key(key).is_ok());
    let newest = by_user
        .chain(direct)
        .max_by_key(|s| s.created())
        .ok_or("the key has no valid signature of its own")?;
    expired(
        Some(key.created_at().into()),
        newest.key_expiration_time(),
        at,
    )
    .map_err(|when| format!("the key expired on {when}"))?;
    let flags = newest.key_flags();
    if has_to_sign && !flags.sign() && flags != KeyFlags::default() {
        return Err("the key is not one for signing".to_owned());
    }
    Ok(())
}

/// Whether the subkey is bound for signing by both keys, not revoked and not expired.
pub(crate) fn subkey_is_valid(
    certificate: &SignedPublicKey,
    subkey: &SignedPublicSubKey,
    at: SystemTime,
) -> Result<(), String> {
    let primary = &certificate.primary_key;
    let valid = |kind: SignatureType| {
        subkey.signatures.iter().filter(move |s| {
            s.typ() == Some(kind) && s.verify_subkey_binding(primary, &subkey.key).is_ok()
        })
    };
    if valid(SignatureType::SubkeyRevocation).next().is_some() {
        return Err("the subkey is revoked".to_owned());
    }
    let binding = valid(SignatureType::SubkeyBinding)
        .max_by_key(|s| s.created())
        .ok_or("the subkey is not bound to its key")?;
    expired(
        Some(subkey.key.created_at().into()),
        binding.key_expiration_time(),
        at,
    )
    .map_err(|when| format!("the subkey expired on {when}"))?;
    // RFC 9580, 5.2.1.8: without a signature back, anyone could claim another's signing key.
    let backward = binding
        .embedded_signature()
        .is_some_and(|s| s.verify_primary_key_binding(&subkey.key, primary).is_ok());
    if !binding.key_flags().sign() || !backward {
        return Err("the subkey is not one for signing".to_owned());
    }
    Ok(())
}

/// An error with the day if what began at `start` and lives for `life` is over at `at`; no life is forever.
pub(crate) fn expired(
    start: Option<SystemTime>,
    life: Option<pgp::types::Duration>,
    at: SystemTime,
) -> Result<(), String> {
    match (start, life.map(std::time::Duration::from)) {
        (Some(start), Some(life)) if !life.is_zero() && start + life <= at => {
            Err(date::format(start + life))
        }
        _ => Ok(()),
    }
}
