//! Asking a guest end to end: carrier, ARP, ping, TCP; the first that fails names the fault.

use std::fmt;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::time::{Duration, Instant};

use kindling_base::{Context, Error, Result};
use rustix::net::{AddressFamily, SocketFlags, SocketType, ipproto, socket_with};
use serde::Serialize;
use tokio::net::TcpStream;
use tokio::time::timeout_at;

use super::Lease;
use super::netlink::Netlink;

/// The pause between two looks at the neighbour table while an ARP answer is due.
const ARP_INTERVAL: Duration = Duration::from_millis(10);

/// The result of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum Verdict {
    /// The port answers.
    Open {
        /// Microseconds of one ping; `None` where the guest does not answer pings.
        ping_us: Option<u64>,
        /// Microseconds until the TCP connection stood.
        connect_us: u64,
    },
    /// The TAP is missing, down, or no process has it open: the machine does not run or has no card.
    NoCarrier,
    /// Nobody has the address: the guest has not configured its card, or did so wrongly.
    NoArp,
    /// The guest's card answers, but nothing of it comes back by IP: a wrong mask, a filter, no route.
    NoRoute,
    /// The guest answers, but nothing listens on the port.
    PortClosed,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open { connect_us, .. } => {
                write!(f, "open (connected in {:.1} ms)", *connect_us as f64 / 1e3)
            }
            Self::NoCarrier => write!(f, "no carrier: no machine has the TAP open"),
            Self::NoArp => write!(f, "no ARP answer: the guest has not configured its address"),
            Self::NoRoute => write!(f, "no route: the guest's card answers, its IP does not"),
            Self::PortClosed => write!(f, "port closed: nothing listens there in the guest"),
        }
    }
}

/// Asks the guest that has the lease for its TCP `port`, within `limit`. Needs root.
///
/// # Errors
/// The host itself refuses. A fault of the guest is a [`Verdict`], and not an error.
pub(crate) async fn probe(lease: &Lease, port: u16, limit: Duration) -> Result<Verdict> {
    let deadline = Instant::now() + limit;
    let netlink = Netlink::open()?;
    let tap = netlink.link(&lease.tap).await?;
    if !tap.is_some_and(|tap| tap.up && tap.carrier) {
        return Ok(Verdict::NoCarrier);
    }
    let address = lease.address.address;
    if !answers_arp(&netlink, address, deadline).await? {
        return Ok(Verdict::NoArp);
    }
    let ping_us = ping(address, deadline).await?;
    let started = Instant::now();
    let stream = TcpStream::connect(SocketAddrV4::new(address, port));
    Ok(match timeout_at(deadline.into(), stream).await {
        Ok(Ok(_)) => Verdict::Open {
            ping_us,
            connect_us: micros(started.elapsed()),
        },
        Ok(Err(error)) if error.kind() == ErrorKind::ConnectionRefused => Verdict::PortClosed,
        Ok(Err(error))
            if matches!(
                error.kind(),
                ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable
            ) =>
        {
            Verdict::NoRoute
        }
        Ok(Err(error)) => {
            return Err(
                Error::internal(format!("cannot connect to {address}:{port}")).because(error),
            );
        }
        Err(_) if ping_us.is_some() => Verdict::PortClosed, // a filter in the guest drops instead of refusing
        Err(_) => Verdict::NoRoute,
    })
}

/// Makes the kernel ask anew who has the address, and waits for the answer.
async fn answers_arp(netlink: &Netlink, address: Ipv4Addr, deadline: Instant) -> Result<bool> {
    /// The discard protocol (RFC 863): what arrives there means nothing.
    const DISCARD: u16 = 9;
    netlink.forget_neighbour(address).await?;
    let asking = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).context("cannot open a UDP socket")?;
    // Half of the time is for what comes after.
    let deadline = Instant::now() + deadline.saturating_duration_since(Instant::now()) / 2;
    while Instant::now() < deadline {
        // The packet waits in the kernel for the answer to its ARP request; failing is what the table shows.
        let _ = asking.send_to(&[], (address, DISCARD));
        if netlink
            .neighbour(address)
            .await?
            .is_some_and(|n| n.answered())
        {
            return Ok(true);
        }
        tokio::time::sleep(ARP_INTERVAL).await;
    }
    Ok(false)
}

/// Microseconds until the guest answered a ping; `None` if it does not.
async fn ping(address: Ipv4Addr, deadline: Instant) -> Result<Option<u64>> {
    /// The longest time that a guest takes to answer a ping, even emulated.
    const PATIENCE: Duration = Duration::from_secs(1);
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = socket_with(
        AddressFamily::INET,
        SocketType::RAW,
        flags,
        Some(ipproto::ICMP),
    )
    .context("cannot open an ICMP socket")?;
    rustix::net::connect(&socket, &SocketAddrV4::new(address, 0))
        .context("cannot address an ICMP socket")?;
    // A raw socket is read and written as a UDP socket is, one packet a call.
    let socket =
        tokio::net::UdpSocket::from_std(socket.into()).context("cannot wait for an ICMP socket")?;
    let identifier = u16::try_from(std::process::id() & 0xffff).unwrap_or_default();
    let started = Instant::now();
    if socket.send(&echo_request(identifier)).await.is_err() {
        return Ok(None);
    }
    let deadline = deadline.min(started + PATIENCE);
    let mut packet = [0; 256];
    while let Ok(received) = timeout_at(deadline.into(), socket.recv(&mut packet)).await {
        match received {
            Ok(length) if is_echo_reply(&packet[..length], identifier) => {
                return Ok(Some(micros(started.elapsed())));
            }
            Ok(_) => {}                // another program's
            Err(_) => return Ok(None), // unreachable
        }
    }
    Ok(None)
}

/// ICMP echo request (RFC 792) with sequence number 1 and no data.
fn echo_request(identifier: u16) -> [u8; 8] {
    const ECHO: u8 = 8;
    let [high, low] = identifier.to_be_bytes();
    let sum = u32::from(ECHO) << 8;
    let sum = sum + u32::from(identifier) + 1;
    let folded = (sum & 0xffff) + (sum >> 16);
    let [sum_high, sum_low] = (!(folded as u16)).to_be_bytes();
    [ECHO, 0, sum_high, sum_low, high, low, 0, 1]
}

/// Whether an IPv4 packet, as a raw socket gives it, answers the request with this identifier.
fn is_echo_reply(packet: &[u8], identifier: u16) -> bool {
    let header = usize::from(packet.first().copied().unwrap_or_default() & 0xf) * 4;
    let Some([kind, _, _, _, high, low, ..]) = packet.get(header..) else {
        return false;
    };
    *kind == 0 && [*high, *low] == identifier.to_be_bytes()
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_packet_is_read_without_a_panic(packet: Vec<u8>, identifier: u16) {
            let _ = is_echo_reply(&packet, identifier);
        }

        #[test]
        fn the_checksum_of_a_request_is_right(identifier: u16) {
            let request = echo_request(identifier);
            let words = request.chunks(2).map(|w| u32::from(u16::from_be_bytes([w[0], w[1]])));
            let sum: u32 = words.sum();
            prop_assert_eq!((sum & 0xffff) + (sum >> 16), 0xffff);
        }
    }
}
