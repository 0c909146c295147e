//! A web server for one folder, on the loopback device, that keeps connections as real ones do and fails when it is told to.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// How an answer goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// This status instead of the file.
    Status(u16),
    /// Half of the file after a header that announces all of it.
    Truncate,
    /// The connection is closed without an answer.
    Hangup,
    /// One byte in the middle of the file is another one.
    Tamper,
}

/// A running mirror; it stops when dropped.
#[derive(Debug)]
pub struct LoopbackMirror {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    folder: PathBuf,
    stop: AtomicBool,
    connections: AtomicUsize,
    requests: Mutex<Vec<String>>,
    faults: Mutex<Vec<Planned>>,
}

#[derive(Debug)]
struct Planned {
    part: String,
    left: u32,
    fault: Fault,
}

impl LoopbackMirror {
    /// Serves `folder` on a free port of 127.0.0.1 until dropped.
    pub fn serve(folder: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            folder: folder.to_owned(),
            stop: AtomicBool::new(false),
            connections: AtomicUsize::new(0),
            requests: Mutex::default(),
            faults: Mutex::default(),
        });
        let server = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if server.stop.load(Ordering::SeqCst) {
                    return; // closes the port
                }
                if let Ok(stream) = stream {
                    let server = Arc::clone(&server);
                    server.connections.fetch_add(1, Ordering::SeqCst);
                    std::thread::spawn(move || server.converse(stream));
                }
            }
        });
        Self {
            address,
            shared,
            thread: Some(thread),
        }
    }

    /// Its address, `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Makes the next `times` answers for paths that contain `part` go wrong.
    pub fn inject(&self, part: &str, times: u32, fault: Fault) {
        self.shared.faults.lock().unwrap().push(Planned {
            part: part.to_owned(),
            left: times,
            fault,
        });
    }

    /// Closes the port: whoever connects from now on is refused, and no request is answered any more.
    pub fn go_down(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        // The listener sees the flag with the next connection, so make one.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }

    /// The paths that were asked for so far, in order, failed ones included.
    pub fn requests(&self) -> Vec<String> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// How many connections were made so far.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// How many requests were for a path that contains `part`.
    pub fn count(&self, part: &str) -> usize {
        self.requests()
            .iter()
            .filter(|path| path.contains(part))
            .count()
    }
}

impl Drop for LoopbackMirror {
    fn drop(&mut self) {
        if self.thread.is_some() {
            self.go_down();
        }
    }
}

impl Shared {
    /// Answers requests until one goes wrong. A client that goes away is its own business.
    fn converse(&self, mut stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        while self.answer(&mut reader, &mut stream).is_some() {}
    }

    /// Answers a request; nothing where the connection ends.
    fn answer(&self, reader: &mut impl BufRead, stream: &mut TcpStream) -> Option<()> {
        let mut request = String::new();
        reader.read_line(&mut request).ok()?;
        let mut header = String::new();
        while reader.read_line(&mut header).is_ok_and(|count| count > 2) {
            header.clear();
        }
        if self.stop.load(Ordering::SeqCst) {
            return None;
        }
        let path = request.split(' ').nth(1)?;
        self.requests.lock().unwrap().push(path.to_owned());
        let fault = self.next_fault(path);
        let body = self.file(path);
        let (status, mut body) = match (fault, body) {
            (Some(Fault::Hangup), _) => return None,
            (Some(Fault::Status(status)), _) => (status, Vec::new()),
            (_, None) => (404, Vec::new()),
            (_, Some(body)) => (200, body),
        };
        let length = body.len();
        match fault {
            Some(Fault::Truncate) => body.truncate(length / 2),
            Some(Fault::Tamper) if !body.is_empty() => body[length / 2] ^= 1,
            _ => {}
        }
        let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n\r\n");
        // At once: the end of an answer would wait for the client's word on its beginning.
        stream.write_all(&[head.as_bytes(), &body].concat()).ok()?;
        (fault != Some(Fault::Truncate)).then_some(())
    }

    fn next_fault(&self, path: &str) -> Option<Fault> {
        let mut faults = self.faults.lock().unwrap();
        let planned = faults
            .iter_mut()
            .find(|f| f.left > 0 && path.contains(&f.part))?;
        planned.left -= 1;
        Some(planned.fault)
    }

    fn file(&self, path: &str) -> Option<Vec<u8>> {
        // Clients of npm write the slash of a scope so.
        let path = path.replace("%2f", "/").replace("%2F", "/");
        let path = Path::new(path.trim_start_matches('/'));
        let plain = path
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        let path = self.folder.join(path);
        // What is said of a folder: a registry of npm has a document at the path above its tarballs.
        let path = if path.is_dir() {
            path.join("index.json")
        } else {
            path
        };
        plain.then(|| std::fs::read(path).ok())?
    }
}
