//! The side that is called: any user, any environment.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::answer::Answer;
use crate::{SOCKET, complain};

/// What the session's own limit leaves it to say so.
const GRACE: Duration = Duration::from_secs(5);

/// The longest answer: a title of a window and an address.
const LONGEST_ANSWER: u64 = 256 << 10;

/// Hands an address, which is checked, to the session; returns what it answers.
pub(crate) fn open(url: &str, timeout: Duration) -> Answer {
    let started = Instant::now();
    let not = |error: String| Answer::NotOpened {
        url: url.to_owned(),
        error,
        ms: started.elapsed().as_millis(),
    };
    match ask(url, timeout) {
        Ok(line) => parse(&line).unwrap_or_else(|| {
            not(match line.is_empty() {
                true => {
                    "the desktop ended without an answer; see `journalctl -u kindling-open`".into()
                }
                false => line,
            })
        }),
        Err(error) => not(format!("no desktop answers at {SOCKET}: {error}")),
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

/// The session's answer: `opened WINDOW MS TITLE`.
fn parse(line: &str) -> Option<Answer> {
    let mut words = line.strip_prefix("opened ")?.splitn(3, ' ');
    Some(Answer::Opened {
        window: words.next()?.parse().ok()?,
        ms: words.next()?.parse().ok()?,
        title: words.next()?.to_owned(),
    })
}

/// How the session says that there is a window; everything else is an explanation.
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
        let answer = Answer::Opened {
            window: 7,
            title: "A pagein two - Chromium".into(),
            ms: 1200,
        };
        assert_eq!(parse(line.trim_end()), Some(answer));
        assert_eq!(parse("no window came"), None);
    }

    #[test]
    fn without_a_session_the_address_comes_back() {
        let Answer::NotOpened { url, error, .. } = open("http://a/", Duration::from_secs(1)) else {
            panic!("opened without a desktop")
        };
        assert_eq!(url, "http://a/");
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
