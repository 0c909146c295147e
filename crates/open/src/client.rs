//! The side that is called: any user, any environment.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::answer::{Answer, Reason};
use crate::{SOCKET, complain};

/// Time beyond the session's own limit, in which it can still report that it was reached.
const GRACE: Duration = Duration::from_secs(5);

/// The longest answer: a title of a window and an address.
const LONGEST_ANSWER: u64 = 256 << 10;

/// Hands an address, which is checked, to the session; returns what it answers.
pub(crate) fn open(url: &str, timeout: Duration) -> Answer {
    let started = Instant::now();
    let not = |reason, error| Answer::NotOpened {
        url: url.to_owned(),
        reason,
        error,
        ms: started.elapsed().as_millis(),
    };
    match ask(url, timeout) {
        Ok(line) => match parse(&line) {
            Some(Said::Opened { window, ms, title }) => Answer::Opened { window, title, ms },
            Some(Said::Failed(reason, error)) => not(reason, error),
            None => not(
                Reason::Failed,
                "the desktop ended without an answer; see `journalctl -u kindling-open`".into(),
            ),
        },
        Err(error) => not(
            Reason::NoDesktop,
            format!("no desktop answers at {SOCKET}: {error}"),
        ),
    }
}

fn ask(url: &str, timeout: Duration) -> std::io::Result<String> {
    let mut stream = UnixStream::connect(SOCKET)?;
    stream.set_read_timeout(Some(timeout + GRACE))?;
    stream.write_all(format!("{} {url}\n", timeout.as_secs()).as_bytes())?;
    let mut line = String::new();
    let mut reader = BufReader::new(std::io::Read::take(stream, LONGEST_ANSWER));
    reader.read_line(&mut line)?;
    Ok(line.trim_end().to_owned())
}

/// The session's answer.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    Opened {
        window: u32,
        ms: u128,
        title: String,
    },
    Failed(Reason, String),
}

/// The session's answer: `opened WINDOW MS TITLE`, or `REASON EXPLANATION`.
fn parse(line: &str) -> Option<Said> {
    let (word, rest) = line.split_once(' ')?;
    if word != "opened" {
        return Some(Said::Failed(Reason::of(word)?, rest.to_owned()));
    }
    let mut words = rest.splitn(3, ' ');
    Some(Said::Opened {
        window: words.next()?.parse().ok()?,
        ms: words.next()?.parse().ok()?,
        title: words.next()?.to_owned(),
    })
}

/// The session's line for a page without a window.
pub(crate) fn failed(reason: Reason, explanation: &str) -> String {
    format!("{} {}\n", reason.word(), explanation.replace('\n', " "))
}

/// The session's line for a page that a window shows.
pub(crate) fn opened(window: u32, ms: u128, title: &str) -> String {
    let title: String = title.chars().filter(|char| !char.is_control()).collect();
    format!("opened {window} {ms} {title}\n")
}

/// Files, other schemes and options go to the program whose name we have; the browser starts without an address.
pub(crate) fn hand_over(name: &str, args: &[OsString]) -> ExitCode {
    let program = match name {
        "xdg-open" => "/usr/bin/xdg-open.distrib",
        _ => "/usr/bin/chrome-wrapper",
    };
    #[expect(
        clippy::disallowed_methods,
        reason = "it becomes the program, in the caller's environment"
    )]
    let error = std::process::Command::new(program).args(args).exec();
    complain(&format!("cannot start {program}: {error}"));
    ExitCode::from(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_session_and_its_callers_understand_each_other() {
        let line = opened(7, 1200, "A page\nin two - Chromium");
        let said = Said::Opened {
            window: 7,
            title: "A pagein two - Chromium".into(),
            ms: 1200,
        };
        assert_eq!(parse(line.trim_end()), Some(said));
        for reason in [Reason::NoDesktop, Reason::Timeout, Reason::Failed] {
            let line = failed(reason, "no window\ncame");
            let said = Said::Failed(reason, "no window came".into());
            assert_eq!(parse(line.trim_end()), Some(said));
        }
        assert_eq!(parse("no window came"), None);
        assert_eq!(parse(""), None);
    }

    #[test]
    fn without_a_session_the_address_comes_back() {
        let Answer::NotOpened {
            url, reason, error, ..
        } = open("http://a/", Duration::from_secs(1))
        else {
            panic!("opened without a desktop")
        };
        assert_eq!((&*url, reason), ("http://a/", Reason::NoDesktop));
        assert!(
            error.contains("no desktop answers at /run/kindling-open.sock"),
            "{error}"
        );
    }

    proptest::proptest! {
        #[test]
        fn any_answer_is_read(line in ".{0,60}|opened .{0,40}") {
            let _ = parse(&line);
        }
    }
}
