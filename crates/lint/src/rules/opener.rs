//! Openers of files and addresses: desktop entries, MIME handlers, alternatives.

use kindling_base::Result;
use kindling_tree::Kind;

use crate::desktop_file::{pairs, program, value};
use crate::facts::Facts;
use crate::finding::Missing;
use crate::rule::{Report, Rule};
use kindling_sysroot::{Files, Found, shown};

pub(super) const DESKTOP_ENTRY: Rule = Rule {
    name: "desktop-entry",
    summary: "the program of every desktop entry is there",
    explanation: "A browser that never opened was an entry whose Exec= named no program: menus, xdg-open and autostart say \
                  nothing when they start one. An entry whose TryExec= is missing as well is hidden, and so are those with \
                  Hidden=true.",
    check: desktop_entry,
};

pub(super) const MIME_HANDLER: Rule = Rule {
    name: "mime-handler",
    summary: "every MIME type with a default handler has one that is there",
    explanation: "mimeapps.list names desktop entries by file name. Where none of those named for a type exists, xdg-open \
                  falls back to another program or to nothing.",
    check: mime_handler,
};

pub(super) const ALTERNATIVE: Rule = Rule {
    name: "alternative",
    summary: "every alternative leads to something",
    explanation: "x-www-browser and its like are links through /etc/alternatives. One that leads nowhere is a program that \
                  is not found, under a name that is there. Manual pages, which small images leave out, are not looked at.",
    check: alternative,
};

const APPLICATIONS: [&str; 2] = ["/usr/local/share/applications", "/usr/share/applications"];
const ENTRY: &str = "Desktop Entry";

fn desktop_entry(facts: &Facts<'_>, report: &mut Report) -> Result<()> {
    let folders = APPLICATIONS.iter().copied().chain(["/etc/xdg/autostart"]);
    for folder in folders {
        for (name, _) in facts.files.list(folder) {
            let path = format!("{folder}/{name}");
            if !name.ends_with(".desktop") {
                continue;
            }
            let text = facts.files.text(&path)?.unwrap_or_default();
            if value(&text, ENTRY, "Hidden") == Some("true") {
                continue;
            }
            let hidden = value(&text, ENTRY, "TryExec").and_then(program);
            if hidden.is_some_and(|name| !is_there(&facts.files, &name)) {
                continue;
            }
            let Some(program) = value(&text, ENTRY, "Exec").and_then(program) else {
                continue;
            };
            if !is_there(&facts.files, &program) {
                let problem = format!("Exec={program} is not in the image");
                report.add(path, problem).lacks(Missing::Program(program));
            }
        }
    }
    Ok(())
}

fn is_there(files: &Files<'_>, program: &str) -> bool {
    if program.contains('/') {
        files.is_program(program) || matches!(files.find(program), Found::AtRunTime)
    } else {
        files.on_path(program).is_some()
    }
}

fn mime_handler(facts: &Facts<'_>, report: &mut Report) -> Result<()> {
    let lists = [
        ("/etc/xdg/mimeapps.list", "Default Applications"),
        (
            "/usr/local/share/applications/mimeapps.list",
            "Default Applications",
        ),
        (
            "/usr/share/applications/mimeapps.list",
            "Default Applications",
        ),
        ("/usr/share/applications/mimeinfo.cache", "MIME Cache"),
    ];
    for (path, group) in lists {
        let Some(text) = facts.files.text(path)? else {
            continue;
        };
        for (mime, names) in pairs(&text, group) {
            let mut names = names.split(';').filter(|name| !name.is_empty()).peekable();
            let first = names.peek().copied();
            let found = names.any(|name| is_entry(&facts.files, name));
            if let Some(first) = first
                && !found
            {
                let problem = format!("{mime} is opened by {first}, which is not in the image");
                let seen = report.add(path, problem);
                if !mime.starts_with("x-scheme-handler/") && mime != "text/html" {
                    seen.later(); // only pages and addresses are promised
                }
            }
        }
    }
    Ok(())
}

