//! A running guest that a test gives commands to.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use crate::{Ran, Scratch, project};

/// Longer than any command here takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(240);

/// Where the guest's shell listens: tests/guest-check/kindling-shell.socket.
const SHELL: u16 = 2323;

/// A guest with a shell for root on a port, which no image of ours has.
pub struct Guest<'a> {
    scratch: &'a Scratch,
    name: &'static str,
    shell: u16,
}

impl<'a> Guest<'a> {
    /// Boots `recipe` with the shell added, and port `guest` reachable at port `host` of the loopback.
    pub fn boot(scratch: &'a Scratch, recipe: &str, (host, guest): (u16, u16)) -> Self {
        let overlay = scratch.path("rootfs-overlays/guest-shell");
        let units = overlay.join("usr/lib/systemd/system");
        let wants = overlay.join("etc/systemd/system/sockets.target.wants");
        std::fs::create_dir_all(&units).unwrap();
        std::fs::create_dir_all(&wants).unwrap();
        for unit in ["kindling-shell.socket", "kindling-shell@.service"] {
            let from = project().join("tests/guest-check").join(unit);
            std::fs::copy(from, units.join(unit)).unwrap();
        }
        let target = "/usr/lib/systemd/system/kindling-shell.socket";
        std::os::unix::fs::symlink(target, wants.join("kindling-shell.socket")).unwrap();
        let with_shell = format!("{recipe}-with-shell");
        scratch.recipe_like(
            &with_shell,
            recipe,
            "[rootfs]\noverlays = [\"guest-shell\"]\n",
        );
        Ran::new(&scratch.xtask(&["build-image", &with_shell])).ok();
        let (name, shell) = ("desktop", free_port());
        let ports = [format!("{host}:{guest}"), format!("{shell}:{SHELL}")];
        let run = [
            "run",
            "--detach",
            "--name",
            name,
            "--publish",
            &ports[0],
            "--publish",
            &ports[1],
        ];
        Ran::new(&scratch.kindling(&[&run[..], &[&with_shell]].concat())).ok();
        Self {
            scratch,
            name,
            shell,
        }
    }

    /// What a script prints that root's `sh` runs in the guest, standard error included.
    pub fn run(&self, script: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.shell)).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        stream.write_all(script.as_bytes()).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut printed = Vec::new();
        stream.read_to_end(&mut printed).unwrap();
        String::from_utf8_lossy(&printed).into_owned()
    }
}

impl Drop for Guest<'_> {
    fn drop(&mut self) {
        Ran::new(&self.scratch.kindling(&["stop", self.name]));
        Ran::new(&self.scratch.kindling(&["rm", self.name]));
    }
}

/// A port of the loopback that nobody has now.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap().port()
}
