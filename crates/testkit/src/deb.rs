//! Tiny binary packages.

use std::io::Write;

/// A package to be built.
#[derive(Clone, Debug)]
pub struct Deb {
    /// Name.
    pub name: String,
    /// Version.
    pub version: String,
    /// `amd64` or `all`.
    pub architecture: String,
    /// Further lines of the control file, each `Field: value`.
    pub fields: Vec<String>,
    /// Files of the package: path without a leading slash, mode, content.
    pub files: Vec<(String, u32, Vec<u8>)>,
    /// Maintainer scripts: name such as `postinst`, and text.
    pub scripts: Vec<(String, String)>,
    /// A package that is there already: its control file without its last newline, and its bytes.
    pub made: Option<(String, Vec<u8>)>,
}

impl Deb {
    /// A package of the architecture `all` with one file, its documentation.
    pub fn new(name: &str, version: &str) -> Self {
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            architecture: "all".to_owned(),
            fields: Vec::new(),
            files: vec![(
                format!("usr/share/doc/{name}/copyright"),
                0o644,
                b"Public domain.\n".to_vec(),
            )],
            scripts: Vec::new(),
            made: None,
        }
    }

    /// A package `linux-source-6.1` whose kernel is configured until somebody ends it: whatever else fails in a build is then
    /// what the build fails of.
    pub fn endless_kernel(version: &str) -> Self {
        let makefile = "VERSION = 6\nPATCHLEVEL = 1\nSUBLEVEL = 0\nallnoconfig:\n\tsleep 600\n";
        let mut header = tar::Header::new_gnu();
        header.set_size(makefile.len() as u64);
        header.set_mode(0o644);
        let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 0);
        let mut archive = tar::Builder::new(&mut xz);
        let path = "linux-source-6.1/Makefile";
        archive
            .append_data(&mut header, path, makefile.as_bytes())
            .unwrap();
        archive.finish().unwrap();
        drop(archive);
        let name = "linux-source-6.1";
        Self::new(name, version).file(
            &format!("usr/src/{name}.tar.xz"),
            0o644,
            &xz.finish().unwrap(),
        )
    }

    /// A real package, as it is.
    pub fn made(bytes: Vec<u8>) -> Self {
        let control = control_of(&bytes);
        let value = |field: &str| {
            let line = control.lines().find_map(|line| line.strip_prefix(field));
            line.and_then(|rest| rest.strip_prefix(": ")).unwrap()
        };
        let mut deb = Self::new(value("Package"), value("Version"));
        deb.architecture = value("Architecture").to_owned();
        deb.made = Some((control.trim_end().to_owned(), bytes));
        deb
    }

    /// The same package with its members compressed by zstd, as Ubuntu's are since 21.10.
    #[must_use]
    pub fn zstd(mut self) -> Self {
        let bytes = self.build();
        let mut packed = b"!<arch>\n".to_vec();
        for (name, content) in members(&bytes) {
            match name
                .strip_suffix(".xz")
                .or_else(|| name.ends_with(".tar").then_some(name))
            {
                Some(plain) => {
                    let tar = unpacked(name, content);
                    let zst = zstd::encode_all(tar.as_slice(), 1).unwrap();
                    member(&mut packed, &format!("{plain}.zst"), &zst);
                }
                None => member(&mut packed, name, content),
            }
        }
        self.made = Some((self.control().trim_end().to_owned(), packed));
        self
    }

    /// Adds a line to the control file: `Depends: libc6`.
    #[must_use]
    pub fn field(mut self, line: &str) -> Self {
        self.fields.push(line.to_owned());
        self
    }

    /// Adds a file.
    #[must_use]
    pub fn file(mut self, path: &str, mode: u32, content: &[u8]) -> Self {
        self.files.push((path.to_owned(), mode, content.to_vec()));
        self
    }

    /// Adds a maintainer script.
    #[must_use]
    pub fn script(mut self, name: &str, text: &str) -> Self {
        self.scripts.push((name.to_owned(), text.to_owned()));
        self
    }

    /// The control file, without the fields that an index adds.
    pub fn control(&self) -> String {
        if let Some((control, _)) = &self.made {
            return format!("{control}\n");
        }
        let mut text = format!(
            "Package: {}\nVersion: {}\nArchitecture: {}\nMaintainer: Tests <tests@archive.test>\n",
            self.name, self.version, self.architecture
        );
        for line in &self.fields {
            text.push_str(line);
            text.push('\n');
        }
        text.push_str("Description: a package for tests\n");
        text
    }

    /// The name of its file in a pool: without the epoch, as dpkg-name makes it.
    pub fn file_name(&self) -> String {
        let version = self
            .version
            .split_once(':')
            .map_or(self.version.as_str(), |(_, v)| v);
        format!("{}_{version}_{}.deb", self.name, self.architecture)
    }

    /// The bytes of the .deb: an `ar` archive of uncompressed `tar` archives, deb(5).
    pub fn build(&self) -> Vec<u8> {
        if let Some((_, bytes)) = &self.made {
            return bytes.clone();
        }
        let mut control = vec![("./control".to_owned(), 0o644, self.control().into_bytes())];
        for (name, text) in &self.scripts {
            control.push((format!("./{name}"), 0o755, text.clone().into_bytes()));
        }
        let data = self
            .files
            .iter()
            .map(|(path, mode, content)| (format!("./{path}"), *mode, content.clone()));
        ar(&[
            ("debian-binary", b"2.0\n"),
            ("control.tar", &archive(control.into_iter())),
            ("data.tar", &archive(data)),
        ])
    }
}

