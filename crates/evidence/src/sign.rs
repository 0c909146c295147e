//! Signing a bundle's checksums, as minisign does.

use std::fmt;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use kindling_base::{Error, Result, files};
use kindling_bundle::{SIGNATURE, SUMS};
use minisign::{PublicKey, SecretKey, SecretKeyBox};

/// The variable that has the password of the secret key.
const PASSWORD: &str = "KINDLING_SIGN_PASSWORD";

/// Bytes of a secret key: algorithms, salt, limits, number, key and checksum (minisign's documentation, "Secret key
/// format").
const KEY_LENGTH: usize = 158;

/// A secret key of minisign, ready to sign.
pub struct Signer {
    key: SecretKey,
    path: PathBuf,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Signer {
    /// Reads a secret key, as `minisign -G` writes one; its password, if it has one, is in `KINDLING_SIGN_PASSWORD`.
    ///
    /// # Errors
    /// The file does not hold a secret key, or the password is missing or wrong.
    pub fn read(path: &Path) -> Result<Self> {
        let text = files::read_text(path)?;
        let hint = "make a pair of keys with `minisign -G -W -s kindling.key -p kindling.pub`; -W leaves out the password";
        let wrong =
            || Error::user(format!("{} is no secret key of minisign", path.display())).hint(hint);
        let line = text.lines().nth(1).unwrap_or_default();
        let bytes = BASE64_STANDARD
            .decode(line)
            .map_err(|error| wrong().because(error))?;
        if bytes.len() != KEY_LENGTH {
            return Err(wrong()); // a public key has the same form and is shorter
        }
        if bytes[2..4] == [0, 0] {
            // No password. Read as it is: the stock tool leaves out the checksum that the crate would look for.
            let key = SecretKey::from_bytes(&bytes).map_err(|error| wrong().because(error))?;
            return Ok(Self {
                key,
                path: path.to_owned(),
            });
        }
        let Ok(password) = std::env::var(PASSWORD) else {
            return Err(
                Error::user(format!("the secret key {} has a password", path.display()))
                    .hint(format!("set {PASSWORD} to it")),
            );
        };
        let boxed = SecretKeyBox::from_string(&text).map_err(|error| wrong().because(error))?;
        let key = boxed.into_secret_key(Some(password)).map_err(|error| {
            Error::user(format!(
                "the password in {PASSWORD} does not open {}",
                path.display()
            ))
            .because(error)
        })?;
        Ok(Self {
            key,
            path: path.to_owned(),
        })
    }
}

/// Signs the bundle in `folder`: writes `SHA256SUMS.minisig`, which the stock minisign verifies. A signature of the same
/// key that fits is left as it is; returns whether one was written.
///
/// # Errors
/// The folder cannot be read or written.
pub fn sign(folder: &Path, signer: &Signer) -> Result<bool> {
    let failed = |error: minisign::PError| {
        Error::internal(format!("cannot sign with {}", signer.path.display())).because(error)
    };
    let public = PublicKey::from_secret_key(&signer.key).map_err(failed)?;
    if kindling_bundle::verify_signature(folder, &public.to_base64()).is_ok() {
        return Ok(false);
    }
    let sums = files::read(&folder.join(SUMS))?;
    let what = format!(
        "kindling bundle {}",
        folder.file_name().unwrap_or_default().to_string_lossy()
    );
    let signed = minisign::sign(
        None,
        &signer.key,
        Cursor::new(sums),
        Some(&what),
        Some("signed by kindling"),
    );
    let text = signed.map_err(failed)?.into_string();
    files::write_atomic(&folder.join(SIGNATURE), text.as_bytes(), 0o444)?;
    Ok(true)
}
