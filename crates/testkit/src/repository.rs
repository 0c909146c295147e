//! A signed archive of tiny packages, in a folder.

use std::path::{Path, PathBuf};

use kindling_base::hash;

use crate::{Deb, Signer};

/// One suite of an archive.
#[derive(Clone, Debug)]
pub struct Suite {
    /// Folder below `dists`, and what the Release file says unless told otherwise.
    pub name: String,
    /// `Suite` of the Release file.
    pub suite: String,
    /// `Codename` of the Release file.
    pub codename: String,
    /// `Date` of the Release file.
    pub date: String,
    /// `Valid-Until` of the Release file, where it has one.
    pub valid_until: Option<String>,
    /// `Architectures` of the Release file.
    pub architectures: String,
    /// Packages of the component `main`.
    pub packages: Vec<Deb>,
    /// Further components, `universe` or `restricted`, and their packages.
    pub more: Vec<(String, Vec<Deb>)>,
}

impl Suite {
    /// A suite for amd64 that never expires.
    pub fn new(name: &str, packages: Vec<Deb>) -> Self {
        Self {
            name: name.to_owned(),
            suite: name.to_owned(),
            codename: name.to_owned(),
            date: "Thu, 01 Jan 2026 00:00:00 UTC".to_owned(),
            valid_until: None,
            architectures: "amd64".to_owned(),
            packages,
            more: Vec::new(),
        }
    }

    /// Adds a component.
    #[must_use]
    pub fn component(mut self, name: &str, packages: Vec<Deb>) -> Self {
        self.more.push((name.to_owned(), packages));
        self
    }
}

/// A folder in the shape of a Debian archive.
#[derive(Clone, Debug)]
pub struct Repository {
    folder: PathBuf,
}

impl Repository {
    /// An archive in `folder`, which may be empty.
    pub fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    /// Writes the packages of `suite`, its index (plain and xz, also by hash) and its signed Release file.
    pub fn publish(&self, suite: &Suite, signer: &Signer) {
        let dists = format!("dists/{}", suite.name);
        let mut sums = self.write_component(&dists, "main", &suite.packages);
        let mut components = "main".to_owned();
        for (name, packages) in &suite.more {
            sums.push_str(&self.write_component(&dists, name, packages));
            components.push_str(&format!(" {name}"));
        }
        let mut release = format!(
            "Origin: Tests\nSuite: {}\nCodename: {}\nDate: {}\n",
            suite.suite, suite.codename, suite.date
        );
        if let Some(date) = &suite.valid_until {
            release.push_str(&format!("Valid-Until: {date}\n"));
        }
        release.push_str(&format!(
            "Acquire-By-Hash: yes\nArchitectures: {}\nComponents: {components}\nSHA256:\n{sums}",
            suite.architectures
        ));
        self.write(
            &format!("{dists}/InRelease"),
            signer.clearsign(&release).as_bytes(),
        );
    }

    /// Writes a component's .debs and its index, and returns the lines of a Release file for that.
    fn write_component(&self, dists: &str, component: &str, packages: &[Deb]) -> String {
        let packages = self.write_packages(component, packages);
        let mut xz = liblzma::read::XzEncoder::new(packages.as_bytes(), 1);
        let mut packed = Vec::new();
        std::io::Read::read_to_end(&mut xz, &mut packed).unwrap();
        let mut sums = String::new();
        for (name, content) in [("Packages", packages.as_bytes()), ("Packages.xz", &packed)] {
            let path = format!("{component}/binary-amd64/{name}");
            let sha256 = hash::bytes(content);
            self.write(&format!("{dists}/{path}"), content);
            self.write(
                &format!("{dists}/{component}/binary-amd64/by-hash/SHA256/{sha256}"),
                content,
            );
            sums.push_str(&format!(" {sha256} {:8} {path}\n", content.len()));
        }
        sums
    }

    /// Writes the .debs and returns the index that lists them.
    fn write_packages(&self, component: &str, packages: &[Deb]) -> String {
        let mut index = String::new();
        for deb in packages {
            let bytes = deb.build();
            let path = format!("pool/{component}/{}", deb.file_name());
            self.write(&path, &bytes);
            index.push_str(&format!(
                "{}Filename: {path}\nSize: {}\nSHA256: {}\n\n",
                deb.control(),
                bytes.len(),
                hash::bytes(&bytes)
            ));
        }
        index
    }

    fn write(&self, path: &str, content: &[u8]) {
        let path = self.folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
}
