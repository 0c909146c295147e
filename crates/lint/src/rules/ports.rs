//! Two units on one port.

use kindling_base::Result;

use crate::facts::Facts;
use crate::rule::{Report, Rule};
use kindling_sysroot::unit::{Boot, Unit, words};

pub(super) const CONFLICT: Rule = Rule {
    name: "port-conflict",
    summary: "no two units of the boot listen on one port",
    explanation: "The second of two services on one address and port fails to start, and which one is second differs from \
                  boot to boot. Ports are read from sockets' ListenStream= and ListenDatagram=, and from --port, -rfbport \
                  and websockify's arguments in ExecStart=.",
    check: conflict,
};

/// A place to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    datagram: bool,
    /// `None` for all addresses.
    address: Option<String>,
    port: u16,
    path: String,
    /// The service behind it: a socket and its own service do not conflict.
    service: String,
}

impl Place {
    fn overlaps(&self, other: &Self) -> bool {
        let same = match (&self.address, &other.address) {
            (Some(a), Some(b)) => a == b,
            _ => true,
        };
        same && self.port == other.port && self.datagram == other.datagram
    }
}

fn conflict(facts: &Facts<'_>, report: &mut Report) -> Result<()> {
    let boot = facts.boot();
    let places: Vec<Place> = boot
        .units
        .iter()
        .flat_map(|(name, unit)| places(&boot, name, unit))
        .collect();
    for (at, second) in places.iter().enumerate() {
        for first in &places[..at] {
            if first.service != second.service && first.overlaps(second) {
                let kind = if second.datagram { "UDP" } else { "TCP" };
                let problem = format!(
                    "{kind} port {} is that of {} as well",
                    second.port, first.path
                );
                report.add(&second.path, problem);
            }
        }
    }
    Ok(())
}

fn places(boot: &Boot<'_>, name: &str, unit: &Unit) -> Vec<Place> {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let own = format!("{stem}.service");
    let place = |path: &str, datagram, (address, port)| Place {
        datagram,
        address,
        port,
        path: path.to_owned(),
        service: match unit.kind() {
            "socket" => unit.last("Socket", "Service").unwrap_or(&own).to_owned(),
            _ => name.to_owned(),
        },
    };
    let mut places = Vec::new();
    for (key, datagram) in [("ListenStream", false), ("ListenDatagram", true)] {
        for (path, value) in unit.all("Socket", key) {
            places.extend(listen(value).map(|listen| place(path, datagram, listen)));
        }
    }
    if boot.has(&format!("{stem}.socket")) {
        return places; // it is handed what its socket listens on
    }
    for (path, value) in unit.all("Service", "ExecStart") {
        places.extend(said(&words(value)).map(|listen| place(path, false, listen)));
    }
    places
}

/// `8080`, `127.0.0.1:80`, `[::1]:80`; paths and abstract sockets have no port.
fn listen(value: &str) -> Option<(Option<String>, u16)> {
    if let Ok(port) = value.parse() {
        return Some((None, port));
    }
    let (address, port) = value.rsplit_once(':')?;
    let all = ["0.0.0.0", "[::]", "*", ""];
    let address = (!all.contains(&address)).then(|| address.to_owned());
    Some((address, port.parse().ok()?))
}

/// The port that a command line says, for flags that mean nothing else.
fn said(words: &[String]) -> Option<(Option<String>, u16)> {
    let program = words
        .first()?
        .rsplit('/')
        .next()?
        .trim_start_matches(['-', '@', '!', '+', ':']);
    if program == "websockify" {
        // websockify [options] [address:]port target
        let mut plain = words[1..].iter().filter(|word| !word.starts_with('-'));
        return plain.find_map(|word| listen(word));
    }
    let local = words.iter().any(|word| word == "-localhost");
    let flags = ["--port", "-rfbport", "--rfbport", "--http-port"];
    let port = words.iter().enumerate().find_map(|(at, word)| {
        let (flag, value) = match word.split_once('=') {
            Some((flag, value)) => (flag, Some(value)),
            None => (word.as_str(), words.get(at + 1).map(String::as_str)),
        };
        flags.contains(&flag).then_some(value?)?.parse().ok()
    })?;
    Some((local.then(|| "127.0.0.1".to_owned()), port))
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{Plan, problems};

    #[test]
    fn two_units_on_one_port_are_told() {
        let sound = Plan::bootable()
            .enabled(
                "web.socket",
                "[Socket]\nListenStream=127.0.0.1:8080\nListenStream=/run/web\n",
            )
            .enabled("web.service", "[Service]\nExecStart=/bin/sh --port 8080\n")
            .enabled(
                "other.socket",
                "[Socket]\nListenStream=10.0.0.1:8080\nListenDatagram=8080\n",
            )
            .enabled(
                "vnc.service",
                "[Service]\nExecStart=/bin/x11vnc -localhost -rfbport 5900\n",
            )
            .enabled(
                "novnc.service",
                "[Service]\nExecStart=/bin/websockify --web /usr/share/novnc 6080 localhost:5900\n",
            )
            .unit("off.socket", "[Socket]\nListenStream=8080\n");
        assert_eq!(problems("port-conflict", &sound), [""; 0]);
        let broken = sound
            .enabled(
                "agent.service",
                "[Service]\nExecStart=/bin/agent --port=8080\n",
            )
            .enabled("bridge.socket", "[Socket]\nListenStream=[::]:6080\n");
        insta::assert_snapshot!(problems("port-conflict", &broken).join("\n"), @r"
        /usr/lib/systemd/system/novnc.service: TCP port 6080 is that of /usr/lib/systemd/system/bridge.socket as well
        /usr/lib/systemd/system/other.socket: TCP port 8080 is that of /usr/lib/systemd/system/agent.service as well
        /usr/lib/systemd/system/web.socket: TCP port 8080 is that of /usr/lib/systemd/system/agent.service as well
        ");
    }
}
