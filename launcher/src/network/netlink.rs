//! Network devices and addresses, by rtnetlink.

use std::net::{IpAddr, Ipv4Addr};

use futures_util::TryStreamExt;
use kindling_base::{Context, Error, Result};
use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::address::AddressAttribute;
use rtnetlink::packet_route::link::{
    InfoBridgePort, InfoKind, LinkAttribute, LinkFlags, LinkInfo, LinkMessage,
};
use rtnetlink::packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState,
};
use rtnetlink::{Handle, LinkBridge, LinkBridgePort, LinkUnspec};
use tokio::task::JoinHandle;

use super::{Mac, Subnet};

/// A connection to the kernel's tables of the network namespace that it was opened in.
#[derive(Debug)]
pub(super) struct Netlink {
    handle: Handle,
    connection: JoinHandle<()>,
}

/// A network device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) index: u32,
    pub(super) name: String,
    /// The alias that its maker gave it (`IFLA_IFALIAS`).
    pub(super) alias: Option<String>,
    /// The bridge that it is a port of.
    pub(super) controller: Option<u32>,
    pub(super) is_bridge: bool,
    pub(super) up: bool,
    /// Whether there is something at its other end: for a TAP, a process.
    pub(super) carrier: bool,
}

impl Drop for Netlink {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

impl Netlink {
    pub(super) fn open() -> Result<Self> {
        let (connection, handle, _) =
            rtnetlink::new_connection().context("cannot open a netlink socket")?;
        Ok(Self {
            handle,
            connection: tokio::spawn(connection),
        })
    }

    pub(super) async fn links(&self) -> Result<Vec<Link>> {
        let messages = self.handle.link().get().execute();
        let messages: Vec<_> = messages
            .try_collect()
            .await
            .map_err(|error| failed("list network devices", error))?;
        Ok(messages.into_iter().map(Link::from).collect())
    }

    pub(super) async fn link(&self, name: &str) -> Result<Option<Link>> {
        let links = self.links().await?;
        Ok(links.into_iter().find(|link| link.name == name))
    }

    pub(super) async fn add_bridge(&self, name: &str) -> Result<()> {
        let message = LinkBridge::new(name).up().build();
        let added = self.handle.link().add(message).execute().await;
        added.map_err(|error| failed(format!("make the bridge `{name}`"), error))
    }

    pub(super) async fn set_up(&self, link: &Link) -> Result<()> {
        let message = LinkUnspec::new_with_index(link.index).up().build();
        let set = self.handle.link().set(message).execute().await;
        set.map_err(|error| failed(format!("bring `{}` up", link.name), error))
    }

    /// Makes `link` a port of `bridge`, up, with an alias; an isolated port exchanges nothing with other isolated ones.
    pub(super) async fn add_port(
        &self,
        link: &Link,
        bridge: &Link,
        alias: &str,
        isolated: bool,
    ) -> Result<()> {
        let action = || format!("make `{}` a port of `{}`", link.name, bridge.name);
        let message = LinkUnspec::new_with_index(link.index)
            .controller(bridge.index)
            .alias(alias)
            .build();
        let set = self.handle.link().set(message).execute().await;
        set.map_err(|error| failed(action(), error))?;
        let message = LinkBridgePort::new(link.index)
            .append_info_data(InfoBridgePort::Isolated(isolated))
            .build();
        let set = self.handle.link().set_port(message).execute().await;
        set.map_err(|error| failed(action(), error))?;
        self.set_up(link).await
    }

    pub(super) async fn delete(&self, link: &Link) -> Result<()> {
        let deleted = self.handle.link().del(link.index).execute().await;
        deleted.map_err(|error| failed(format!("delete `{}`", link.name), error))
    }

