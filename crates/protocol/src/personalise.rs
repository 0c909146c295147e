//! The new identity of a clone.

use serde::{Deserialize, Serialize};

/// The identity that a resumed guest takes. Unset fields stay as they are. Applying it twice is the same as once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Personalise {
    /// Random bytes in hexadecimal, at most 512 of them, for the kernel's random number generator, which then starts
    /// afresh from them. Done first: what follows may need random numbers.
    pub entropy: Option<String>,
    /// Wall clock, in nanoseconds since 1970, at the moment in which the message arrives.
    pub clock_ns: Option<u64>,
    /// The network card's new address.
    pub network: Option<Address>,
    /// The host's name.
    pub hostname: Option<String>,
    /// `/etc/machine-id`: 32 lowercase hexadecimal digits.
    pub machine_id: Option<String>,
    /// Whether to make new host keys for sshd, where there is one.
    pub ssh_host_keys: bool,
}

/// Addresses of a network card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// The card; `eth0` in our images.
    pub interface: String,
    /// Its hardware address, `02:00:00:00:00:01`, if that changes.
    pub mac: Option<String>,
    /// Its IPv4 address, instead of all that it has.
    pub address: std::net::Ipv4Addr,
    /// Length of the network's prefix.
    pub prefix: u8,
    /// The default gateway, if there is one.
    pub gateway: Option<std::net::Ipv4Addr>,
    /// Name servers; none leaves them as they are.
    #[serde(default)]
    pub dns: Vec<std::net::IpAddr>,
}

/// The steps in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Personalised {
    /// One for each thing that was asked.
    pub items: Vec<Item>,
    /// The time of all steps, in microseconds of a monotonic clock.
    pub took_us: u64,
}

/// One thing that was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// The field of [`Personalise`].
    pub name: String,
    /// The outcome.
    pub outcome: Outcome,
    /// Its time, in microseconds.
    pub took_us: u64,
}

/// The outcome of an [`Item`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is so now.
    Done,
    /// This guest has nothing of the kind.
    Absent,
    /// It could not be done, for this reason.
    Failed(String),
}

impl Personalised {
    /// The first thing that failed, with its reason.
    pub fn failure(&self) -> Option<(&str, &str)> {
        self.items.iter().find_map(|item| match &item.outcome {
            Outcome::Failed(why) => Some((item.name.as_str(), why.as_str())),
            Outcome::Done | Outcome::Absent => None,
        })
    }
}
