//! Programs that an image promises: others call them by a common name, log in with them, or the recipe asked for them.

use kindling_base::Result;
use kindling_sysroot::Files;

use crate::desktop_file::{pairs, program, value};
use crate::facts::Facts;

/// Names under which programs call whatever opens, shows or edits things.
const COMMON: [&str; 10] = [
    "xdg-open",
    "sensible-browser",
    "x-www-browser",
    "www-browser",
    "gnome-www-browser",
    "x-terminal-emulator",
    "x-session-manager",
    "x-window-manager",
    "editor",
    "pager",
];
/// Where desktop entries are, and the lists that say which opens a type by default.
const APPLICATIONS: [&str; 2] = ["/usr/local/share/applications", "/usr/share/applications"];
/// Entries that a session starts.
const AUTOSTART: &str = "/etc/xdg/autostart";
const DEFAULTS: [&str; 3] = [
    "/etc/xdg/mimeapps.list",
    "/usr/local/share/applications/mimeapps.list",
    "/usr/share/applications/mimeapps.list",
];
/// First number of the accounts of people: UID_MIN of login.defs(5).
const PEOPLE: u32 = 1000;
/// Folders of the modules of PAM and of the name service.
const LIBRARIES: [&str; 2] = ["/usr/lib/x86_64-linux-gnu", "/usr/lib"];

/// Paths and names of the promised programs.
pub(super) fn programs(facts: &Facts<'_>) -> Result<Vec<String>> {
    let files = &facts.files;
    let mut all: Vec<String> = shells(files)?;
    all.extend(logins(files)?);
    let requested = facts.image.requested.iter().map(String::as_str);
    for name in COMMON.into_iter().chain(requested) {
        for folder in ["/usr/local/bin", "/usr/bin", "/usr/sbin"] {
            all.push(format!("{folder}/{name}"));
        }
    }
    if files.on_path("x-session-manager").is_some() || files.on_path("x-window-manager").is_some() {
        for (name, _) in files.list(AUTOSTART) {
            all.extend(entry(files, &[AUTOSTART], &name)?);
        }
    }
    for list in DEFAULTS {
        all.push(list.to_owned());
        let text = files.text(list)?.unwrap_or_default();
        for (_, names) in pairs(&text, "Default Applications") {
            for name in names.split(';').filter(|name| !name.is_empty()) {
                all.extend(entry(files, &APPLICATIONS, name)?);
            }
        }
    }
    Ok(all)
}

/// The shells of root and of people.
fn shells(files: &Files<'_>) -> Result<Vec<String>> {
    let text = files.text("/etc/passwd")?.unwrap_or_default();
    let shells = text.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let uid: u32 = fields.get(2)?.parse().ok()?;
        let shell = fields.get(6).filter(|shell| shell.starts_with('/'))?;
        (uid == 0 || uid >= PEOPLE).then(|| (*shell).to_owned())
    });
    Ok(shells.collect())
}

/// Modules that every login and every look-up of a name loads.
fn logins(files: &Files<'_>) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for (name, _) in files.list("/etc/pam.d") {
        let text = files
            .text(&format!("/etc/pam.d/{name}"))?
            .unwrap_or_default();
        // A `-` before a line says that its module may be missing.
        let lines = text.lines().filter(|line| !line.starts_with(['-', '#']));
        let words = lines.flat_map(str::split_whitespace);
        let modules = words.filter(|word| word.starts_with("pam_") && word.ends_with(".so"));
        names.extend(modules.map(|module| format!("security/{module}")));
    }
    let services = files.text("/etc/nsswitch.conf")?.unwrap_or_default();
    for line in services.lines().filter(|line| !line.starts_with('#')) {
        let words = line.split_whitespace().skip(1);
        names.extend(words.map(|name| format!("libnss_{name}.so.2")));
    }
    let paths = names.iter().flat_map(|name| {
        let folders = LIBRARIES.iter();
        folders.map(move |folder| format!("{folder}/{name}"))
    });
    Ok(paths.collect())
}

/// The files of the desktop entry of a name, and its program.
fn entry(files: &Files<'_>, folders: &[&str], name: &str) -> Result<Vec<String>> {
    let mut all = Vec::new();
    for folder in folders {
        let path = format!("{folder}/{name}");
        let Some(text) = files.text(&path)? else {
            continue;
        };
        if let Some(program) = value(&text, "Desktop Entry", "Exec").and_then(program) {
            let on_path = files.on_path(&program);
            all.push(on_path.unwrap_or(program));
        }
        all.push(path);
    }
    Ok(all)
}
