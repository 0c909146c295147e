//! The user's configuration file, `~/.config/kindling/config.toml`: what of it concerns the launcher.

use std::path::{Path, PathBuf};

use kindling_base::{Error, Result, files};
use serde::Deserialize;

use crate::network::NetworkConfig;
use crate::start::limits::Limits;

/// Sections that the launcher reads; others are for the builder, which reads the same file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Config {
    /// Where VMs with TAPs are attached.
    pub(crate) network: NetworkConfig,
    /// How much all VMs together may take.
    pub(crate) limits: Limits,
}

impl Config {
    /// The configuration of the user who runs this process; the defaults where there is no file.
    ///
    /// # Errors
    /// The file cannot be read or does not parse.
    pub(crate) fn of_this_user() -> Result<Self> {
        let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let folder = set("XDG_CONFIG_HOME")
            .map(PathBuf::from)
            .or_else(|| Some(Path::new(&set("HOME")?).join(".config")));
        match folder.map(|folder| folder.join("kindling/config.toml")) {
            Some(path) if path.exists() => parse(&path),
            _ => Ok(Self::default()),
        }
    }
}

fn parse(path: &Path) -> Result<Config> {
    toml::from_str(&files::read_text(path)?).map_err(|error| {
        // The message of the TOML crate shows the line and points at the place.
        Error::user(format!("{} does not parse", path.display()))
            .note(error.to_string().trim_end())
            .hint("[network] takes bridge, address, dns, isolate, nat and egress; [limits] memory_mib, vcpus, vms and disk_mib")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_of_others_are_left_to_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        let text = "[mirrors]\ndebian = \"x\"\n[network]\nbridge = \"br7\"\negress = [\"192.0.2.7:443\"]\n";
        std::fs::write(&path, text).unwrap();
        let network = parse(&path).unwrap().network;
        assert_eq!(network.bridge, "br7");
        assert_eq!(network.egress.unwrap()[0].to_string(), "192.0.2.7:443");
        assert!(network.isolate, "what is not said is as ever");

        std::fs::write(&path, "[network]\nbrigde = \"br7\"\n").unwrap();
        let report = parse(&path).unwrap_err().report();
        assert!(report.contains("line 2"), "{report}");
        assert!(report.contains("unknown field `brigde`"), "{report}");
    }
}
