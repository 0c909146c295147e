//! `kindling-open URL`: opens a page in the desktop of this machine, waits until a window shows it, and says so.
//!
//! It stands behind `xdg-open`, `sensible-browser`, `x-www-browser` and `$BROWSER`. What those usually do depends on the
//! environment that they are called in (DISPLAY, XAUTHORITY, PATH, the user, the unit's control group), and they are
//! silent when it does not suit. So the work is done in the session instead: `kindling-open --serve` is a unit of the
//! session's user, systemd listens on [`SOCKET`] for it, and whoever calls only sends the address there and prints the
//! answer: one line of JSON, and exit code 0 only if there is a window.

mod address;
mod answer;
mod browser;
mod client;
mod serve;
mod windows;

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use answer::Answer;

/// The socket at which the session takes addresses; of the same name in the overlay `browser`.
const SOCKET: &str = "/run/kindling-open.sock";

/// The time that a page may take until a window shows it. A browser that starts for the first time needs a second on hardware
/// and a minute or more under software emulation on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(180);

/// Names of other programs that this one replaces: each is a link to it.
const OPENERS: [&str; 5] = [
    "xdg-open",
    "sensible-browser",
    "x-www-browser",
    "www-browser",
    "gnome-www-browser",
];

const USAGE: &str = "usage: kindling-open [--timeout SECONDS] URL
Opens an http:// or https:// address in the desktop's browser and waits until a window shows it. Prints one line of
JSON: {\"opened\":true,\"window\":ID,\"title\":TEXT,\"ms\":NUMBER}, or {\"opened\":false,\"url\":URL,\"reason\":WORD,
\"error\":TEXT,\"ms\":NUMBER}, where WORD is no-desktop, timeout or failed.
Exit codes: 0 a window shows the page, 1 none does, 2 wrong arguments.";

fn main() -> ExitCode {
    let mut args = std::env::args_os();
    let called = args.next().unwrap_or_default();
    let args: Vec<OsString> = args.collect();
    let name = called.to_string_lossy();
    let name = name.rsplit('/').next().unwrap_or_default();
    if args.first().is_some_and(|arg| arg == "--serve") {
        return serve::serve();
    }
    if OPENERS.contains(&name) && !is_address(&args) {
        return client::hand_over(name, &args);
    }
    match request(&args) {
        Ok((url, timeout)) => {
            let answer = client::open(&url, timeout);
            say(&answer);
            ExitCode::from(u8::from(!answer.is_opened()))
        }
        Err(problem) => {
            complain(&problem);
            complain(USAGE);
            ExitCode::from(2)
        }
    }
}

/// Whether there is one argument and it is for us: an address of the web, or what only looks like one.
fn is_address(args: &[OsString]) -> bool {
    let [one] = args else { return false };
    let one = one.to_string_lossy().to_ascii_lowercase();
    one.starts_with("http:") || one.starts_with("https:")
}

/// The address, checked, and how long to wait for it.
fn request(args: &[OsString]) -> Result<(String, Duration), String> {
    let text = |arg: &OsString| {
        arg.to_str()
            .map(str::to_owned)
            .ok_or("not UTF-8".to_owned())
    };
    let (url, timeout) = match args {
        [url] => (text(url)?, TIMEOUT),
        [flag, seconds, url] if flag == "--timeout" => {
            let seconds = text(seconds)?;
            let parsed = seconds.parse().ok().filter(|s| (1..=3600).contains(s));
            let seconds = parsed.ok_or(format!("--timeout {seconds}: choose 1 to 3600 seconds"))?;
            (text(url)?, Duration::from_secs(seconds))
        }
        _ => return Err("expected one address".to_owned()),
    };
    address::check(&url)?;
    Ok((url, timeout))
}

/// Prints the answer on standard output, and after a failure the address, for a person, on standard error.
#[expect(clippy::print_stdout, reason = "the one line that this program is for")]
fn say(answer: &Answer) {
    println!("{answer}");
    if let Answer::NotOpened { url, error, .. } = answer {
        complain(&format!(
            "cannot show the page: {error}\nopen it yourself: {url}"
        ));
    }
}

/// A message for a person.
#[expect(
    clippy::print_stderr,
    reason = "what is not the answer goes to standard error"
)]
pub(crate) fn complain(text: &str) {
    eprintln!("{text}");
}
