//! The golden desktop, booted once, and looked at through a real browser.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests")]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use kindling_tests::{Browser, Guest, Scratch, free_port, project};

/// Colours of rootfs-overlays/desktop: the ground and the title bar of a terminal.
const TERMINAL: [u8; 3] = [0x10, 0x16, 0x1e];
const TITLE_BAR: [u8; 3] = [0x22, 0x30, 0x3f];

/// Pages that the guest shows: how xdg-open is called, the page's title, and its colour, which the picture must have.
const PAGES: [(&str, &str, [u8; 3]); 3] = [
    (
        "runuser -l desktop -c 'xdg-open http://127.0.0.1:8000/user.html'",
        "Opened by the user",
        [0x2b, 0x8a, 0x6b],
    ),
    (
        "systemd-run --quiet --wait --pipe xdg-open http://127.0.0.1:8000/unit.html",
        "Opened by a unit of root",
        [0x8a, 0x4b, 0x9e],
    ),
    (
        "env -i /usr/bin/xdg-open http://127.0.0.1:8000/empty.html",
        "Opened from an empty environment",
        [0xc7, 0x6b, 0x2b],
    ),
];

/// Lines of error priority that are no error here: how each begins, and why it is let pass.
const EXPECTED: [(&str, &str); 2] = [
    (
        "PCI: Fatal: No config space access function found",
        "the kernel on a machine whose PCI bus is found later, by its ECAM window",
    ),
    ("Failed to open /dev/tpmrm0", "there is no TPM"),
];

#[test]
fn the_golden_desktop_shows_types_and_opens_pages() {
    let screen = match Browser::start(1280, 800) {
        Ok(screen) => screen,
        Err(error) => return println!("skipped: no browser to look with: {error}"),
    };
    let scratch = Scratch::new();
    let port = free_port();
    let guest = Guest::boot(&scratch, "golden-debian-12", (port, 6080));
    shows_a_terminal(&screen, &guest, port);
    types_into_it(&screen, &guest);
    opens_pages(&screen, &guest);
    is_in_order(&guest);
}

