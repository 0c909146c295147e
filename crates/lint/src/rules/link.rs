//! Symbolic links that lead nowhere.

use kindling_base::Result;
use kindling_sysroot::{Found, shown};
use kindling_tree::Kind;

use crate::facts::Facts;
use crate::finding::Missing;
use crate::rule::{Report, Rule};

pub(super) const DANGLING: Rule = Rule {
    name: "dangling-link",
    summary: "symbolic links lead to something",
    explanation: "A link that leads nowhere is a file that is not found under a name that is there: a site or module that a server \
                  does not load, a certificate that is gone. It counts where the recipe lays the link, in folders of what is enabled (`sites-enabled`, `mods-enabled`, `conf.d`), and in /etc where a package made it \
                  when it was configured, so that its target was there then; others are notes. \
                  Documentation, which small images leave out, is not looked at.",
    check: dangling,
};

/// Material for people, and links of which other rules tell.
const IGNORED: [&str; 10] = [
    "usr/share/doc/",
    "usr/share/man/",
    "usr/share/info/",
    "usr/share/locale/",
    "usr/share/lintian/",
    "usr/share/bug/",
    "usr/src/",
    "etc/alternatives/",
    "etc/systemd/",
    "usr/lib/systemd/",
];

fn dangling(facts: &Facts<'_>, report: &mut Report) -> Result<()> {
    for (path, entry) in facts.files.0.iter() {
        let Kind::Symlink(_) = &entry.kind else {
            continue;
        };
        let path = shown(path);
        if IGNORED.iter().any(|folder| path[1..].starts_with(folder)) {
            continue;
        }
        let Found::Nothing(at) = facts.files.find(&path) else {
            continue;
        };
        let at = shown(&at);
        // Through /etc/alternatives: the rule of those tells.
        if at.starts_with("/etc/alternatives/") || leads_to_alternative(facts, &path) {
            continue;
        }
        let problem = format!("it leads to {at}, which is not in the image");
        let seen = report.add(path.clone(), problem).mild();
        seen.lacks(Missing::Target(at));
        if path.starts_with("/etc/") && (is_enabled(&path) || facts.packages.owner(&path).is_none())
        {
            seen.of_image();
        }
    }
    Ok(())
}

/// Whether a program loads whatever is in the link's folder.
fn is_enabled(path: &str) -> bool {
    let folder = path.rsplit('/').nth(1).unwrap_or_default();
    folder.ends_with("-enabled") || folder == "conf.d"
}

fn leads_to_alternative(facts: &Facts<'_>, path: &str) -> bool {
    let entry = facts.files.0.get(path.trim_start_matches('/').as_bytes());
    matches!(entry.map(|entry| &entry.kind), Some(Kind::Symlink(to)) if to.starts_with(b"/etc/alternatives/"))
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{Plan, notes, warnings};

    #[test]
    fn links_that_lead_nowhere_are_told_where_they_count() {
        let rule = "dangling-link";
        let plan = Plan::bootable()
            .link("usr/share/doc/a", "gone")
            .link("etc/alternatives/awk", "/usr/bin/gone")
            .link("usr/bin/awk", "/etc/alternatives/awk")
            .link("etc/mtab", "../proc/self/mounts")
            .link("usr/lib/x/data", "../y")
            .link(
                "etc/apache2/mods-enabled/a.load",
                "../mods-available/a.load",
            )
            .file("etc/ssl/certs/a.pem", "")
            .link("etc/ssl/certs/0123.0", "a.pem")
            .package("a", "");
        insta::assert_snapshot!(warnings(rule, &plan).join("\n"), @"dangling-link: /etc/apache2/mods-enabled/a.load: it leads to /etc/apache2/mods-available/a.load, which is not in the image");
        insta::assert_snapshot!(notes(rule, &plan).join("\n"), @"dangling-link: /usr/lib/x/data: it leads to /usr/lib/y, which is not in the image");
        let taken = plan.without("etc/ssl/certs/a.pem");
        assert_eq!(warnings(rule, &taken).len(), 1);
        let note = notes(rule, &taken).join("\n");
        assert!(
            note.contains("an exclusion of the recipe takes it away"),
            "{note}"
        );
        let made = taken.link("etc/ssl/certs/4567.0", "made.pem").made();
        assert_eq!(
            warnings(rule, &made).len(),
            2,
            "its target was there when it was made"
        );
        let own = Plan::bootable().link("srv/a", "b");
        assert_eq!(warnings(rule, &own).len(), 1, "the recipe's own link");
    }
}
