//! Runs `kindling-agent --network` in network namespaces that the tests make.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "helpers of tests, outside of test functions"
)]

mod namespace;

use namespace::{LONG_S, Namespace};

#[test]
fn the_mask_is_honoured() {
    for (word, address) in [
        ("ip=10.1.2.3:::255.255.255.0::eth0:off", "10.1.2.3/24"),
        ("ip=10.1.2.3:::255.255.240.0::eth0:off", "10.1.2.3/20"),
        ("ip=10.1.2.3:::20::eth0:off", "10.1.2.3/20"),
        ("ip=10.1.2.3:::255.255.255.255::eth0:off", "10.1.2.3/32"),
        ("ip=10.1.2.3:::255.255.255.254::eth0:none", "10.1.2.3/31"),
        ("ip=192.168.7.9:::30", "192.168.7.9/30"),
        // Without a mask the class decides, as in the kernel.
        ("ip=10.1.2.3", "10.1.2.3/8"),
        ("ip=172.16.2.3::::::off", "172.16.2.3/16"),
        ("ip=192.168.7.9::::::off", "192.168.7.9/24"),
    ] {
        let Some(namespace) = Namespace::new(&["eth0"]) else {
            return;
        };
        namespace.good(&format!("console=ttyS0 {word} rw"));
        assert_eq!(namespace.addresses("eth0"), [address], "{word}");
        assert!(namespace.routes().is_empty());
        assert_eq!(namespace.addresses("lo"), ["127.0.0.1/8", "::1/128"]);
        assert!(!namespace.resolv_conf().exists());
    }
}

#[test]
fn a_whole_word_gives_address_gateway_name_and_dns() {
    let Some(namespace) = Namespace::new(&["eth0"]) else {
        return;
    };
    let word = "ip=192.168.100.7:1.2.3.4:192.168.100.1:255.255.255.0:guest-7:eth0:off:9.9.9.9:1.1.1.1:5.5.5.5";
    // Twice: whatever the kernel or an earlier run has configured is no error.
    for _ in 0..2 {
        namespace.good(word);
        assert_eq!(namespace.addresses("eth0"), ["192.168.100.7/24"]);
        assert_eq!(namespace.routes(), ["default via 192.168.100.1 dev eth0"]);
        assert_eq!(namespace.nameservers(), ["9.9.9.9", "1.1.1.1"]);
    }
    let hostname = std::fs::read_to_string(namespace.folder.path().join("hostname")).unwrap();
    assert_eq!(hostname, "guest-7\n");
}

#[test]
fn what_the_kernel_configured_stays() {
    let Some(namespace) = Namespace::new(&["eth0"]) else {
        return;
    };
    namespace.ip(&["link", "set", "eth0", "up"]);
    namespace.ip(&["address", "add", "10.0.2.15/24", "dev", "eth0"]);
    namespace.ip(&["route", "add", "default", "via", "10.0.2.2"]);
    namespace.good("ip=10.0.2.15::10.0.2.2:255.255.255.0::eth0:off");
    assert_eq!(namespace.addresses("eth0"), ["10.0.2.15/24"]);
    assert_eq!(namespace.routes(), ["default via 10.0.2.2 dev eth0"]);
}

#[test]
fn several_devices_and_several_words() {
    let Some(namespace) = Namespace::new(&["eth0", "eth1"]) else {
        return;
    };
    namespace.good(
        "ip=10.0.0.2::10.0.0.1:24::eth0:off:10.0.0.53 ip=10.9.0.2::10.9.0.1:16::eth1:off:10.0.0.53 \
         nameserver=10.9.0.53 nameserver=[2001:db8::53] -- ip=10.7.7.7",
    );
    assert_eq!(namespace.addresses("eth0"), ["10.0.0.2/24"]);
    assert_eq!(namespace.addresses("eth1"), ["10.9.0.2/16"]);
    // The first gateway is the one in use.
    assert_eq!(
        namespace.routes(),
        [
            "default via 10.0.0.1 dev eth0",
            "default via 10.9.0.1 dev eth1 metric 101"
        ]
    );
    assert_eq!(
        namespace.nameservers(),
        ["10.0.0.53", "10.9.0.53", "2001:db8::53"]
    );
}

#[test]
fn a_gateway_outside_of_the_network_is_reachable() {
    let Some(namespace) = Namespace::new(&["eth0"]) else {
        return;
    };
    namespace.good("ip=10.0.0.2::169.254.1.1:32::eth0:off");
    assert_eq!(
        namespace.routes(),
        ["default via 169.254.1.1 dev eth0 onlink"]
    );
}

#[test]
fn an_empty_device_is_the_first_ethernet_card() {
    let Some(namespace) = Namespace::new(&["zeth", "aeth"]) else {
        return;
    };
    namespace.good("ip=10.0.0.2:::24");
    assert_eq!(namespace.addresses("zeth"), ["10.0.0.2/24"]);
    assert!(namespace.addresses("aeth").is_empty());
}

