//! The control.tar of a .deb: the control file, maintainer scripts and lists.

use std::io::Read;
use std::path::Path;

use kindling_base::{Error, Result};

use crate::{deb822, package};

/// No list or script of a real package comes near; more is a .deb that wants to fill the memory.
const MAX_MEMBER: u64 = 64 << 20;

/// A package's metadata, read from its .deb.
#[derive(Clone, Debug)]
pub struct Control {
    text: String,
    /// Every file but the control file, in the order of the archive.
    pub files: Vec<ControlFile>,
}

/// One file of a control.tar, such as `postinst` or `md5sums`.
#[derive(Clone, Debug)]
pub struct ControlFile {
    /// Its name.
    pub name: String,
    /// Its mode as the archive has it.
    pub mode: u32,
    /// Seconds since 1970.
    pub mtime: u64,
    /// Its content.
    pub content: Vec<u8>,
}

/// A configuration file that dpkg looks after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conffile {
    /// Path from the root, without the leading slash.
    pub path: String,
    /// An upgrade removes it, because the package no longer ships it, deb-conffiles(5).
    pub remove_on_upgrade: bool,
}

impl Control {
    /// Reads the control.tar of `deb`.
    ///
    /// # Errors
    /// The .deb is unsound, or lacks a control file with name, version and architecture.
    pub fn read(deb: &Path) -> Result<Self> {
        let unsound = |error| package::unsound(deb, error);
        let mut archive = package::open_control(deb)?;
        let mut text = None;
        let mut files = Vec::new();
        for entry in archive.entries().map_err(unsound)? {
            let mut entry = entry.map_err(unsound)?;
            if !entry.header().entry_type().is_file() {
                continue;
            }
            let path = entry.path_bytes().into_owned();
            let name = String::from_utf8_lossy(path.strip_prefix(b"./").unwrap_or(&path));
            let name = name.into_owned();
            if entry.size() > MAX_MEMBER || name.contains('/') || name.starts_with('.') {
                return Err(Error::external(format!(
                    "{} has an unsound control file `{name}`",
                    deb.display()
                )));
            }
            let (mode, mtime) = (entry.header().mode(), entry.header().mtime());
            let mut content = Vec::new();
            entry.read_to_end(&mut content).map_err(unsound)?;
            if name == "control" {
                text = Some(String::from_utf8_lossy(&content).into_owned());
            } else {
                files.push(ControlFile {
                    name,
                    mode: mode.map_err(unsound)?,
                    mtime: mtime.map_err(unsound)?,
                    content,
                });
            }
        }
        let control = Self {
            text: text.unwrap_or_default(),
            files,
        };
        for field in ["Package", "Version", "Architecture"] {
            let value = control.field(field);
            // The name becomes a part of file names, so it must be none that leads elsewhere (Policy 5.6.7).
            let plain = |c: char| c.is_ascii_alphanumeric() || "+-.:~".contains(c);
            if value.is_empty() || !value.chars().all(plain) || value.starts_with('.') {
                return Err(Error::external(format!(
                    "{} has no sound field `{field}` in its control file",
                    deb.display()
                )));
            }
        }
        Ok(control)
    }

    /// The control file as it is.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The fields, in order.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        deb822::paragraphs(&self.text)
            .next()
            .into_iter()
            .flat_map(deb822::Paragraph::fields)
    }

    /// The value of a field; empty where the field is missing.
    pub fn field(&self, name: &str) -> &str {
        self.fields()
            .find(|(field, _)| field.eq_ignore_ascii_case(name))
            .map_or("", |(_, value)| value)
    }

    /// The package's name.
    pub fn name(&self) -> &str {
        self.field("Package")
    }

    /// The name as dpkg's file names have it: with the architecture where several can be installed.
    pub fn instance(&self) -> String {
        if self.field("Multi-Arch") == "same" {
            format!("{}:{}", self.name(), self.field("Architecture"))
        } else {
            self.name().to_owned()
        }
    }

    /// A file of the control.tar.
    pub fn file(&self, name: &str) -> Option<&ControlFile> {
        self.files.iter().find(|file| file.name == name)
    }

    /// The lines of a file of the control.tar that are neither empty nor comments.
    pub fn lines(&self, name: &str) -> impl Iterator<Item = String> {
        let content = self.file(name).map_or(&[][..], |file| &file.content);
        let text = String::from_utf8_lossy(content).into_owned();
        text.lines()
            .map(|line| line.trim().to_owned())
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .collect::<Vec<_>>()
            .into_iter()
    }

    /// The package's conffiles, in order.
    pub fn conffiles(&self) -> Vec<Conffile> {
        self.lines("conffiles")
            .filter_map(|line| {
                let (flag, path) = match line.split_once(char::is_whitespace) {
                    Some((flag, path)) if !flag.starts_with('/') => (flag, path.trim_start()),
                    _ => ("", line.as_str()),
                };
                Some(Conffile {
                    path: path.strip_prefix('/')?.to_owned(),
                    remove_on_upgrade: flag == "remove-on-upgrade",
                })
            })
            .collect()
    }
}

impl Control {
    /// Metadata from the text of a control file alone, without scripts and lists.
    pub fn from_text(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            files: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instances_and_conffiles() {
        let mut control = Control::from_text(
            "Package: libx\nVersion: 1\nArchitecture: amd64\nMulti-Arch: same\n",
        );
        assert_eq!(control.instance(), "libx:amd64");
        let content = b"/etc/a\n/etc/with blank\nremove-on-upgrade /etc/old\n\n".to_vec();
        control.files.push(ControlFile {
            name: "conffiles".into(),
            mode: 0o644,
            mtime: 0,
            content,
        });
        let found = control.conffiles();
        let shown: Vec<(&str, bool)> = found
            .iter()
            .map(|c| (c.path.as_str(), c.remove_on_upgrade))
            .collect();
        assert_eq!(
            shown,
            [
                ("etc/a", false),
                ("etc/with blank", false),
                ("etc/old", true)
            ]
        );
    }
}
