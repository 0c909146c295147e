//! A running guest that a test gives commands to, through its agent.

use std::cell::RefCell;
use std::net::TcpListener;

use kindling_base::Command;

use crate::{Ran, Scratch, project};

/// A guest of a bundle of this project, with a state folder of its own; what was started from it goes with it.
pub struct Guest<'a> {
    scratch: &'a Scratch,
    name: String,
    /// Every VM of the state folder, this one included.
    all: RefCell<Vec<String>>,
}

impl<'a> Guest<'a> {
    /// Boots the bundle of `recipe`; each pair is a port of the loopback here and the guest's port behind it.
    pub fn boot(scratch: &'a Scratch, recipe: &str, ports: &[(u16, u16)]) -> Self {
        let name = "desktop".to_owned();
        let guest = Self {
            scratch,
            all: RefCell::new(vec![name.clone()]),
            name,
        };
        let run = ["run", "--detach", "--name", &guest.name];
        let command = guest.kindling(&run).args(publish(ports)).arg(recipe);
        Ran::new(&command).ok();
        guest
    }

    /// `cargo kindling ...` with this guest's state folder.
    pub fn kindling(&self, args: &[&str]) -> Command {
        self.scratch.kindling(args).directory(project())
    }

    /// Runs a script in the guest, with root's `sh`; returns its output, standard error included.
    pub fn run(&self, script: &str) -> String {
        let ran = self.run_as("root", script);
        ran.stdout + &ran.stderr
    }

    /// Runs a script, as [`Guest::run`] does, in another VM of the state folder: one that was resumed.
    pub fn run_in(&self, name: &str, script: &str) -> String {
        let ran = self.exec(name, "root", script);
        ran.stdout + &ran.stderr
    }

    /// Runs a script in the guest, with `user`'s `sh`.
    pub fn run_as(&self, user: &str, script: &str) -> Ran {
        self.exec(&self.name, user, script)
    }

    fn exec(&self, name: &str, user: &str, script: &str) -> Ran {
        let exec = ["exec", name, "--user", user, "--", "sh", "-c", script];
        Ran::new(&self.kindling(&exec))
    }

    /// Milliseconds from the start of the monitor to the marker.
    pub fn ready_after_ms(&self) -> u64 {
        let listed = Ran::new(&self.kindling(&["ps", "--json"])).ok().stdout;
        let listed: Vec<serde_json::Value> = serde_json::from_str(&listed).unwrap();
        let own = listed.iter().find(|vm| vm["name"] == *self.name);
        own.unwrap()["ready_after_ms"].as_u64().unwrap()
    }

    /// Saves the machine, which goes on, as `snapshot`.
    pub fn save(&self, snapshot: &str) {
        Ran::new(&self.kindling(&["snapshot", &self.name, "--name", snapshot])).ok();
    }

    /// Asks the guest to power off, and removes it.
    pub fn stop(&self) {
        Ran::new(&self.kindling(&["stop", &self.name])).ok();
        Ran::new(&self.kindling(&["rm", &self.name])).ok();
    }

    /// The command that resumes `snapshot` as the VM `name`, which goes when this guest does.
    pub fn resume(&self, snapshot: &str, name: &str, ports: &[(u16, u16)]) -> Command {
        self.all.borrow_mut().push(name.to_owned());
        let resume = ["resume", snapshot, "--name", name];
        self.kindling(&resume).args(publish(ports))
    }
}

impl Drop for Guest<'_> {
    fn drop(&mut self) {
        for name in self.all.borrow().iter() {
            Ran::new(&self.kindling(&["rm", "--force", name])); // it may be gone already
        }
    }
}

fn publish(ports: &[(u16, u16)]) -> impl Iterator<Item = String> {
    let flags = ports
        .iter()
        .flat_map(|(host, guest)| ["--publish".to_owned(), format!("{host}:{guest}")]);
    flags.collect::<Vec<_>>().into_iter()
}

/// A port of the loopback that nobody has now.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap().port()
}
