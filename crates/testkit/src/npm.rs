//! A registry of npm packages as a folder, for a [`crate::LoopbackMirror`] to serve.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha512};

/// A registry in a folder: `NAME/index.json` and `NAME/-/BASE-VERSION.tgz`.
#[derive(Debug)]
pub struct NpmRegistry {
    folder: PathBuf,
    /// The address that its documents name.
    url: String,
}

impl NpmRegistry {
    /// A registry in `folder` that is served at `url`.
    pub fn new(folder: &Path, url: &str) -> Self {
        Self {
            folder: folder.to_owned(),
            url: url.to_owned(),
        }
    }

    /// Publishes a version, which becomes the latest: `about` is what its `package.json` has besides name and version,
    /// `files` are further files, paths and contents. Returns its `integrity`.
    pub fn publish(
        &self,
        name: &str,
        version: &str,
        about: Value,
        files: &[(&str, &str)],
    ) -> String {
        let mut about = about;
        about["name"] = name.into();
        about["version"] = version.into();
        let package = about.to_string();
        let all = files
            .iter()
            .copied()
            .chain([("package.json", package.as_str())]);
        let tarball = tgz(all);
        let integrity = format!(
            "sha512-{}",
            BASE64_STANDARD.encode(Sha512::digest(&tarball))
        );
        let path = self.tarball(name, version);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &tarball).unwrap();
        let path = path
            .strip_prefix(&self.folder)
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        about["dist"] = json!({"tarball": format!("{}/{path}", self.url), "integrity": integrity});
        let mut document = self.document(name);
        document["versions"][version] = about;
        document["dist-tags"]["latest"] = version.into();
        self.write(name, &document);
        integrity
    }

    /// Takes a version away, document and tarball; the one that is `latest` then is `latest`.
    pub fn unpublish(&self, name: &str, version: &str, latest: &str) {
        fs::remove_file(self.tarball(name, version)).unwrap();
        let mut document = self.document(name);
        document["versions"]
            .as_object_mut()
            .unwrap()
            .remove(version);
        document["dist-tags"]["latest"] = latest.into();
        self.write(name, &document);
    }

    /// Where a tarball is.
    pub fn tarball(&self, name: &str, version: &str) -> PathBuf {
        let base = name.rsplit('/').next().unwrap();
        self.folder.join(format!("{name}/-/{base}-{version}.tgz"))
    }

    fn document(&self, name: &str) -> Value {
        let text = fs::read(self.folder.join(name).join("index.json"));
        let new = || json!({"name": name, "dist-tags": {}, "versions": {}});
        text.map_or_else(|_| new(), |text| serde_json::from_slice(&text).unwrap())
    }

    fn write(&self, name: &str, document: &Value) {
        fs::write(
            self.folder.join(name).join("index.json"),
            document.to_string(),
        )
        .unwrap();
    }
}

fn tgz<'a>(files: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<u8> {
    let gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut tar = tar::Builder::new(gz);
    for (path, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        let path = format!("package/{path}");
        tar.append_data(&mut header, path, content.as_bytes())
            .unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}
