//! Accounts: with which program one logs in.

use kindling_base::Result;

use crate::facts::Facts;
use crate::finding::Missing;
use crate::rule::{Report, Rule};

pub(super) const SHELL: Rule = Rule {
    name: "user-shell",
    summary: "the shell of every account is there",
    explanation: "Nobody can log in to an account whose shell is missing, or become its user by su, sudo or ssh: the login ends at \
                  once, and `su` gives 127. It counts for root and for people (numbers from 1000 on); services log in nowhere.",
    check: shell,
};

/// First number of the accounts of people, and the one of `nobody`: UID_MIN of login.defs(5), and Debian Policy 9.2.2.
const PEOPLE: u32 = 1000;
const NOBODY: u32 = 65534;

fn shell(facts: &Facts<'_>, report: &mut Report) -> Result<()> {
    let path = "/etc/passwd";
    let text = facts.files.text(path)?.unwrap_or_default();
    for line in text.lines() {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, _, uid, _, _, _, shell] = fields.as_slice() else {
            continue;
        };
        let no_login =
            ["", "/bin/false", "/usr/bin/false"].contains(shell) || shell.ends_with("/nologin");
        if no_login || facts.files.is_program(shell) {
            continue;
        }
        let seen = report.add(
            path,
            format!("the shell of {name} is {shell}, which is not in the image"),
        );
        seen.lacks(Missing::Program((*shell).to_owned()));
        match uid.parse::<u32>() {
            Ok(uid) if uid == 0 || uid >= PEOPLE && uid != NOBODY => seen.of_image(),
            _ => seen.later(),
        };
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{Plan, notes, problems};

    #[test]
    fn a_shell_that_is_not_there_is_told() {
        let sound = Plan::bootable().file(
            "etc/passwd",
            "root:x:0:0::/root:/bin/sh\nd:x:1:1::/:/usr/sbin/nologin\nn:x:1001:1001::/:\nbroken\n",
        );
        assert_eq!(problems("user-shell", &sound), [""; 0]);
        let broken = Plan::bootable()
            .file(
                "etc/passwd",
                "root:x:0:0::/root:/bin/zsh\ns:x:99:99::/:/bin/gone\n",
            )
            .package("base-passwd", "");
        insta::assert_snapshot!(problems("user-shell", &broken).join("\n"), @"/etc/passwd: the shell of root is /bin/zsh, which is not in the image");
        assert_eq!(notes("user-shell", &broken).len(), 1);
    }
}
