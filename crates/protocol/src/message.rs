//! Messages: what is asked, noted and answered on a stream.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::personalise::{Personalise, Personalised};

/// Opens a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case")]
pub enum Request {
    /// Answered by [`Reply::Pong`].
    Ping,
    /// Runs a program: standard input is [`crate::Kind::Data`] up to [`crate::Kind::End`]; answered by
    /// [`Reply::Started`], output in both kinds of data, and [`Reply::Exited`].
    Exec(Exec),
    /// Writes files: the data up to [`crate::Kind::End`] says what; answered by [`Reply::Done`].
    Put(Put),
    /// Reads files: answered by [`Reply::Found`], data up to [`crate::Kind::End`], and [`Reply::Done`].
    Get(Get),
    /// Makes this guest another one than the snapshot that it comes from; answered by [`Reply::Personalised`].
    Personalise(Personalise),
    /// Asks the guest's init to power the machine off; answered by [`Reply::Done`] as soon as it is asked.
    PowerOff,
}

/// A program to run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exec {
    /// The program, searched in the guest's PATH unless it has a slash, and its arguments.
    pub argv: Vec<String>,
    /// Environment on top of what every login has (HOME, USER, LOGNAME, SHELL, PATH).
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// The folder it runs in. Unset: its user's home, or `/` if that does not exist.
    #[serde(default)]
    pub cwd: Option<String>,
    /// The user who runs it, by name or number. Unset: root.
    #[serde(default)]
    pub user: Option<String>,
    /// It gets a terminal of this size; its standard error then goes with its standard output.
    #[serde(default)]
    pub terminal: Option<Terminal>,
}

/// The size of a terminal in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terminal {
    /// Lines.
    pub rows: u16,
    /// Characters in a line.
    pub columns: u16,
}

/// The form of a copy's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// One file's content.
    File,
    /// A tar archive ([`crate::archive`]) whose one entry is a file, or whose entries are a folder `.` and what is in it.
    Archive,
}

/// Files to write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Put {
    /// The destination. An existing folder takes the copy under `name`; another path becomes the copy.
    pub path: String,
    /// The source's own name.
    pub name: String,
    /// The form of the bytes that come.
    pub shape: Shape,
}

/// Files to read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Get {
    /// A file or a folder.
    pub path: String,
    /// The form that is wanted.
    pub shape: Shape,
}

/// Said by the host about a stream that is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "note", rename_all = "snake_case")]
pub enum Note {
    /// Send this signal (its number on x86-64 Linux) to the program and its process group.
    Signal {
        /// The number.
        number: i32,
    },
    /// The terminal has another size.
    Resize(Terminal),
}

/// Answers a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case")]
pub enum Reply {
    /// To [`Request::Ping`].
    Pong {
        /// The agent's own version.
        agent: String,
        /// Time since the guest's kernel started, in milliseconds.
        uptime_ms: u64,
    },
    /// The program runs.
    Started {
        /// Its process.
        pid: u32,
    },
    /// The program has ended and all its output was sent.
    Exited(Exit),
    /// There is something to read.
    Found(Found),
    /// The request was carried out.
    Done,
    /// The steps that made the guest another one.
    Personalised(Personalised),
    /// It was not done.
    Failed(Failure),
}

/// The end of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// By itself, with this exit code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

/// The path to read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Whether it is a folder.
    pub folder: bool,
}

/// The kind of a failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// For a program.
    pub problem: Problem,
    /// For a person: a lowercase fragment that names the path, program or user.
    pub message: String,
}

/// Kinds of failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Problem {
    /// The program, file, folder or user does not exist.
    NotFound,
    /// It is there and cannot be used so.
    Unusable,
    /// This agent does not understand the message.
    NotUnderstood,
    /// Anything else.
    #[serde(other)]
    Other,
}
