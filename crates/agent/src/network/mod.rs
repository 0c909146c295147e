//! Configures the network from the kernel command line, on kernels with and without CONFIG_IP_PNP.
//!
//! ```text
//! ip=CLIENT:SERVER:GATEWAY:NETMASK:HOSTNAME:DEVICE:AUTOCONF:DNS0:DNS1   once for each device
//! ip=dhcp, or AUTOCONF dhcp without CLIENT                              ask a DHCP server
//! nameserver=ADDRESS                                                    any number of times
//! ```
//!
//! The fields mean what Documentation/admin-guide/nfs/nfsroot.rst of the kernel says; SERVER is not used here. NETMASK is dotted
//! or a prefix length; without it the class of the address decides, as in the kernel. An empty DEVICE is the first Ethernet
//! card. IPv6 addresses stand in brackets. What the kernel has configured already stays as it is.
//!
//! A word that cannot be honoured is reported and the next one is taken: that stops nothing.
//!
//! One short process (`kindling-agent --network`) that asks the kernel directly: whoever waits for a guest's first answer waits
//! for this too.

mod card;
mod dhcp;
mod options;
mod word;

use std::fs;
use std::io;
use std::net::IpAddr;

use crate::netlink::{self, Gateway, Netlink};
use crate::personalise;
use crate::resolv;
use word::{Auto, Card, Word};

pub use options::Options;

/// The metric of a second default route; each further one has one more. The first gateway has 0 and is the one that is used.
const METRIC: u32 = 100;

/// The state while the command line is honoured, word by word.
#[derive(Debug, Default)]
struct Configured {
    gateways: u32,
    nameservers: Vec<IpAddr>,
    /// Failures, each with the word that asked for it.
    complaints: Vec<String>,
}

/// Honours the command line. Returns what of it could not be done, a line each.
pub fn configure(options: &Options) -> Vec<String> {
    let mut done = Configured::default();
    if let Err(error) = up("lo") {
        done.complaints.push(format!("lo: {error}"));
    }
    let cmdline = match fs::read_to_string(&options.cmdline) {
        Ok(cmdline) => cmdline,
        Err(error) => {
            let path = options.cmdline.display();
            done.complaints.push(format!("{path}: {error}"));
            String::new()
        }
    };
    // What follows is the init's, not the kernel's.
    let words = cmdline.split_whitespace().take_while(|word| *word != "--");
    for text in words {
        match word::parse(text) {
            Some(Ok(Word::Card(card))) => done.card(text, *card, options),
            Some(Ok(Word::Nameserver(server))) => done.nameserver(server),
            Some(Err(complaint)) => done.complain(text, complaint),
            None => {}
        }
    }
    let by = "kindling-network.service from the kernel command line";
    if let Err(error) = resolv::write(&options.resolv_conf, &done.nameservers, by) {
        done.complaints.push(error.to_string());
    }
    done.complaints
}

/// Brings a device up.
fn up(device: &str) -> io::Result<()> {
    Netlink::open()?.set_link(netlink::index(device)?, true, None)
}

impl Configured {
    fn complain(&mut self, word: &str, text: impl std::fmt::Display) {
        self.complaints.push(format!("{word}: {text}"));
    }

    fn card(&mut self, word: &str, wanted: Card, options: &Options) {
        let device = match card::find(wanted.device.as_deref(), options.wait) {
            Ok(device) => device,
            Err(complaint) => return self.complain(word, complaint),
        };
        let made = match wanted.auto {
            Auto::Static(network, gateway) => self.give(&device, network, gateway),
            Auto::Up => up(&device),
            Auto::Dhcp => dhcp::ask(&device).map(|servers| {
                for server in servers {
                    self.nameserver(server);
                }
            }),
        };
        if let Err(error) = made {
            self.complain(word, format!("{device}: {error}"));
        }
        for server in wanted.nameservers {
            self.nameserver(server);
        }
        for complaint in wanted.complaints {
            self.complain(word, complaint);
        }
        let named = wanted.hostname.map(|name| personalise::hostname(&name));
        if let Some(Err(error)) = named {
            self.complain(word, format!("cannot set the name of the host: {error}"));
        }
    }

    fn give(
        &mut self,
        device: &str,
        network: netlink::Network,
        gateway: Option<IpAddr>,
    ) -> io::Result<()> {
        let gateway = gateway.map(|address| {
            let metric = match self.gateways {
                0 => 0,
                earlier => METRIC + earlier,
            };
            self.gateways += 1;
            Gateway::of(network, address, metric)
        });
        Netlink::open()?.give(netlink::index(device)?, network, gateway)
    }

    fn nameserver(&mut self, server: IpAddr) {
        if !server.is_unspecified() && !self.nameservers.contains(&server) {
            self.nameservers.push(server);
        }
    }
}