#[test]
fn ipv6_stands_in_brackets() {
    let Some(namespace) = Namespace::new(&["eth0"]) else {
        return;
    };
    namespace.good("ip=[2001:db8::2]::[2001:db8::1]:64:v6:eth0:off:[2001:db8::53]");
    assert_eq!(namespace.addresses("eth0"), ["2001:db8::2/64"]);
    let routes = namespace.ip(&["-6", "route", "show", "default"]);
    assert!(
        routes.starts_with("default via 2001:db8::1 dev eth0"),
        "{routes}"
    );
    assert_eq!(namespace.nameservers(), ["2001:db8::53"]);
}

#[test]
fn nothing_asked_for_is_nothing_done() {
    let Some(namespace) = Namespace::new(&["eth0"]) else {
        return;
    };
    for cmdline in ["", "console=ttyS0 root=/dev/vda quiet", "ip=off", "ip=none"] {
        namespace.good(cmdline);
        assert!(namespace.addresses("eth0").is_empty());
        assert!(!namespace.resolv_conf().exists());
    }
    namespace.good("ip=:::::eth0:off");
    let link = namespace.ip(&["-brief", "link", "show", "dev", "eth0"]);
    assert!(link.contains("UP"), "{link}");
}

#[test]
fn garbage_is_named_and_does_no_harm() {
    let Some(namespace) = Namespace::new(&["eth0"]) else {
        return;
    };
    for (cmdline, expected) in [
        (
            "ip=garbage",
            "ip=garbage: 'garbage' is neither an address nor a way to get one",
        ),
        ("ip=", "ip=: '' is neither"),
        ("ip=10.0.0.256:::24", "'10.0.0.256' is no address"),
        ("ip=10.0.0:::24", "'10.0.0' is no address"),
        ("ip=10.0.0.1.2:::24", "'10.0.0.1.2' is no address"),
        ("ip=010.0.0.1:::24", "'010.0.0.1' is no address"),
        ("ip=10.0.0.2:::33", "'33' is no netmask"),
        ("ip=10.0.0.2:::255.0.255.0", "'255.0.255.0' is no netmask"),
        (
            "ip=10.0.0.2::10.0.0.999:24",
            "'10.0.0.999' is no address of a gateway",
        ),
        (
            "ip=10.0.0.2:::24::../eth0:off",
            "'../eth0' is no name of a device",
        ),
        ("ip=[zz::1]:::64", "zz::1"),
        ("ip=[2001:db8::2]::10.0.0.1:64", "not an IPv6 address"),
        ("ip=$(reboot);*:::24", "'$(reboot);*' is no address"),
        ("ip=dhcp", "no DHCP client"),
        (
            "nameserver=dns.example",
            "nameserver=dns.example: 'dns.example' is no address",
        ),
    ] {
        namespace.bad(cmdline, expected);
        assert!(namespace.addresses("eth0").is_empty(), "{cmdline}");
    }
    // A bad word does not keep a good one from being honoured.
    namespace.bad("ip=garbage ip=10.0.0.2:::24 nameserver=9.9.9.9", "garbage");
    assert_eq!(namespace.addresses("eth0"), ["10.0.0.2/24"]);
    assert_eq!(namespace.nameservers(), ["9.9.9.9"]);
    namespace.bad(
        "ip=10.0.0.3:::24:bad_name",
        "'bad_name' is no name of a host",
    );
}

#[test]
fn a_missing_device_is_waited_for_and_then_named() {
    let Some(namespace) = Namespace::new(&["eth0"]) else {
        return;
    };
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| namespace.run_waiting("ip=10.0.0.7:::24::eth7:off", LONG_S));
        namespace.wait_until_begun();
        namespace.add("eth7");
        let run = waiting.join().unwrap();
        assert_eq!((run.complaints.as_str(), run.code), ("", Some(0)));
    });
    assert_eq!(namespace.addresses("eth7"), ["10.0.0.7/24"]);

    let run = namespace.run("ip=10.0.0.8:::24::eth8:off");
    assert_eq!(run.code, Some(1));
    assert!(
        run.complaints
            .contains("there is no device eth8 (there are: eth0 eth7 lo)"),
        "{}",
        run.complaints
    );
}

#[test]
fn a_linked_resolv_conf_is_replaced_and_its_target_kept() {
    let Some(namespace) = Namespace::new(&["eth0"]) else {
        return;
    };
    let target = namespace.folder.path().join("stub");
    std::fs::write(&target, "nameserver 127.0.0.53\n").unwrap();
    std::os::unix::fs::symlink(&target, namespace.resolv_conf()).unwrap();
    namespace.good("nameserver=9.9.9.9");
    assert_eq!(namespace.nameservers(), ["9.9.9.9"]);
    assert!(!namespace.resolv_conf().is_symlink());
    assert_eq!(
        std::fs::read_to_string(&target).unwrap(),
        "nameserver 127.0.0.53\n"
    );
}
