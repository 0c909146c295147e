use super::*;
use crate::{Error, Exit};

#[test]
fn a_failure_shows_the_argv_and_the_tail() {
    let error = Command::new("sh")
        .args(["-c", "echo one; echo 'two three' >&2; exit 7"])
        .run()
        .unwrap_err();
    assert_eq!(error.exit(), Exit::External);
    let report = error.report();
    assert!(report.contains("command: sh -c 'echo one;"), "{report}");
    assert!(report.contains("one\n  two three"), "{report}");
}

#[test]
fn a_missing_program_is_the_users_to_install() {
    let error = Command::new("no-such-program-here").run().unwrap_err();
    assert_eq!(error.exit(), Exit::User);
    assert!(
        error
            .report()
            .contains("hint: install the program `no-such-program-here`")
    );
}

#[test]
fn the_environment_is_clean() {
    let output = Command::new("env").env("EXTRA", "1").run().unwrap().text();
    let mut keys: Vec<&str> = output.lines().filter_map(|l| l.split('=').next()).collect();
    keys.retain(|k| !INHERITED.contains(k));
    keys.sort_unstable();
    assert_eq!(keys, ["EXTRA", "LC_ALL", "PATH", "TZ"]);
}

#[test]
fn a_program_dies_with_the_one_that_started_it() {
    // The signal comes when the thread that forked ends, so a thread can stand for the process.
    let forked = std::thread::spawn(|| {
        Command::new("sleep")
            .arg("600")
            .dying_with_us()
            .spawn()
            .unwrap()
    });
    let status = forked.join().unwrap().wait().unwrap();
    assert_eq!(
        std::os::unix::process::ExitStatusExt::signal(&status),
        Some(15)
    );
}

#[test]
fn a_run_is_logged_when_it_fails_and_a_stream_always() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("x.log");
    let says = |script| Command::new("sh").args(["-c", script]).log(&log);
    says("echo well").run().unwrap();
    assert!(!log.exists());
    says("echo badly; exit 1").run().unwrap_err();
    assert_eq!(std::fs::read_to_string(&log).unwrap(), "badly\n");
    says("echo streamed").stream(|_| Ok(())).unwrap();
    assert_eq!(std::fs::read_to_string(&log).unwrap(), "badly\nstreamed\n");
}

#[test]
fn streaming_keeps_a_log_and_stops_on_request() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("logs/x.log");
    let mut seen = Vec::new();
    Command::new("sh")
        .args(["-c", "echo a; echo b >&2"])
        .log(&log)
        .stream(|line| {
            seen.push(line.to_owned());
            Ok(())
        })
        .unwrap();
    assert_eq!(seen, ["a", "b"]);
    assert_eq!(std::fs::read_to_string(&log).unwrap(), "a\nb\n");
    let stopped = Command::new("yes")
        .stream(|_| Err(Error::user("enough")))
        .unwrap_err();
    assert_eq!(stopped.to_string(), "enough");
}
