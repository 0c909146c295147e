//! The side in the session: takes addresses, starts the browser, watches the windows.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use listenfd::ListenFd;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use x11rb::protocol::xproto::Window;

use crate::answer::Reason;
use crate::windows::{Desktop, Heard};
use crate::{TIMEOUT, address, browser, client, complain};

/// The longest request: a number and an address.
const LONGEST_REQUEST: u64 = 40 << 10;

/// The time that a window may be called by its address. A page without a title is called so for good; another is
/// called by it as soon as that is read.
const UNTITLED: Duration = Duration::from_secs(10);

/// Serves the socket that systemd passes, for ever.
pub(crate) fn serve() -> ExitCode {
    let Ok(Some(listener)) = ListenFd::from_env().take_unix_listener(0) else {
        complain("kindling-open --serve is started by kindling-open.socket only");
        return ExitCode::from(2);
    };
    for stream in listener.incoming() {
        match stream {
            // One thread each: a caller that waits for its page does not hold up another.
            Ok(stream) => drop(std::thread::spawn(move || answer(stream))),
            Err(error) => {
                complain(&format!("cannot take callers: {error}"));
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

fn answer(mut stream: UnixStream) {
    let answer = match request(&stream) {
        Ok((url, timeout)) => open(&url, timeout),
        Err(problem) => Err(problem.into()),
    };
    let line = match answer {
        Ok(line) => line,
        Err(Failure(reason, problem)) => {
            complain(&problem);
            client::failed(reason, &problem)
        }
    };
    let _ = stream.write_all(line.as_bytes()); // the caller may have gone: nobody is left to tell
}

/// `SECONDS URL`. What a caller says is checked again: it need not be our own client.
fn request(stream: &UnixStream) -> Result<(String, Duration), String> {
    let cannot = |error: std::io::Error| format!("cannot read the address: {error}");
    stream.set_read_timeout(Some(TIMEOUT)).map_err(cannot)?;
    let mut line = String::new();
    BufReader::new(stream.take(LONGEST_REQUEST))
        .read_line(&mut line)
        .map_err(cannot)?;
    parse(line.trim_end())
}

fn parse(line: &str) -> Result<(String, Duration), String> {
    let (seconds, url) = line.split_once(' ').ok_or("expected SECONDS URL")?;
    let seconds: u64 = seconds
        .parse()
        .map_err(|_| format!("`{}` are no seconds", seconds.escape_debug()))?;
    address::check(url)?;
    Ok((url.to_owned(), Duration::from_secs(seconds.min(3600))))
}

/// A failure: its kind, and its cause for a person.
struct Failure(Reason, String);

impl From<String> for Failure {
    fn from(problem: String) -> Self {
        Self(Reason::Failed, problem)
    }
}

/// Opens a page and waits for the window; returns the answer's line.
fn open(url: &str, timeout: Duration) -> Result<String, Failure> {
    let lost = |error: &dyn std::fmt::Display| format!("the display is lost: {error}");
    let started = Instant::now();
    let mut desktop = Desktop::connect().map_err(|problem| Failure(Reason::NoDesktop, problem))?;
    let mut seen = Seen {
        before: desktop.browsers().map_err(|error| lost(&error))?,
        ..Seen::default()
    };
    let mut browser = browser::start(url)?;
    let mut is_running = true;
    loop {
        let mut news = false;
        while let Some(heard) = desktop.heard().map_err(|error| lost(&error))? {
            news = true;
            if let Heard::Title(window) = heard {
                seen.renamed.push(window);
            }
        }
        if news || seen.untitled.is_some() {
            for window in desktop.browsers().map_err(|error| lost(&error))? {
                let title = desktop.title(window).map_err(|error| lost(&error))?;
                if seen.shows(window, &title, url) {
                    desktop.show(window).map_err(|error| lost(&error))?;
                    browser.leave();
                    return Ok(client::opened(
                        window,
                        started.elapsed().as_millis(),
                        &title,
                    ));
                }
            }
        }
        let Some(left) = timeout.checked_sub(started.elapsed()) else {
            browser.leave();
            let problem = format!("no window showed it within {} s", timeout.as_secs());
            return Err(Failure(Reason::Timeout, problem));
        };
        let left = seen.untitled.map_or(left, |since| {
            left.min(UNTITLED.saturating_sub(since.elapsed()))
        });
        let mut sources = vec![PollFd::from_borrowed_fd(desktop.readable(), PollFlags::IN)];
        if is_running {
            sources.push(PollFd::new(&browser.ended, PollFlags::IN));
        }
        let limit = Timespec::try_from(left.max(Duration::from_millis(1))).ok();
        poll(&mut sources, limit.as_ref()).map_err(|error| lost(&error))?;
        let ended = sources
            .get(1)
            .is_some_and(|source| !source.revents().is_empty());
        if ended {
            is_running = false;
            if let Some(failure) = browser.failure() {
                return Err(failure.into());
            }
        }
    }
}

/// The browser's windows since a page was asked for.
#[derive(Debug, Default)]
struct Seen {
    /// Its windows before.
    before: Vec<Window>,
    /// The windows that were given a title since.
    renamed: Vec<Window>,
    /// The moment from which on a window shows the page, but not its title.
    untitled: Option<Instant>,
}

impl Seen {
    /// Whether a window of this title shows the page at last.
    fn shows(&mut self, window: Window, title: &str, url: &str) -> bool {
        let is_new = !self.before.contains(&window) || self.renamed.contains(&window);
        if !is_new || is_placeholder(title) {
            return false;
        }
        if !title.starts_with(address::without_scheme(url)) && !title.starts_with(url) {
            return true;
        }
        self.untitled.get_or_insert_with(Instant::now).elapsed() >= UNTITLED
    }
}

/// Whether a title is that of a window that shows no page yet.
fn is_placeholder(title: &str) -> bool {
    let page = title.rsplit_once(" - ").map_or("", |(page, _)| page);
    ["", "New Tab", "Untitled", "about:blank", "Loading…"].contains(&page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_checked_again() {
        let request = parse("20 http://a/b?c d");
        assert!(request.is_err());
        let request = parse("20 http://a/b?c");
        assert_eq!(
            request,
            Ok(("http://a/b?c".into(), Duration::from_secs(20)))
        );
        for line in [
            "",
            "20",
            "x http://a/",
            "20 --no-sandbox",
            "20 file:///etc/shadow",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn a_page_is_shown_by_a_new_window_or_a_new_title() {
        let url = "http://127.0.0.1:80/page?x";
        let mut seen = Seen {
            before: vec![1],
            ..Seen::default()
        };
        assert!(
            !seen.shows(1, "Old page - Chromium", url),
            "nothing has changed"
        );
        assert!(!seen.shows(2, "", url) && !seen.shows(2, "New Tab - Chromium", url));
        assert!(
            !seen.shows(2, "127.0.0.1:80/page - Chromium", url),
            "the title may come yet"
        );
        assert!(seen.untitled.is_some());
        assert!(seen.shows(2, "A page - Chromium", url));
        seen.renamed.push(1);
        assert!(seen.shows(1, "A page - Chromium", url));
        seen.untitled = Instant::now().checked_sub(UNTITLED);
        assert!(
            seen.shows(2, "127.0.0.1:80/page - Chromium", url),
            "it has none"
        );
    }

    proptest::proptest! {
        #[test]
        fn any_request_is_read(line in ".{0,60}") {
            let _ = parse(&line);
        }
    }
}
