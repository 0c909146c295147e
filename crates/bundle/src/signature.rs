//! Signatures over a bundle's checksums, in the format of minisign.

use std::collections::BTreeMap;
use std::path::Path;

use kindling_base::{Error, Result, files, hash};
use minisign_verify::{PublicKey, Signature};

use crate::SUMS;

/// Name of the signature inside a bundle, over [`SUMS`].
pub const SIGNATURE: &str = "SHA256SUMS.minisig";

/// Proves that the bundle in `folder` was signed with the key, and that each of its files is what was signed.
///
/// `key` is a public key of minisign: its base64 form, or the path of its file.
///
/// # Errors
/// The signature is missing, of another key or of another list; a file is missing, changed or not listed.
pub fn verify_signature(folder: &Path, key: &str) -> Result<()> {
    let key = public_key(key)?;
    let path = folder.join(SIGNATURE);
    if !path.exists() {
        return Err(Error::user(format!(
            "{} is not signed: it has no {SIGNATURE}",
            folder.display()
        ))
        .hint("sign it with `cargo xtask build-image --sign-key KEY`"));
    }
    let signature = Signature::decode(&files::read_text(&path)?).map_err(|error| {
        Error::user(format!("{} is no signature of minisign", path.display())).because(error)
    })?;
    let sums = files::read(&folder.join(SUMS))?;
    // No legacy signatures: those of files that were not hashed first.
    key.verify(&sums, &signature, false).map_err(|error| {
        Error::user(format!(
            "the signature of {} is not of this key and these files",
            folder.display()
        ))
        .because(error)
        .hint("the bundle was changed, or signed with another key: ask who built it")
    })?;
    check_sums(folder, &String::from_utf8_lossy(&sums))
}

fn public_key(key: &str) -> Result<PublicKey> {
    let wrong = |error: minisign_verify::Error| {
        Error::user(format!("`{key}` is no public key of minisign"))
            .because(error)
            .hint("give the file that `minisign -G` wrote, such as kindling.pub, or the line of base64 in it")
    };
    if Path::new(key).exists() {
        return PublicKey::decode(&files::read_text(Path::new(key))?).map_err(wrong);
    }
    PublicKey::from_base64(key).map_err(wrong)
}

/// Each listed file has its hash, and no other file is there.
fn check_sums(folder: &Path, sums: &str) -> Result<()> {
    let mut listed: BTreeMap<String, &str> = BTreeMap::new();
    for line in sums.lines() {
        if let Some((sha256, name)) = line.split_once("  ") {
            listed.insert(name.to_owned(), sha256);
        }
    }
    let damaged = |error: Error| {
        error.hint("the bundle is damaged: build it again with `cargo xtask build-image`")
    };
    for path in files::list(folder)? {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if name == SUMS || name == SIGNATURE {
            continue;
        }
        let Some(expected) = listed.remove(&name) else {
            return Err(damaged(Error::user(format!(
                "{} is not listed in {SUMS}",
                path.display()
            ))));
        };
        let computed = hash::file(&path)?;
        if computed != expected {
            let error = Error::user(format!("{} is not what was signed", path.display()));
            return Err(damaged(error.note(format!(
                "expected sha256 {expected}\ncomputed sha256 {computed}"
            ))));
        }
    }
    match listed.keys().next() {
        None => Ok(()),
        Some(missing) => Err(damaged(Error::user(format!(
            "{} has no {missing}, which {SUMS} lists",
            folder.display()
        )))),
    }
}
