//! Commands, copies and a new identity through the agent of a real guest: one boot for all.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Stdio};

use kindling_protocol::{
    Address, Decoder, Event, Hello, Outcome, Personalise, Personalised, Reply, Request, Role,
    message,
};
use kindling_tests::{Ran, Scratch, project};

const VM: &str = "agent";

struct Guest(Scratch);

impl Guest {
    fn command(&self, args: &[&str]) -> kindling_base::Command {
        self.0.kindling(args).directory(project())
    }

    fn exec(&self, args: &[&str]) -> Ran {
        Ran::new(&self.command(&[&["exec", VM, "--"], args].concat()))
    }

    fn sh(&self, script: &str) -> Ran {
        self.exec(&["sh", "-c", script])
    }

    fn spawn(&self, script: &str) -> Child {
        let mut command = self
            .command(&["exec", VM, "--", "sh", "-c", script])
            .to_std();
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Asks the agent through the supervisor's socket, as no command does.
    fn ask(&self, request: &Request) -> Reply {
        let mut stream =
            UnixStream::connect(self.0.path("state/vms").join(VM).join("control.sock")).unwrap();
        stream.write_all(b"{\"request\":\"agent\"}\n").unwrap();
        stream
            .write_all(&Hello::new(Role::Host, 5).encode())
            .unwrap();
        stream.write_all(&message(1, request).unwrap()).unwrap();
        let (mut decoder, mut buffer) = (Decoder::new(), [0; 4096]);
        loop {
            let count = stream.read(&mut buffer).unwrap();
            assert!(count > 0, "the supervisor closed the connection");
            decoder.feed(&buffer[..count]);
            while let Some(event) = decoder.next() {
                if let Event::Frame(frame) = event {
                    return serde_json::from_slice(&frame.payload).unwrap();
                }
            }
        }
    }
}

#[test]
fn a_guest_is_used_through_its_agent() {
    let guest = Guest(Scratch::new());
    Ran::new(&guest.command(&["run", "--detach", "--name", VM, "minimal-debian-12"])).ok();
    commands(&guest);
    many_at_a_time(&guest);
    a_client_that_dies_takes_its_command_along(&guest);
    copies(&guest);
    limits(&guest);
    a_new_identity(&guest);
    let stopped = Ran::new(&guest.command(&["stop", VM])).ok().stdout;
    assert!(stopped.contains("when its agent was asked"), "{stopped}");
}

fn commands(guest: &Guest) {
    let ran = guest.sh("echo out; echo err >&2; exit 7");
    assert_eq!(
        (ran.code, &*ran.stdout, &*ran.stderr),
        (7, "out\n", "err\n")
    );
    assert_eq!(guest.sh("kill -TERM $$").code, 143);
    guest
        .exec(&["nonexistent"])
        .fails(2, &["cannot run `nonexistent`"]);
    let args = [
        "exec",
        VM,
        "--user",
        "nobody",
        "--cwd",
        "/tmp",
        "--env",
        "A=b c",
        "--",
        "sh",
        "-c",
        "id -un; pwd; echo $A",
    ];
    assert_eq!(
        Ran::new(&guest.command(&args)).ok().stdout,
        "nobody\n/tmp\nb c\n"
    );
    let ran = Ran::new(&guest.command(&["exec", VM, "--timeout", "1", "--", "sleep", "100"]));
    assert_eq!(ran.code, 124);
    let mut child = guest.spawn("cat; echo end");
    child.stdin.take().unwrap().write_all(b"input").unwrap();
    assert_eq!(child.wait_with_output().unwrap().stdout, b"inputend\n");
}

fn many_at_a_time(guest: &Guest) {
    // One that nobody reads yet, with more than fits into any buffer on the way.
    let mut slow = guest.spawn("head -c 52428800 /dev/zero");
    let children: Vec<Child> = (0..10).map(|n| guest.spawn(&format!("echo {n}"))).collect();
    for (n, child) in children.into_iter().enumerate() {
        let output = child.wait_with_output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("{n}\n"));
    }
    let mut all = Vec::new();
    slow.stdout.take().unwrap().read_to_end(&mut all).unwrap();
    assert_eq!(all.len(), 50 << 20);
    assert!(slow.wait().unwrap().success());
}

