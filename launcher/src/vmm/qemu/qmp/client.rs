//! The client: commands with their answers, and events in between.

use std::collections::VecDeque;

use kindling_base::{Context, Error, Result};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::message::{self, Event, Message};

/// QEMU's longest answers have some hundred KiB (`qom-list`); ours are short.
const LINE_LIMIT: usize = 1 << 20;

/// A connection to a QEMU that has accepted our capabilities.
#[derive(Debug)]
pub(crate) struct Qmp {
    stream: UnixStream,
    buffer: Vec<u8>,
    events: VecDeque<Event>,
    last_id: u64,
}

impl Qmp {
    /// Waits for the greeting and leaves the negotiation mode.
    ///
    /// # Errors
    /// The other end closed the connection or does not speak QMP.
    pub(crate) async fn open(stream: UnixStream) -> Result<Self> {
        let mut qmp = Self {
            stream,
            buffer: Vec::new(),
            events: VecDeque::new(),
            last_id: 0,
        };
        match qmp.message().await? {
            Some(Message::Greeting { .. }) => {}
            Some(other) => return Err(Error::external(format!("QEMU greeted with {other:?}"))),
            None => return Err(closed("its greeting")),
        }
        qmp.execute("qmp_capabilities").await?;
        Ok(qmp)
    }

    /// Runs a command without arguments and returns its result. Events that come before it are kept.
    ///
    /// # Errors
    /// QEMU refuses the command or closed the connection.
    pub(crate) async fn execute(&mut self, command: &str) -> Result<Value> {
        self.execute_with(command, json!({})).await
    }

    /// As [`Qmp::execute`], with arguments: a JSON object.
    ///
    /// # Errors
    /// QEMU refuses the command or closed the connection.
    pub(crate) async fn execute_with(&mut self, command: &str, arguments: Value) -> Result<Value> {
        self.last_id += 1;
        let sent = self.last_id;
        let request = json!({"execute": command, "arguments": arguments, "id": sent});
        let line = format!("{request}\n");
        self.stream
            .write_all(line.as_bytes())
            .await
            .context(format!("cannot send `{command}` to QEMU"))?;
        loop {
            match self.message().await? {
                Some(Message::Event(event)) => self.events.push_back(event),
                Some(Message::Return { id, value }) if id == Some(sent) => return Ok(value),
                Some(Message::Error { id, description }) if id.is_none() || id == Some(sent) => {
                    return Err(Error::external(format!(
                        "QEMU refuses `{command}`: {description}"
                    )));
                }
                Some(_) => {} // the answer to a command whose caller gave up
                None => return Err(closed(&format!("the answer to `{command}`"))),
            }
        }
    }

    /// The next event; `None` when QEMU has closed the connection. Nothing is lost if the future is dropped.
    ///
    /// # Errors
    /// The connection broke or what came is not QMP.
    pub(crate) async fn event(&mut self) -> Result<Option<Event>> {
        if let Some(event) = self.events.pop_front() {
            return Ok(Some(event));
        }
        loop {
            match self.message().await? {
                Some(Message::Event(event)) => return Ok(Some(event)),
                Some(_) => {} // the answer to a command whose caller gave up
                None => return Ok(None),
            }
        }
    }

    /// Waits for an event of which `wanted` makes something; other events are kept.
    ///
    /// # Errors
    /// QEMU closed the connection, or what came is not QMP.
    pub(crate) async fn wait_for<T>(
        &mut self,
        what: &str,
        wanted: impl Fn(&Event) -> Option<T>,
    ) -> Result<T> {
        if let Some(at) = self.events.iter().position(|event| wanted(event).is_some())
            && let Some(found) = self.events.remove(at).as_ref().and_then(&wanted)
        {
            return Ok(found);
        }
        loop {
            match self.message().await? {
                Some(Message::Event(event)) => match wanted(&event) {
                    Some(found) => return Ok(found),
                    None => self.events.push_back(event),
                },
                Some(_) => {} // the answer to a command whose caller gave up
                None => return Err(closed(what)),
            }
        }
    }