/// An `ar` archive of members, each with its name.
pub fn ar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = b"!<arch>\n".to_vec();
    for (name, content) in members {
        member(&mut archive, name, content);
    }
    archive
}

fn archive(files: impl Iterator<Item = (String, u32, Vec<u8>)>) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut folders = std::collections::BTreeSet::new();
    for (path, mode, content) in files {
        for (end, _) in path.match_indices('/') {
            let folder = &path[..=end];
            if folders.insert(folder.to_owned()) {
                append(&mut archive, folder, tar::EntryType::Directory, 0o755, &[]);
            }
        }
        append(&mut archive, &path, tar::EntryType::Regular, mode, &content);
    }
    archive.into_inner().unwrap()
}

fn append(
    archive: &mut tar::Builder<Vec<u8>>,
    path: &str,
    kind: tar::EntryType,
    mode: u32,
    content: &[u8],
) {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(content.len() as u64);
    header.set_uid(0);
    header.set_gid(0);
    header.set_username("root").unwrap();
    header.set_groupname("root").unwrap();
    // The builder's own way to set a path drops the leading `./` that dpkg-deb writes.
    let field = &mut header.as_gnu_mut().unwrap().name;
    field[..path.len()].copy_from_slice(path.as_bytes());
    header.set_cksum();
    archive.append(&header, content).unwrap();
}

/// Names and contents of the members of an `ar` archive.
fn members(mut archive: &[u8]) -> Vec<(&str, &[u8])> {
    archive = archive.strip_prefix(b"!<arch>\n").unwrap();
    let mut members = Vec::new();
    while let Some((header, rest)) = archive.split_at_checked(60) {
        let text =
            |range: std::ops::Range<usize>| std::str::from_utf8(&header[range]).unwrap().trim();
        let length: usize = text(48..58).parse().unwrap();
        members.push((text(0..16).trim_end_matches('/'), &rest[..length]));
        archive = rest.get(length + length % 2..).unwrap_or_default();
    }
    members
}

/// A member without its compression.
fn unpacked(name: &str, content: &[u8]) -> Vec<u8> {
    let mut tar = Vec::new();
    if name.ends_with(".xz") {
        let mut decoder = liblzma::read::XzDecoder::new(content);
        std::io::Read::read_to_end(&mut decoder, &mut tar).unwrap();
    } else {
        tar.extend_from_slice(content);
    }
    tar
}

/// The control file in a .deb.
fn control_of(deb: &[u8]) -> String {
    let members = members(deb);
    let (name, content) = members
        .iter()
        .find(|(name, _)| name.starts_with("control.tar"))
        .unwrap();
    let tar = unpacked(name, content);
    let mut archive = tar::Archive::new(tar.as_slice());
    let mut entries = archive.entries().unwrap().map(Result::unwrap);
    let mut entry = entries
        .find(|entry| entry.path_bytes().ends_with(b"control"))
        .unwrap();
    let mut text = String::new();
    std::io::Read::read_to_string(&mut entry, &mut text).unwrap();
    text
}

/// One member of an `ar` archive: a header of 60 bytes, the content, padding to an even length.
fn member(archive: &mut Vec<u8>, name: &str, content: &[u8]) {
    let length = content.len();
    writeln!(
        archive,
        "{name:<16}{:<12}{:<6}{:<6}{:<8}{length:<10}`",
        0, 0, 0, 100_644
    )
    .unwrap();
    archive.extend_from_slice(content);
    if length % 2 == 1 {
        archive.push(b'\n');
    }
}