fn a_client_that_dies_takes_its_command_along(guest: &Guest) {
    let mut child = guest.spawn("echo $$; exec sleep 4321");
    let mut pid = String::new();
    BufReader::new(child.stdout.as_mut().unwrap())
        .read_line(&mut pid)
        .unwrap();
    let pid = pid.trim();
    guest.exec(&["test", "-d", &format!("/proc/{pid}")]).ok();
    child.kill().unwrap();
    child.wait().unwrap();
    // Bounded: it has a second to end by itself.
    let gone =
        format!("for i in $(seq 50); do [ -d /proc/{pid} ] || exit 0; sleep 0.1; done; exit 1");
    guest.sh(&gone).ok();
}

fn copies(guest: &Guest) {
    let (from, back) = (guest.0.path("from"), guest.0.path("back"));
    fs::create_dir_all(from.join("sub")).unwrap();
    fs::write(from.join("script"), "#!/bin/sh\necho ran\n").unwrap();
    fs::set_permissions(from.join("script"), PermissionsExt::from_mode(0o750)).unwrap();
    fs::write(from.join("sub/large"), vec![7; 3 << 20]).unwrap();
    symlink("script", from.join("link")).unwrap();
    let cp = |from: &str, to: &str| Ran::new(&guest.command(&["cp", from, to]));
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    cp(&text(&from), &format!("{VM}:/root/copy")).ok();
    assert_eq!(guest.exec(&["/root/copy/link"]).ok().stdout, "ran\n");
    assert_eq!(
        guest.sh("stat -c %a-%U /root/copy/script").ok().stdout,
        "750-root\n"
    );
    cp(&format!("{VM}:/root/copy"), &text(&back)).ok();
    let mode = fs::metadata(back.join("script"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o750);
    assert_eq!(fs::read(back.join("sub/large")).unwrap(), vec![7; 3 << 20]);
    assert_eq!(
        fs::read_link(back.join("link")).unwrap(),
        Path::new("script")
    );
    cp(&text(&from.join("script")), &format!("{VM}:/root")).ok();
    guest.exec(&["/root/script"]).ok();
    cp(&format!("{VM}:/nowhere"), &text(&back)).fails(2, &["/nowhere: No such file"]);
    cp(&text(&from), &format!("{VM}:/nowhere/x")).fails(2, &["no folder /nowhere"]);
}

fn limits(guest: &Guest) {
    let pid = "$(systemctl show -P MainPID kindling-agent)";
    let rss = guest.sh(&format!(
        "awk '/VmRSS/ {{print $2}}' /proc/{pid}/status; stat -c %s /usr/lib/kindling/agent"
    ));
    let numbers: Vec<u64> = rss
        .ok()
        .stdout
        .lines()
        .map(|line| line.parse().unwrap())
        .collect();
    let [rss_kib, size] = numbers[..] else {
        panic!("{numbers:?}")
    };
    println!("agent: {rss_kib} KiB resident, {size} bytes");
    assert!(rss_kib > 0 && rss_kib <= 15 << 10 && size <= 8 << 20);
}

fn a_new_identity(guest: &Guest) {
    let id = "0123456789abcdef0123456789abcdef";
    let wanted = Personalise {
        entropy: Some("5a".repeat(64)),
        clock_ns: Some(2_000_000_000_000_000_000),
        network: Some(Address {
            interface: "eth0".into(),
            mac: Some("02:00:00:00:00:07".into()),
            address: [10, 0, 2, 77].into(),
            prefix: 24,
            gateway: Some([10, 0, 2, 2].into()),
            dns: vec![[10, 0, 2, 3].into()],
        }),
        hostname: Some("clone-7".into()),
        machine_id: Some(id.into()),
        ssh_host_keys: true,
    };
    for _ in 0..2 {
        let Reply::Personalised(Personalised { items, .. }) =
            guest.ask(&Request::Personalise(wanted.clone()))
        else {
            panic!()
        };
        let outcomes: Vec<_> = items
            .iter()
            .map(|item| (&*item.name, &item.outcome))
            .collect();
        let done = ["entropy", "clock_ns", "network", "hostname", "machine_id"]
            .map(|name| (name, &Outcome::Done));
        assert_eq!(outcomes[..5], done);
        assert_eq!(outcomes[5], ("ssh_host_keys", &Outcome::Absent));
    }
    let seen = guest.sh("hostname; cat /etc/machine-id; date +%Y; cat /sys/class/net/eth0/address; ip -br address show eth0; ip route show default");
    let seen = seen.ok().stdout;
    for part in [
        "clone-7\n",
        id,
        "\n2033\n",
        "02:00:00:00:00:07\n",
        "10.0.2.77/24",
        "default via 10.0.2.2 dev eth0",
    ] {
        assert!(seen.contains(part), "no {part:?} in {seen}");
    }
    assert!(!seen.contains("10.0.2.15"), "{seen}");
}