/// Whether there is a desktop entry of this identifier: `a-b.desktop` is `a-b.desktop` or `a/b.desktop`.
fn is_entry(files: &Files<'_>, name: &str) -> bool {
    APPLICATIONS.iter().any(|folder| {
        let whole = files.may_exist(&format!("{folder}/{name}"));
        whole || files.may_exist(&format!("{folder}/{}", name.replacen('-', "/", 1)))
    })
}

fn alternative(facts: &Facts<'_>, report: &mut Report) -> Result<()> {
    for (name, entry) in facts.files.list("/etc/alternatives") {
        let Kind::Symlink(target) = &entry.kind else {
            continue;
        };
        if target.starts_with(b"/usr/share/man/") {
            continue;
        }
        let path = format!("/etc/alternatives/{name}");
        if let Found::Nothing(at) = facts.files.find(&path) {
            let at = shown(&at);
            let problem = format!("it leads to {at}, which is not in the image");
            report.add(path, problem).lacks(Missing::Program(at));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{Plan, problems};

    #[test]
    fn entries_whose_program_is_missing_are_told() {
        let sound = Plan::bootable()
            .program("usr/bin/xterm", "#!/bin/sh\n")
            .file(
                "usr/share/applications/x.desktop",
                "[Desktop Entry]\nExec=xterm -e %U\n",
            )
            .file(
                "usr/share/applications/h.desktop",
                "[Desktop Entry]\nExec=gone\nHidden=true\n",
            )
            .file(
                "usr/share/applications/t.desktop",
                "[Desktop Entry]\nTryExec=gone\nExec=gone\n",
            );
        assert_eq!(problems("desktop-entry", &sound), [""; 0]);
        let broken = sound
            .file(
                "usr/share/applications/b.desktop",
                "[Desktop Entry]\nExec=/usr/bin/chrome-wrapper %U\n",
            )
            .file(
                "etc/xdg/autostart/a.desktop",
                "[Desktop Entry]\nExec=\"agent\" --x\n",
            );
        insta::assert_snapshot!(problems("desktop-entry", &broken).join("\n"), @r"
        /etc/xdg/autostart/a.desktop: Exec=agent is not in the image
        /usr/share/applications/b.desktop: Exec=/usr/bin/chrome-wrapper is not in the image
        ");
    }

    #[test]
    fn types_without_a_handler_are_told() {
        let sound = Plan::bootable()
            .file("usr/share/applications/chromium.desktop", "[Desktop Entry]\nHidden=true\n")
            .file("usr/share/applications/kde/a.desktop", "[Desktop Entry]\n")
            .file("etc/xdg/mimeapps.list", "[Default Applications]\ntext/html=gone.desktop;chromium.desktop;\nimage/png=kde-a.desktop\n");
        assert_eq!(problems("mime-handler", &sound), [""; 0]);
        let broken = sound.file(
            "usr/share/applications/mimeapps.list",
            "[Default Applications]\nx-scheme-handler/https=chrome.desktop\n[Added Associations]\na/b=none.desktop\n",
        );
        insta::assert_snapshot!(problems("mime-handler", &broken).join("\n"), @"/usr/share/applications/mimeapps.list: x-scheme-handler/https is opened by chrome.desktop, which is not in the image");
    }

    #[test]
    fn an_alternative_that_leads_nowhere_is_told() {
        let sound = Plan::bootable()
            .link("etc/alternatives/sh", "/bin/sh")
            .link("etc/alternatives/awk.1.gz", "/usr/share/man/man1/mawk.1.gz");
        assert_eq!(problems("alternative", &sound), [""; 0]);
        let broken = sound.link("etc/alternatives/x-www-browser", "/usr/bin/chrome-wrapper");
        insta::assert_snapshot!(problems("alternative", &broken).join("\n"), @"/etc/alternatives/x-www-browser: it leads to /usr/bin/chrome-wrapper, which is not in the image");
    }
}
