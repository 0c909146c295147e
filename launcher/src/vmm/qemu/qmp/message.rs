//! The messages that QEMU sends, one JSON object a line.

use serde::Deserialize;
use serde_json::Value;

/// One message of the server.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Message {
    /// The first one.
    Greeting {
        /// QEMU's version: major, minor, micro.
        version: [u32; 3],
    },
    /// A command worked.
    Return {
        /// The number that the command was sent with.
        id: Option<u64>,
        /// Its result.
        value: Value,
    },
    /// A command failed.
    Error {
        /// The number that the command was sent with.
        id: Option<u64>,
        /// The problem, for a person.
        description: String,
    },
    /// Something happened.
    Event(Event),
}

/// Something that happened to the machine.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Event {
    /// Its name: `SHUTDOWN`, `POWERDOWN`.
    #[serde(rename = "event")]
    pub(crate) name: String,
    /// Its data; an object.
    #[serde(default)]
    pub(crate) data: Value,
}

/// The error for a line that is not a message of QMP.
#[derive(Debug, thiserror::Error)]
#[error("not a message of QMP: {reason}: {line}")]
pub(crate) struct NotQmp {
    reason: String,
    line: String,
}

/// Parses one line, with or without its end.
pub(crate) fn parse(line: &[u8]) -> Result<Message, NotQmp> {
    let bad = |reason: String| {
        let start = &line[..line.len().min(120)];
        let line = String::from_utf8_lossy(start).trim_end().to_owned();
        NotQmp { reason, line }
    };
    let raw: Raw = serde_json::from_slice(line).map_err(|error| bad(error.to_string()))?;
    match raw {
        Raw {
            greeting: Some(greeting),
            ..
        } => {
            let version = greeting.version.qemu;
            Ok(Message::Greeting {
                version: [version.major, version.minor, version.micro],
            })
        }
        Raw {
            error: Some(error),
            id,
            ..
        } => Ok(Message::Error {
            id,
            description: error.desc,
        }),
        Raw {
            value: Some(value),
            id,
            ..
        } => Ok(Message::Return { id, value }),
        Raw {
            event: Some(name),
            data,
            ..
        } => Ok(Message::Event(Event {
            name,
            data: data.unwrap_or_default(),
        })),
        _ => Err(bad("neither greeting, return, error nor event".to_owned())),
    }
}

#[derive(Deserialize)]
struct Raw {
    #[serde(rename = "QMP")]
    greeting: Option<Greeting>,
    #[serde(rename = "return")]
    value: Option<Value>,
    error: Option<Failure>,
    event: Option<String>,
    data: Option<Value>,
    id: Option<u64>,
}

#[derive(Deserialize)]
struct Greeting {
    version: Versions,
}

#[derive(Deserialize)]
struct Versions {
    qemu: Version,
}

#[derive(Deserialize)]
struct Version {
    major: u32,
    minor: u32,
    micro: u32,
}

#[derive(Deserialize)]
struct Failure {
    desc: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn messages_of_qemu_7_2_parse() {
        // As recorded from QEMU 7.2.22.
        let greeting = br#"{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": "Debian"}, "capabilities": ["oob"]}}"#;
        assert_eq!(
            parse(greeting).unwrap(),
            Message::Greeting {
                version: [7, 2, 22]
            }
        );
        let returned = parse(b"{\"return\": {}, \"id\": 3}\r\n").unwrap();
        assert_eq!(
            returned,
            Message::Return {
                id: Some(3),
                value: json!({})
            }
        );
        let failed = br#"{"id": 4, "error": {"class": "CommandNotFound", "desc": "The command x has not been found"}}"#;
        let description = "The command x has not been found".to_owned();
        assert_eq!(
            parse(failed).unwrap(),
            Message::Error {
                id: Some(4),
                description
            }
        );
        let event = br#"{"timestamp": {"seconds": 1, "microseconds": 2}, "event": "SHUTDOWN", "data": {"guest": true, "reason": "guest-shutdown"}}"#;
        let Message::Event(event) = parse(event).unwrap() else {
            panic!("not an event");
        };
        assert_eq!(
            (event.name.as_str(), &event.data["reason"]),
            ("SHUTDOWN", &json!("guest-shutdown"))
        );
        let report = parse(b"{\"x\": 1}").unwrap_err().to_string();
        assert_eq!(
            report,
            "not a message of QMP: neither greeting, return, error nor event: {\"x\": 1}"
        );
    }

    proptest! {
        #[test]
        fn any_line_is_a_message_or_refused(line: Vec<u8>) {
            let _ = parse(&line);
        }

        #[test]
        fn what_an_event_says_comes_through(name in "[A-Z_]{1,20}", guest: bool, number: u64) {
            let line = json!({"event": name, "data": {"guest": guest, "n": number}, "timestamp": {"seconds": number}});
            let Message::Event(event) = parse(line.to_string().as_bytes()).unwrap() else {
                panic!("not an event");
            };
            prop_assert_eq!(event.name, name);
            prop_assert_eq!(event.data, json!({"guest": guest, "n": number}));
        }

        #[test]
        fn results_come_through(id: u64, text in ".*") {
            let line = json!({"return": text, "id": id}).to_string();
            let expected = Message::Return { id: Some(id), value: json!(text) };
            prop_assert_eq!(parse(line.as_bytes()).unwrap(), expected);
        }
    }
}
