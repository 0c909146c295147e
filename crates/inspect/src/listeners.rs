//! Listeners of a system: its socket units, and services of programs that are known to listen.

use std::collections::BTreeSet;

use kindling_base::Result;
use serde::Serialize;

use crate::listing::{Kind, Listing};

/// Folders of units; earlier ones win, systemd.unit(5).
const FOLDERS: [&str; 2] = ["etc/systemd/system/", "usr/lib/systemd/system/"];

/// Programs that open ports by themselves, with what they listen on when nobody configures them otherwise.
const SERVERS: [(&str, &str); 8] = [
    ("apache2", "80/tcp"),
    ("cupsd", "631/tcp"),
    ("exim4", "25/tcp"),
    ("lighttpd", "80/tcp"),
    ("nginx", "80/tcp"),
    ("sshd", "22/tcp"),
    ("websockify", "6080/tcp"),
    ("x11vnc", "5900/tcp"),
];

/// A unit that listens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Listener {
    /// The unit.
    pub unit: String,
    /// Addresses, ports and paths, as the unit has them.
    pub listens: Vec<String>,
    /// Whether it is started with the system.
    pub enabled: bool,
}

/// All units that listen, sorted by name.
pub(super) fn listeners(listing: &Listing) -> Result<Vec<Listener>> {
    let enabled = enabled(listing);
    let mut seen = BTreeSet::new();
    let mut found = BTreeSet::new();
    for folder in FOLDERS {
        for (path, node) in &listing.nodes {
            let Some(unit) = path.strip_prefix(folder.as_bytes()) else {
                continue;
            };
            let unit = String::from_utf8_lossy(unit).into_owned();
            let kind = unit.rsplit('.').next().unwrap_or_default();
            let wanted = !unit.contains('/') && matches!(kind, "socket" | "service");
            if !wanted || !seen.insert(unit.clone()) || node.kind != Kind::File {
                continue; // a link is an alias, or masks the unit
            }
            let text = String::from_utf8_lossy(&listing.content(path)?).into_owned();
            let listens = match kind {
                "socket" => sockets(&text),
                _ => servers(&text),
            };
            if !listens.is_empty() {
                let enabled = enabled.contains(&unit);
                found.insert(Listener {
                    unit,
                    listens,
                    enabled,
                });
            }
        }
    }
    Ok(found.into_iter().collect())
}

/// Units that others want or require.
fn enabled(listing: &Listing) -> BTreeSet<String> {
    let mut enabled = BTreeSet::new();
    for path in listing.nodes.keys() {
        let text = String::from_utf8_lossy(path);
        let inside = FOLDERS.iter().find_map(|folder| text.strip_prefix(folder));
        let Some((folder, unit)) = inside.and_then(|inside| inside.split_once('/')) else {
            continue;
        };
        if folder.ends_with(".wants") || folder.ends_with(".requires") {
            enabled.insert(unit.to_owned());
        }
    }
    enabled
}

/// `ListenStream=` and its kin, systemd.socket(5).
fn sockets(text: &str) -> Vec<String> {
    let listen = |line: &str| {
        let (key, value) = line.trim().split_once('=')?;
        let kind = key.trim().strip_prefix("Listen")?;
        Some(format!("{} {}", value.trim(), kind.to_lowercase()))
    };
    text.lines().filter_map(listen).collect()
}

fn servers(text: &str) -> Vec<String> {
    let command = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("ExecStart="));
    let program = command.and_then(|command| command.split_whitespace().next());
    let name = program
        .and_then(|program| program.rsplit('/').next())
        .unwrap_or_default();
    let known = SERVERS.iter().filter(|(server, _)| *server == name);
    known.map(|(_, port)| (*port).to_owned()).collect()
}
