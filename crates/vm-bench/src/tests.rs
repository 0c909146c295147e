use super::guest::marker_seconds;
use super::rounds::order;
use super::{Side, labels, short};

#[test]
fn turns_go_there_and_back() {
    assert_eq!(order(1, 2), [0, 1]);
    assert_eq!(order(2, 2), [1, 0]);
    assert_eq!(order(4, 3), [2, 1, 0]);
}

#[test]
fn sides_are_called_by_what_they_differ_in() {
    let side = |bundle: &str, run: &[&str]| Side {
        bundle: bundle.to_owned(),
        run: run.iter().map(|&word| word.to_owned()).collect(),
    };
    let two = [side("a", &[]), side("out/b/", &["--no-initramfs"])];
    assert_eq!(labels(&two), ["a", "b --no-initramfs"]);
    let same = [side("a", &[]), side("a", &["--vmm", "firecracker"])];
    assert_eq!(labels(&same), ["A: a", "B: a --vmm firecracker"]);
    let folders = [side("x/a", &[]), side("y/a", &[])];
    assert_eq!(labels(&folders), ["A: a", "B: a"]);
    assert_eq!(short("/"), "");
}

#[test]
fn the_marker_has_the_guests_own_time() {
    let console = "junk\r\n\r\nready: 1\nkindling: ready 2.34\r\nlogin:";
    assert_eq!(marker_seconds(console, "kindling: ready"), Some(2.34));
    assert_eq!(marker_seconds("kindling: ready\n", "kindling: ready"), None);
    assert_eq!(marker_seconds(console, "other"), None);
}
