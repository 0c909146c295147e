//! A thread in a network namespace of its own.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use kindling_base::Command;
use rustix::thread::UnshareFlags;
use tokio::runtime::{Builder, Runtime};

type Job = Box<dyn FnOnce(&Runtime) + Send>;

/// A network namespace; it goes away with its last process and socket.
pub(super) struct Namespace {
    jobs: Sender<Job>,
    path: PathBuf,
}

impl Namespace {
    pub(super) fn new() -> Self {
        let (jobs, queue) = channel::<Job>();
        let (tell, told) = channel();
        std::thread::spawn(move || {
            #[expect(
                unsafe_code,
                reason = "unshare can take the file table away; this one does not"
            )]
            // SAFETY: only the network namespace of this thread changes.
            unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNET) }.unwrap();
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            let (pid, tid) = (std::process::id(), rustix::thread::gettid());
            let path = format!("/proc/{pid}/task/{}/ns/net", tid.as_raw_nonzero());
            tell.send(PathBuf::from(path)).unwrap();
            for job in queue {
                job(&runtime);
            }
        });
        let path = told.recv().unwrap();
        Self { jobs, path }
    }

    pub(super) fn path(&self) -> &PathBuf {
        &self.path
    }

    /// Runs `job` in the namespace; a panic there is one here.
    pub(super) fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Runtime) -> T + Send + 'static,
    ) -> T {
        let (tell, told) = channel();
        let job = move |runtime: &Runtime| {
            let _ = tell.send(job(runtime));
        };
        self.jobs.send(Box::new(job)).unwrap();
        told.recv().expect("the job in the namespace has failed")
    }

    /// `ip ARGUMENTS`, for what the product's own code does not do.
    pub(super) fn ip(&self, arguments: &str) {
        let words: Vec<String> = arguments.split(' ').map(str::to_owned).collect();
        self.run(|_| Command::new("ip").args(words).run().map(drop).unwrap());
    }

    /// Answers each connection to `port` with the address that it came from.
    pub(super) fn serve(&self, port: u16) {
        self.run(move |_| {
            let listener = TcpListener::bind(("0.0.0.0", port)).unwrap();
            std::thread::spawn(move || {
                for mut stream in listener.incoming().flatten() {
                    let peer = stream.peer_addr().unwrap().ip().to_string();
                    let _ = stream.write_all(peer.as_bytes());
                }
            });
        });
    }

    /// What [`Namespace::serve`] at this address says; the error's kind if there is no connection within `limit`.
    pub(super) fn ask(&self, address: &str, limit: Duration) -> Result<String, std::io::ErrorKind> {
        let address: SocketAddr = address.parse().unwrap();
        self.run(move |_| {
            let mut stream = TcpStream::connect_timeout(&address, limit).map_err(|e| e.kind())?;
            stream.set_read_timeout(Some(limit)).unwrap();
            let mut said = String::new();
            stream.read_to_string(&mut said).map_err(|e| e.kind())?;
            Ok(said)
        })
    }
}
