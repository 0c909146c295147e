//! QEMU's command line for a VM.

use std::ffi::OsString;
use std::os::fd::RawFd;
use std::path::Path;

use crate::host::accel::Accelerator;
use crate::network::Network;
use crate::vm::spec::Spec;
use crate::vmm::MEMORY;

/// Descriptors that the process inherits: they leave no file behind and end with the process.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inherited {
    /// A connected socket.
    pub(super) control: RawFd,
    /// The guest's memory, where it is shared with us.
    pub(super) memory: Option<RawFd>,
    /// The state to go on from.
    pub(super) state: Option<RawFd>,
    /// A connected socket, for a guest with an agent.
    pub(super) agent: Option<RawFd>,
}

impl Inherited {
    /// All of them.
    pub(super) fn descriptors(&self) -> Vec<RawFd> {
        let optional = [self.memory, self.state, self.agent];
        let optional = optional.into_iter().flatten();
        optional.chain([self.control]).collect()
    }
}

/// The purpose of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To run the machine.
    Run,
    /// To take over a state and give it away again. The guest's devices are the same, and there is nothing behind them: its
    /// disk and its network are in use by the machine itself.
    Convert,
}

/// The arguments for `spec`, to be run in the VM's folder, with the serial console on standard output.
pub(super) fn argv(spec: &Spec, inherited: &Inherited, purpose: Purpose) -> Vec<OsString> {
    let Inherited { control, agent, .. } = *inherited;
    let accelerator = spec.accelerator.name();
    let cpu = match spec.accelerator {
        Accelerator::Kvm => "host",
        Accelerator::Tcg => "max",
    };
    let mut args: Vec<OsString> = Vec::new();
    let mut add = |words: &[&str]| args.extend(words.iter().map(OsString::from));
    add(&["-name", &spec.name]);
    // PCI as on any server, no BIOS tables beyond ACPI; measured to boot faster than q35 by seconds on TCG.
    let machine = "rtc=on,pcie=on,usb=off,memory-backend=memory";
    // On TCG without the timer and the interrupt controller of the first PCs, with which Linux would compare its counter
    // and its interrupts; on KVM it asks the host instead.
    let legacy = match spec.accelerator {
        Accelerator::Kvm => "",
        Accelerator::Tcg => ",pit=off,pic=off",
    };
    add(&[
        "-M",
        &format!("microvm,accel={accelerator},{machine}{legacy}"),
    ]);
    add(&["-cpu", cpu, "-smp", &spec.vcpus.to_string()]);
    let mib = spec.memory_mib;
    add(&["-m", &format!("{mib}M")]);
    add(&["-object", &memory_backend(spec, inherited)]);
    if inherited.state.is_some() {
        add(&["-incoming", "defer"]);
    }
    add(&["-nodefaults", "-no-user-config", "-no-reboot"]);
    add(&["-display", "none"]);
    // Not before we listen: QEMU tells nobody of a guest that ends before its control connection is negotiated.
    add(&["-S"]);
    add(&["-chardev", &format!("socket,id=control,fd={control}")]);
    add(&["-mon", "chardev=control,mode=control"]);
    add(&["-chardev", "stdio,id=console,signal=off"]);
    add(&["-serial", "chardev:console"]);
    let (file, format) = (spec.disk.file.display(), spec.disk.format.name());
    let drive = match purpose {
        // The disk's name holds no comma: it is ours, in the VM's folder.
        Purpose::Run => format!("file={file},format={format}"),
        Purpose::Convert => format!("driver=null-co,size={}", spec.disk.size),
    };
    add(&["-drive", &format!("id=root,if=none,{drive},discard=unmap")]);
    add(&["-device", "virtio-blk-pci,drive=root"]);
    add(&["-device", "virtio-rng-pci"]);
    if let Some(agent) = agent {
        add(&["-device", "virtio-serial-pci"]);
        add(&["-chardev", &format!("socket,id=agent,fd={agent}")]);
        let port = kindling_protocol::PORT_NAME;
        add(&[
            "-device",
            &format!("virtserialport,chardev=agent,name={port}"),
        ]);
    }
    if let Some(network) = &spec.network {
        add(&["-netdev", &netdev(network, purpose)]);
        // Without its boot ROM, which a guest with a given kernel never runs.
        let mac = match network {
            Network::User(_) => String::new(),
            Network::Tap { lease, .. } => format!(",mac={}", lease.mac),
        };
        add(&[
            "-device",
            &format!("virtio-net-pci,netdev=net,romfile={mac}"),
        ]);
    }
    args.extend(["-kernel".into(), spec.kernel.clone().into_os_string()]);
    if let Some(initramfs) = &spec.initramfs {
        args.extend(["-initrd".into(), initramfs.clone().into_os_string()]);
    }
    args.extend(["-append".into(), OsString::from(&spec.cmdline)]);
    args
}

/// The backend of the guest's memory: the file of a saved machine, or one that QEMU inherits.
fn memory_backend(spec: &Spec, inherited: &Inherited) -> String {
    let memory = match (inherited.memory, &spec.resume_from) {
        // Copy-on-write.
        (None, Some(saved)) => format!("{},share=off", option(&saved.join(MEMORY))),
        (Some(file), _) => format!("/proc/self/fd/{file},share=on"),
        (None, None) => String::new(),
    };
    let mib = spec.memory_mib;
    format!("memory-backend-file,id=memory,size={mib}M,mem-path={memory}")
}

/// A path as the value of an option, where a comma would end it.
fn option(path: &Path) -> String {
    path.display().to_string().replace(',', ",,")
}

fn netdev(network: &Network, purpose: Purpose) -> String {
    let mut netdev = match network {
        Network::User(_) if purpose == Purpose::Convert => {
            return "user,id=net,restrict=on".to_owned();
        }
        Network::User(_) => "user,id=net".to_owned(),
        // Made by QEMU in a network namespace of its own, so that the card has what a TAP offers it.
        Network::Tap { .. } if purpose == Purpose::Convert => {
            return "tap,id=net,script=no,downscript=no".to_owned();
        }
        // We made it and brought it up: QEMU's scripts have nothing to do.
        Network::Tap { lease, .. } => {
            format!("tap,id=net,ifname={},script=no,downscript=no", lease.tap)
        }
    };
    for publish in network.publish() {
        netdev.push_str(&format!(
            ",hostfwd=tcp:{}:{}-:{}",
            publish.address, publish.host, publish.guest
        ));
    }
    netdev
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::UserNetwork;

    #[test]
    fn ports_are_forwarded_from_their_address() {
        let publish = ["8080:80", "0.0.0.0:2222:22"].map(|p| p.parse().unwrap());
        let network = Network::User(UserNetwork {
            publish: publish.to_vec(),
        });
        assert_eq!(
            netdev(&network, Purpose::Run),
            "user,id=net,hostfwd=tcp:127.0.0.1:8080-:80,hostfwd=tcp:0.0.0.0:2222-:22"
        );
        assert_eq!(
            netdev(&network, Purpose::Convert),
            "user,id=net,restrict=on"
        );
    }
}
