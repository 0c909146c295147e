use std::collections::BTreeSet;

use super::*;

fn small() -> NetworkConfig {
    NetworkConfig {
        address: "10.9.8.1/29".parse().unwrap(), // room for five guests
        ..NetworkConfig::default()
    }
}

#[test]
fn no_address_is_given_twice_and_a_full_pool_says_so() {
    let root = tempfile::tempdir().unwrap();
    let config = small();
    let threads: Vec<_> = (0..5)
        .map(|n| {
            let (root, config) = (root.path().to_owned(), config.clone());
            std::thread::spawn(move || {
                let leases = Leases::open_in(&root, "br0").unwrap();
                leases
                    .take(&config, Path::new(&format!("/vms/{n}")))
                    .unwrap()
            })
        })
        .collect();
    let taken: Vec<_> = threads.into_iter().map(|t| t.join().unwrap()).collect();
    let addresses: BTreeSet<_> = taken.iter().map(|l| l.address.address).collect();
    let taps: BTreeSet<_> = taken.iter().map(|l| &l.tap).collect();
    assert_eq!((addresses.len(), taps.len()), (5, 5));
    assert!(taps.iter().all(|tap| tap.len() <= 15));

    let leases = Leases::open_in(root.path(), "br0").unwrap();
    let error = leases.take(&config, Path::new("/vms/5")).unwrap_err();
    assert!(
        error
            .report()
            .contains("every address of 10.9.8.0/29 is taken: 5 guests have one each"),
        "{}",
        error.report()
    );
    leases.give_back(&taken[2]).unwrap();
    let again = leases.take(&config, Path::new("/vms/5")).unwrap();
    assert_eq!(again.address, taken[2].address);
    leases.give_back(&taken[2]).unwrap(); // the old holder has nothing to give back any more
    assert_eq!(leases.list().unwrap().len(), 5);
}

#[test]
fn a_lease_lives_with_its_taker_and_with_its_vm() {
    let root = tempfile::tempdir().unwrap();
    let leases = Leases::open_in(root.path(), "br0").unwrap();
    let vm = root.path().join("vm");
    let mut lease = leases.take(&small(), &vm).unwrap();
    assert!(lease.is_live().unwrap(), "we took it and we live");

    lease.taker.started += 1; // another process that had our number
    assert!(!lease.is_live().unwrap());
    assert!(!vm.exists(), "looking makes nothing");

    let held = Lock::acquire(&vm.join(LOCK), || {}).unwrap();
    assert!(lease.is_live().unwrap());
    drop(held);
    assert!(!lease.is_live().unwrap());
}

#[test]
fn the_kernel_argument_has_mask_and_name_servers() {
    let root = tempfile::tempdir().unwrap();
    let leases = Leases::open_in(root.path(), "br0").unwrap();
    let config = NetworkConfig {
        dns: Some(
            ["10.9.8.1", "192.0.2.53"]
                .map(|dns| dns.parse().unwrap())
                .to_vec(),
        ),
        address: "10.9.8.1/30".parse().unwrap(),
        ..NetworkConfig::default()
    };
    let lease = leases.take(&config, Path::new("/vms/one")).unwrap();
    assert_eq!(
        lease.kernel_argument("one"),
        "ip=10.9.8.2::10.9.8.1:255.255.255.252:one:eth0:off:10.9.8.1:192.0.2.53"
    );
}