    async fn message(&mut self) -> Result<Option<Message>> {
        loop {
            if let Some(end) = self.buffer.iter().position(|b| *b == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                let message = message::parse(&line);
                return message
                    .map(Some)
                    .map_err(|error| Error::external("cannot understand QEMU").because(error));
            }
            if self.buffer.len() > LINE_LIMIT {
                return Err(Error::external(format!(
                    "QEMU sent a line of more than {LINE_LIMIT} bytes"
                )));
            }
            // Bytes that were read stay in the buffer if this future is dropped.
            let read = self.stream.read_buf(&mut self.buffer).await;
            match read {
                Ok(0) => return Ok(None),
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {
                    return Ok(None);
                }
                Err(error) => return Err(error).context("cannot read from QEMU"),
            }
        }
    }
}

fn closed(waiting_for: &str) -> Error {
    Error::external(format!(
        "QEMU closed its control connection before {waiting_for}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GREETING: &str = r#"{"QMP": {"version": {"qemu": {"micro": 1, "minor": 2, "major": 8}}, "capabilities": []}}"#;

    /// Plays QEMU: for each step reads a command, then writes the lines with `ID` replaced by the command's number.
    async fn play(steps: Vec<&'static str>) -> (Result<Qmp>, tokio::task::JoinHandle<Vec<Value>>) {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let server = tokio::spawn(async move {
            let mut commands = Vec::new();
            theirs
                .write_all(format!("{GREETING}\r\n").as_bytes())
                .await
                .unwrap();
            for step in steps {
                let mut line = Vec::new();
                while line.last() != Some(&b'\n') {
                    line.push(theirs.read_u8().await.unwrap());
                }
                let command: Value = serde_json::from_slice(&line).unwrap();
                let answer = step.replace("ID", &command["id"].to_string());
                theirs.write_all(answer.as_bytes()).await.unwrap();
                commands.push(command["execute"].clone());
            }
            commands
        });
        (Qmp::open(ours).await, server)
    }

    #[tokio::test]
    async fn events_between_a_command_and_its_answer_are_kept() {
        let steps = vec![
            "{\"return\": {}, \"id\": ID}\n",
            "{\"event\": \"POWERDOWN\"}\n{\"event\": \"SHUTDOWN\", \"data\": {\"guest\": true}}\n{\"return\": {\"x\": 1}, \"id\": ID}\n",
            "{\"error\": {\"class\": \"GenericError\", \"desc\": \"no\"}, \"id\": ID}\n",
        ];
        let (qmp, server) = play(steps).await;
        let mut qmp = qmp.unwrap();
        assert_eq!(
            qmp.execute("system_powerdown").await.unwrap(),
            json!({"x": 1})
        );
        let error = qmp.execute("quit").await.unwrap_err();
        assert_eq!(error.to_string(), "QEMU refuses `quit`: no");
        assert_eq!(qmp.event().await.unwrap().unwrap().name, "POWERDOWN");
        assert_eq!(qmp.event().await.unwrap().unwrap().name, "SHUTDOWN");
        assert_eq!(qmp.event().await.unwrap(), None);
        assert_eq!(
            server.await.unwrap(),
            ["qmp_capabilities", "system_powerdown", "quit"]
        );
    }

    #[tokio::test]
    async fn an_endless_line_is_refused() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let server = tokio::spawn(async move {
            // The client closes in the middle of it.
            let _ = theirs.write_all(&vec![b'x'; 2 * LINE_LIMIT]).await;
        });
        let error = Qmp::open(ours).await.unwrap_err();
        assert!(
            error.to_string().contains("more than 1048576 bytes"),
            "{error}"
        );
        server.await.unwrap();
    }

    #[tokio::test]
    async fn a_closed_connection_is_an_error_that_says_when() {
        let (qmp, _server) = play(vec![]).await;
        let error = qmp.unwrap_err();
        assert!(
            error
                .to_string()
                .contains("before the answer to `qmp_capabilities`")
                || error.to_string().contains("cannot send"),
            "{error}"
        );
    }
}
