//! An address from a DHCP server, by whichever client the image has.

use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::process::Command;

const NETWORKD: &str = "/lib/systemd/systemd-networkd";
const WAIT_ONLINE: &str = "/lib/systemd/systemd-networkd-wait-online";
const NETWORKS: &str = "/run/systemd/network";
/// The state file of systemd-networkd, which has the name servers of leases.
const STATE: &str = "/run/systemd/netif/state";
/// Seconds that a server may take.
const LEASE: u32 = 20;

/// Asks for an address for this device, and waits until it has one. Returns the name servers that the client has not
/// written to resolv.conf itself.
pub(super) fn ask(device: &str) -> io::Result<Vec<IpAddr>> {
    match program("dhclient").args(["-1", device]).output() {
        Ok(output) if output.status.success() => Ok(Vec::new()), // its script writes resolv.conf
        Ok(output) => Err(io::Error::other(said(&output.stderr))),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Err(_) if Path::new(NETWORKD).exists() && Path::new("/run/systemd/system").exists() => {
            networkd(device)
        }
        Err(_) => Err(io::Error::other(
            "there is no DHCP client here: install isc-dhcp-client, or give a static address",
        )),
    }
}

fn networkd(device: &str) -> io::Result<Vec<IpAddr>> {
    fs::create_dir_all(NETWORKS)?;
    let text = format!("[Match]\nName={device}\n[Network]\nDHCP=ipv4\n");
    let file = format!("70-kindling-{device}.network");
    fs::write(Path::new(NETWORKS).join(file), text)?;
    run(program("systemctl").args(["restart", "systemd-networkd"]))?;
    // The lease must be there before anybody counts on the network.
    let mut wait = program(WAIT_ONLINE);
    wait.arg(format!("--interface={device}"));
    wait.arg(format!("--timeout={LEASE}"));
    run(&mut wait).map_err(|_| io::Error::other("no DHCP server gave it an address"))?;
    Ok(nameservers(&fs::read_to_string(STATE)?))
}

#[expect(
    clippy::disallowed_methods,
    reason = "a program of the guest, by the agent, which shares no code with the builder"
)]
fn program(name: &str) -> Command {
    Command::new(name)
}

fn run(command: &mut Command) -> io::Result<()> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(io::Error::other(said(&output.stderr)))
}

/// A program's output as one line.
fn said(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The servers of the lines `DNS=`.
fn nameservers(state: &str) -> Vec<IpAddr> {
    let lines = state.lines().filter_map(|line| line.strip_prefix("DNS="));
    let servers = lines.flat_map(str::split_whitespace);
    servers.filter_map(|server| server.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_servers_are_those_of_all_lines() {
        let state = "OPER_STATE=routable\nDNS=10.0.2.3 fd00::3\nNTP=10.0.2.4\nDNS=10.0.2.5\n";
        let expected = ["10.0.2.3", "fd00::3", "10.0.2.5"].map(|a| a.parse::<IpAddr>().unwrap());
        assert_eq!(nameservers(state), expected);
    }
}
