//! The kernel command line: the bundle's own, the address, and what the user adds.

use kindling_base::{Error, Result};

use crate::network::Network;

/// `COMMAND_LINE_SIZE` of Linux on x86 (`arch/x86/include/asm/setup.h`), with its terminating zero.
const LIMIT: usize = 2048;

/// The guest's side of QEMU's user-mode network (QEMU's documentation of `-netdev user`):
/// `client::gateway:netmask`, and the name server.
const ADDRESS: (&str, &str) = ("10.0.2.15::10.0.2.2:255.255.255.0", "10.0.2.3");

/// The parts of a command line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parts<'a> {
    /// Arguments for the accelerator, first so that everything else wins.
    pub(crate) accelerator: &'a str,
    /// The bundle's command line.
    pub(crate) bundle: &'a str,
    /// Whether the guest boots through an initramfs.
    pub(crate) initramfs: bool,
    /// Its network card.
    pub(crate) network: Option<&'a Network>,
    /// Its host name.
    pub(crate) name: &'a str,
    /// The user's own arguments, last so that they win.
    pub(crate) append: &'a str,
}

/// The whole command line.
///
/// # Errors
/// It is longer than the kernel reads or has control characters.
pub(crate) fn compose(parts: &Parts<'_>) -> Result<String> {
    let words = parts.accelerator.split_whitespace();
    let words = words.chain(parts.bundle.split_whitespace());
    let mut words: Vec<String> = words.map(str::to_owned).collect();
    if !parts.initramfs {
        for word in &mut words {
            // The kernel itself finds a root by device or partition only; ours is the first virtio disk.
            if word.starts_with("root=UUID=") || word.starts_with("root=LABEL=") {
                *word = "root=/dev/vda".to_owned();
            }
        }
    }
    match parts.network {
        None => {}
        Some(Network::User(_)) => {
            let (address, dns) = ADDRESS;
            words.push(format!("ip={address}:{}:eth0:off:{dns}", parts.name));
        }
        Some(Network::Tap { lease, .. }) => words.push(lease.kernel_argument(parts.name)),
    }
    if !parts.append.trim().is_empty() {
        words.push(parts.append.trim().to_owned());
    }
    let line = words.join(" ");
    if line.chars().any(char::is_control) {
        return Err(
            Error::user("the kernel command line has control characters")
                .hint("look at what --append adds"),
        );
    }
    if line.len() >= LIMIT {
        return Err(Error::user(format!(
            "the kernel command line has {} bytes, Linux reads {}",
            line.len(),
            LIMIT - 1
        ))
        .hint("shorten what --append adds"));
    }
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::UserNetwork;

    const PARTS: Parts<'_> = Parts {
        accelerator: "",
        bundle: "console=ttyS0 root=UUID=1-2 rw",
        initramfs: true,
        network: Some(&Network::User(UserNetwork {
            publish: Vec::new(),
        })),
        name: "vm1",
        append: "",
    };

    #[test]
    fn the_address_is_added_where_there_is_a_network() {
        assert_eq!(
            compose(&PARTS).unwrap(),
            "console=ttyS0 root=UUID=1-2 rw ip=10.0.2.15::10.0.2.2:255.255.255.0:vm1:eth0:off:10.0.2.3"
        );
    }

    #[test]
    fn without_an_initramfs_the_root_is_the_disk() {
        let parts = Parts {
            initramfs: false,
            network: None,
            append: " debug ",
            accelerator: "tsc=reliable",
            ..PARTS
        };
        assert_eq!(
            compose(&parts).unwrap(),
            "tsc=reliable console=ttyS0 root=/dev/vda rw debug"
        );
    }

    #[test]
    fn what_the_kernel_would_cut_is_refused() {
        let long = "x".repeat(LIMIT);
        let error = compose(&Parts {
            append: &long,
            ..PARTS
        })
        .unwrap_err();
        assert!(
            error.report().contains("Linux reads 2047"),
            "{}",
            error.report()
        );
        assert!(
            compose(&Parts {
                append: "a\nb",
                ..PARTS
            })
            .is_err()
        );
    }
}
