//! Secrets that packages made when they were configured.

use kindling_base::Result;
use kindling_sysroot::shown;

use super::identity;
use crate::facts::Facts;
use crate::random::{Reader, secret};
use crate::rule::{Report, Rule};

pub(super) const BAKED: Rule = Rule {
    name: "baked-secret",
    summary: "no key, cookie or token that a package made is in the image",
    explanation: "Packages make keys when they are configured: of dropbear, of munge, of bind's rndc, Erlang's cookie. In an image \
                  that happens once, so that every machine has the same, and whoever has the image knows it. Looked at are files \
                  of /etc, /var and homes that no package brings and no overlay laid: private keys, random bytes, random words \
                  in files that not everybody may read. Leave such a file out with [[rootfs.exclude]] and have the first boot \
                  make it; or waive it where all machines are meant to share it.",
    check: baked,
};

/// Where packages put what they make.
const FOLDERS: [&str; 5] = ["etc/", "var/", "root/", "home/", "srv/"];
/// Where a word of a private file is a secret; the data of services is full of random numbers that are none.
const CONFIGURATION: [&str; 2] = ["etc/", "root/"];
/// Files that are made anew from packages, and lists of dpkg's and apt's own.
const MADE: [&str; 7] = [
    "var/cache/",
    "var/log/",
    "var/lib/dpkg/",
    "var/lib/apt/",
    "var/lib/ucf/",
    "etc/shadow",
    "etc/gshadow",
];
/// A secret is small.
const MAX: u64 = 64 << 10;

fn baked(facts: &Facts<'_>, report: &mut Report) -> Result<()> {
    for (path, entry) in facts.files.0.iter() {
        let name = shown(path);
        let is_in = |folders: &[&str]| folders.iter().any(|folder| name[1..].starts_with(folder));
        if !is_in(&FOLDERS) || is_in(&MADE) || identity::is_known(&name) {
            continue;
        }
        let Some(content) = facts
            .files
            .content(entry)
            .filter(|content| content.len() <= MAX)
        else {
            continue;
        };
        if facts.is_own(&name) || facts.packages.owner(&name).is_some() {
            continue;
        }
        let reader = match entry.mode & 0o004 == 0 {
            true if is_in(&CONFIGURATION) => Reader::Some,
            true => Reader::OfData,
            false => Reader::All,
        };
        if let Some(what) = secret(&content.read()?, reader) {
            let problem = format!(
                "{what} that a package made when it was configured, the same in every machine"
            );
            report
                .add(name, problem)
                .of_image()
                .mild()
                .remedy("leave it out with [[rootfs.exclude]] and have the first boot make it");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{Plan, warnings};

    #[test]
    fn what_a_package_made_is_told_and_what_it_brings_or_a_recipe_lays_is_not() {
        let key = b"\0\0\0\x0bssh-ed25519\0\0\0@............";
        let pem = "-----BEGIN PRIVATE KEY-----\nMIIE\n";
        let plan = Plan::bootable()
            .file("usr/share/doc/x/test.key", pem)
            .file("etc/example.key", pem)
            .package("example", "")
            .bytes("etc/dropbear/dropbear_ed25519_host_key", 0o600, key)
            .file("etc/ssh/ssh_host_rsa_key", pem)
            .file("var/cache/x/key", pem)
            .bytes("etc/app.conf", 0o640, b"mode = fast\n")
            .bytes(
                "var/lib/rabbitmq/.erlang.cookie",
                0o400,
                b"QWJVNZTPSXKDLRMAHBGF",
            )
            .made()
            .file("etc/ours.key", pem);
        insta::assert_snapshot!(warnings("baked-secret", &plan).join("\n"), @r"
        baked-secret: /etc/dropbear/dropbear_ed25519_host_key: a private key that a package made when it was configured, the same in every machine (leave it out with [[rootfs.exclude]] and have the first boot make it)
        baked-secret: /var/lib/rabbitmq/.erlang.cookie: a random token that a package made when it was configured, the same in every machine (leave it out with [[rootfs.exclude]] and have the first boot make it)
        ");
    }
}