/// noVNC, connected by itself, shows the desktop with one terminal on it.
fn shows_a_terminal(screen: &Browser, guest: &Guest<'_>, port: u16) {
    screen.open(&format!("http://127.0.0.1:{port}/"));
    // The page leads to another one: for a moment there is none.
    screen.wait("return document.documentElement?.classList.contains('noVNC_connected') === true");
    let picture = screen.look_for("the terminal", |picture| {
        let window = picture.is(500, 400, TERMINAL) && picture.is(120, 54, TITLE_BAR);
        let prompt = picture.bright(45..300, 75..100) > 50;
        // The ground goes from teal at the top to navy at the bottom.
        let [top, bottom] = [picture.at(20, 20), picture.at(1260, 780)];
        window && prompt && top[1] > bottom[1] + 20 && bottom[2] > bottom[0]
    });
    picture.save(&artifact("desktop"));
    let windows = guest.run("export DISPLAY=:1; for id in $(xprop -root _NET_CLIENT_LIST | grep -o '0x[0-9a-f]*'); do xprop -id $id WM_CLASS; done");
    assert_eq!(windows.trim(), r#"WM_CLASS(STRING) = "xterm", "XTerm""#);
    assert_eq!(
        guest
            .run("DISPLAY=:1 xprop -root _NET_NUMBER_OF_DESKTOPS")
            .trim(),
        "_NET_NUMBER_OF_DESKTOPS(CARDINAL) = 1"
    );
}

/// Keys that are pressed in the browser are a command in the guest.
fn types_into_it(screen: &Browser, guest: &Guest<'_>) {
    screen.click(500, 300);
    screen.type_text("fc-match monospace:lang=ja; id -un >/run/desktop/typed\n");
    let started = Instant::now();
    while guest.run("cat /run/desktop/typed 2>&1").trim() != "desktop" {
        assert!(
            started.elapsed() < Duration::from_secs(60),
            "nothing was typed"
        );
    }
    let picture = screen.look_for("the command", |picture| {
        picture.bright(45..700, 75..140) > 400
    });
    picture.save(&artifact("typed"));
}

/// xdg-open shows a page in a window, whoever calls it, and says so.
fn opens_pages(screen: &Browser, guest: &Guest<'_>) {
    let mut script = String::from("mkdir -p /run/pages\n");
    for (call, title, [red, green, blue]) in PAGES {
        let file = call.rsplit('/').next().unwrap().trim_end_matches('\'');
        script += &format!(
            "cat >/run/pages/{file} <<END\n<!doctype html><meta charset=utf-8><title>{title}</title>\
             <body style='margin:0;height:100vh;display:grid;place-items:center;background:rgb({red},{green},{blue});\
             color:white;font:48px sans-serif'><div>{title}<br>Latin, 漢字, かな, 한글, 😀 🚀</div>\nEND\n"
        );
    }
    script +=
        "systemd-run --quiet --unit pages python3 -m http.server --directory /run/pages 8000\n";
    // The port answers once the server has bound it.
    script += "until curl -sf -o /dev/null http://127.0.0.1:8000/user.html; do systemctl is-active -q pages || exit 1; done\n";
    assert_eq!(guest.run(&script), "");
    for (call, title, colour) in PAGES {
        let answer = guest.run(&format!("{call}; echo exit $?"));
        println!("{call}\n    {}", answer.trim());
        let expected = format!("\"title\":\"{title} - Chromium\"");
        assert!(
            answer.contains("{\"opened\":true,\"window\":\"0x"),
            "{answer}"
        );
        assert!(
            answer.contains(&expected) && answer.ends_with("exit 0\n"),
            "{answer}"
        );
        let picture = screen.look_for(title, |picture| {
            picture.is(100, 700, colour) && picture.bright(300..1000, 350..550) > 500
        });
        let file = call.rsplit('/').next().unwrap().split('.').next().unwrap();
        picture.save(&artifact(&format!("opened-{file}")));
    }
    let refused = guest.run("kindling-open file:///etc/passwd; echo exit $?");
    assert!(refused.ends_with("exit 2\n"), "{refused}");
    // Each page is drawn by a process in a user namespace of the sandbox, which --no-sandbox would have switched off.
    let renderers = "own=$(readlink /proc/1/ns/user); for p in /proc/[0-9]*; do \
                     tr '\\0' ' ' 2>/dev/null <$p/cmdline | grep -q -e '--type=[r]enderer' || continue; \
                     [ \"$(readlink $p/ns/user)\" = \"$own\" ] && echo open || echo sandboxed; done | sort -u";
    assert_eq!(guest.run(renderers).trim(), "sandboxed");
}

/// Nothing failed, and nothing complained that should not.
fn is_in_order(guest: &Guest<'_>) {
    assert_eq!(guest.run("systemctl --failed --no-legend --plain"), "");
    assert_eq!(guest.run("systemctl is-system-running").trim(), "running");
    let units = "kindling-display kindling-session kindling-vnc kindling-novnc kindling-open";
    let active = guest.run(&format!("systemctl is-active {units}"));
    assert_eq!(active, "active\n".repeat(5));
    assert_eq!(guest.run("dpkg --audit"), "");
    assert_eq!(guest.run("date +%Z").trim(), "UTC");
    let errors = guest.run("journalctl -b -q -p err -o cat --no-pager");
    let unexpected: Vec<&str> = errors
        .lines()
        .filter(|line| !EXPECTED.iter().any(|(begin, _)| line.starts_with(begin)))
        .collect();
    assert_eq!(unexpected, [""; 0]);
}

/// Where a screenshot is kept.
fn artifact(name: &str) -> PathBuf {
    project().join(format!("target/screenshots/{name}.png"))
}
