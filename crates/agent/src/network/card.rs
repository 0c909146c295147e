//! Network cards, as /sys has them.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

const CARDS: &str = "/sys/class/net";
/// ARPHRD_ETHER of `linux/if_arp.h`.
const ETHERNET: &str = "1";
/// The card that is waited for where any will do: the kernel's name for the first.
const FIRST: &str = "eth0";
/// The pause between two looks for a card.
const AGAIN: Duration = Duration::from_millis(5);

/// The card of this name, or the first. Waits for it: its driver may be a module that is still to be loaded.
///
/// The error names those that there are.
pub(super) fn find(name: Option<&str>, wait: Duration) -> Result<String, String> {
    let until = Instant::now() + wait;
    loop {
        let found = match name {
            Some(name) => Path::new(CARDS)
                .join(name)
                .exists()
                .then(|| name.to_owned()),
            None => first(),
        };
        if let Some(found) = found {
            return Ok(found);
        }
        if Instant::now() >= until {
            let name = name.unwrap_or(FIRST);
            let present = names().join(" ");
            return Err(format!("there is no device {name} (there are: {present})"));
        }
        thread::sleep(AGAIN);
    }
}

/// The Ethernet device with the lowest index; one with hardware behind it, as a virtio card has, comes before a bridge or a
/// tunnel.
fn first() -> Option<String> {
    let rank = |name: &String| {
        let path = Path::new(CARDS).join(name);
        let read = |file: &str| fs::read_to_string(path.join(file)).ok();
        let index: u32 = read("ifindex")?.trim().parse().ok()?;
        let is_ethernet = read("type")?.trim() == ETHERNET;
        is_ethernet.then(|| (!path.join("device").exists(), index))
    };
    let ranked = names()
        .into_iter()
        .filter_map(|name| Some((rank(&name)?, name)));
    ranked.min().map(|(_, name)| name)
}

/// The names of all devices, sorted.
fn names() -> Vec<String> {
    let entries = fs::read_dir(CARDS).into_iter().flatten();
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}