    /// The IPv4 addresses of a device.
    pub(super) async fn addresses(&self, link: &Link) -> Result<Vec<Subnet>> {
        let request = self.handle.address().get();
        let request = request.set_link_index_filter(link.index);
        let messages: Vec<_> = request
            .execute()
            .try_collect()
            .await
            .map_err(|error| failed(format!("read the addresses of `{}`", link.name), error))?;
        let address = |message: &rtnetlink::packet_route::address::AddressMessage| {
            message
                .attributes
                .iter()
                .find_map(|attribute| match attribute {
                    AddressAttribute::Address(IpAddr::V4(address)) => Some(Subnet {
                        address: *address,
                        prefix: message.header.prefix_len,
                    }),
                    _ => None,
                })
        };
        Ok(messages.iter().filter_map(address).collect())
    }

    pub(super) async fn add_address(&self, link: &Link, address: Subnet) -> Result<()> {
        let request = self.handle.address();
        let request = request.add(link.index, IpAddr::V4(address.address), address.prefix);
        let added = request.execute().await;
        added.map_err(|error| failed(format!("give `{}` the address {address}", link.name), error))
    }

    /// The kernel's entry of the neighbour with this address: its state and its MAC; `None` without an entry.
    pub(super) async fn neighbour(&self, address: Ipv4Addr) -> Result<Option<Neighbour>> {
        Ok(self.neighbour_entry(address).await?.map(|entry| Neighbour {
            state: entry.header.state,
            has_mac: entry.attributes.iter().any(|attribute| {
                matches!(attribute, NeighbourAttribute::LinkLayerAddress(mac) if mac.len() == size_of::<Mac>())
            }),
        }))
    }

    /// Forgets what the kernel knows of a neighbour, so that it has to ask again.
    pub(super) async fn forget_neighbour(&self, address: Ipv4Addr) -> Result<()> {
        let Some(entry) = self.neighbour_entry(address).await? else {
            return Ok(());
        };
        let deleted = self.handle.neighbours().del(entry).execute().await;
        deleted.map_err(|error| failed(format!("forget the neighbour {address}"), error))
    }

    async fn neighbour_entry(&self, address: Ipv4Addr) -> Result<Option<NeighbourMessage>> {
        let request = self.handle.neighbours().get();
        let entries: Vec<_> = request
            .set_address_family(AddressFamily::Inet)
            .execute()
            .try_collect()
            .await
            .map_err(|error| failed("read the neighbour table", error))?;
        let wanted = NeighbourAttribute::Destination(NeighbourAddress::Inet(address));
        Ok(entries
            .into_iter()
            .find(|entry| entry.attributes.contains(&wanted)))
    }
}

/// An entry of the neighbour table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Neighbour {
    state: NeighbourState,
    has_mac: bool,
}

impl Neighbour {
    /// Whether it has answered.
    pub(super) fn answered(self) -> bool {
        self.has_mac
            && self.state != NeighbourState::Failed
            && self.state != NeighbourState::Incomplete
    }
}

impl From<LinkMessage> for Link {
    fn from(message: LinkMessage) -> Self {
        let flags = message.header.flags;
        let mut link = Self {
            index: message.header.index,
            name: String::new(),
            alias: None,
            controller: None,
            is_bridge: false,
            up: flags.contains(LinkFlags::Up),
            carrier: flags.contains(LinkFlags::LowerUp),
        };
        for attribute in message.attributes {
            match attribute {
                LinkAttribute::IfName(name) => link.name = name,
                LinkAttribute::IfAlias(alias) => link.alias = Some(alias),
                LinkAttribute::Controller(index) => link.controller = Some(index),
                LinkAttribute::LinkInfo(infos) => {
                    link.is_bridge = infos.contains(&LinkInfo::Kind(InfoKind::Bridge));
                }
                _ => {}
            }
        }
        link
    }
}

/// The kernel refuses with a bare number; the one that people meet says what it wants.
fn failed(action: impl std::fmt::Display, error: rtnetlink::Error) -> Error {
    let forbidden = matches!(
        &error,
        rtnetlink::Error::NetlinkError(message) if message.raw_code().abs() == rustix::io::Errno::PERM.raw_os_error()
    );
    let what = format!("cannot {action}");
    if forbidden {
        return Error::user(what).because(error).hint(
            "networks with TAPs need root (CAP_NET_ADMIN); without it, `--network user` needs no privileges",
        );
    }
    Error::internal(what).because(error)
}
