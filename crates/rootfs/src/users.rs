//! Accounts that a recipe adds: what `useradd` writes, without its clock and its locks.

use kindling_base::{Error, Result};
use kindling_tree::{Entry, Kind, Timestamp, Tree};

use kindling_located::Located;
use kindling_sysroot::Files;

const PASSWD: &str = "etc/passwd";
const GROUP: &str = "etc/group";
const SHADOW: &str = "etc/shadow";
const GSHADOW: &str = "etc/gshadow";
const SUBIDS: [&str; 2] = ["etc/subuid", "etc/subgid"];

/// Shells of accounts with which nobody logs in: they need not be there.
const NO_LOGIN: [&str; 4] = [
    "/usr/sbin/nologin",
    "/sbin/nologin",
    "/bin/false",
    "/usr/bin/false",
];

/// First subordinate number and how many an account gets, as `useradd` chooses them: SUB_UID_MIN and SUB_UID_COUNT
/// of login.defs(5).
const SUBID_FIRST: u32 = 100_000;
const SUBID_COUNT: u32 = 65_536;

/// The first number of an ordinary user: UID_MIN of login.defs(5). Below are services, which get no subordinate numbers.
const ORDINARY: u32 = 1000;

/// `[[rootfs.users]]`: an account, its group of the same name and number, and its home.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Its name.
    pub name: String,
    /// Number of the user and of its group.
    pub uid: u32,
    /// For whom or what it is: the GECOS field.
    pub comment: String,
    /// Its home, which is made with mode 0750; `None` for a service.
    pub home: Option<String>,
    /// Its shell; nobody logs in where it is not said.
    pub shell: String,
    /// Groups of packages that it is in as well.
    pub groups: Vec<String>,
}

/// Adds the accounts, their groups, and their homes with what /etc/skel has.
///
/// No account has a password: nobody logs in with one, and root becomes any of them.
///
/// # Errors
/// A name or number is taken, a group does not exist, or a home has no parent folder.
pub(super) fn add(tree: &mut Tree, users: &[Located<User>], mtime: Timestamp) -> Result<()> {
    for user in users {
        add_one(tree, &user.value, mtime).map_err(|error| user.locate(error))?;
    }
    Ok(())
}

fn add_one(tree: &mut Tree, user: &User, mtime: Timestamp) -> Result<()> {
    let User { name, uid, .. } = user;
    for (path, what) in [(PASSWD, "user"), (GROUP, "group")] {
        let text = super::text(tree, path)?;
        if let Some(line) = text.lines().find(|line| is_taken(line, name, *uid)) {
            return Err(Error::user(format!(
                "the {what} `{name}` ({uid}) cannot be added: /{path} has `{line}`"
            ))
            .hint("choose another name or number"));
        }
    }
    let home = user.home.as_deref().unwrap_or("/nonexistent");
    let line = format!(
        "{name}:x:{uid}:{uid}:{}:{home}:{}\n",
        user.comment, user.shell
    );
    append(tree, PASSWD, &line, 0o644, mtime)?;
    append(tree, GROUP, &format!("{name}:x:{uid}:\n"), 0o644, mtime)?;
    // shadow(5): no password, `*`; days since 1970 of its last change, then what useradd writes from login.defs.
    let days = mtime.seconds / 86_400;
    let line = format!("{name}:*:{days}:0:99999:7:::\n");
    append(tree, SHADOW, &line, 0o640, mtime)?;
    append(tree, GSHADOW, &format!("{name}:!::\n"), 0o640, mtime)?;
    if *uid >= ORDINARY {
        for path in SUBIDS {
            let first = SUBID_FIRST + (uid - ORDINARY) * SUBID_COUNT;
            append(
                tree,
                path,
                &format!("{name}:{first}:{SUBID_COUNT}\n"),
                0o644,
                mtime,
            )?;
        }
    }
    for group in &user.groups {
        join(tree, name, group, mtime)?;
    }
    match &user.home {
        Some(home) => make_home(tree, home.trim_start_matches('/'), *uid, mtime),
        None => Ok(()),
    }
}

/// Looks for the shells in the finished tree, as an overlay may bring one.
///
/// # Errors
/// A shell is not there: nobody could become its user.
pub(super) fn check_shells(tree: &Tree, users: &[Located<User>]) -> Result<()> {
    for user in users {
        let User { name, shell, .. } = &user.value;
        if NO_LOGIN.contains(&shell.as_str()) || Files(tree).is_program(shell) {
            continue;
        }
        let program = shell.rsplit('/').next().unwrap_or(shell);
        let error = Error::user(format!(
            "the shell of the user `{name}` is {shell}, which is not in the image"
        ));
        let hint =
            format!("add the package that brings it (`{program}`, perhaps), or name another");
        return Err(user.locate(error.hint(hint)));
    }
    Ok(())
}

fn is_taken(line: &str, name: &str, id: u32) -> bool {
    let mut fields = line.split(':');
    fields.next() == Some(name) || fields.nth(1).and_then(|id| id.parse().ok()) == Some(id)
}

/// A file that is not there (a minimal image has no subuid) is made.
fn append(tree: &mut Tree, path: &str, line: &str, mode: u16, mtime: Timestamp) -> Result<()> {
    let text = super::text(tree, path)? + line;
    super::set_text(tree, path, text, mode, mtime)
}

/// Enters a user into a group, whose members are the last field of its line in both files.
fn join(tree: &mut Tree, name: &str, group: &str, mtime: Timestamp) -> Result<()> {
    for path in [GROUP, GSHADOW] {
        let mut found = false;
        let mut text = String::new();
        for line in super::text(tree, path)?.lines() {
            text.push_str(line);
            if line.split(':').next() == Some(group) {
                found = true;
                text.push_str(if line.ends_with(':') { "" } else { "," });
                text.push_str(name);
            }
            text.push('\n');
        }
        if !found {
            return Err(
                Error::user(format!("there is no group `{group}` for the user `{name}`"))
                    .hint("name a group that a package makes, or add its package"),
            );
        }
        super::set_text(tree, path, text, 0o640, mtime)?;
    }
    Ok(())
}

fn make_home(tree: &mut Tree, home: &str, uid: u32, mtime: Timestamp) -> Result<()> {
    let mut folder = Entry::new(Kind::Directory, 0o750, mtime);
    (folder.uid, folder.gid) = (uid, uid);
    tree.insert(home.as_bytes(), folder)?;
    const SKELETON: &[u8] = b"etc/skel/";
    let copies: Vec<(Vec<u8>, Entry)> = tree
        .iter_from(SKELETON)
        .take_while(|(path, _)| path.starts_with(SKELETON))
        .map(|(path, entry)| {
            let inside = path.get(SKELETON.len()..).unwrap_or_default();
            ([home.as_bytes(), b"/", inside].concat(), entry.clone())
        })
        .collect();
    for (path, mut entry) in copies {
        (entry.uid, entry.gid) = (uid, uid);
        tree.insert(&path, entry)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use kindling_located::Location;
    use kindling_tree::Content;

    fn tree() -> Tree {
        let mut tree = Tree::new(Timestamp::default());
        for path in ["etc", "etc/skel", "home"] {
            let folder = Entry::new(Kind::Directory, 0o755, Timestamp::default());
            tree.insert(path.as_bytes(), folder).unwrap();
        }
        for (path, text) in [
            (PASSWD, "root:x:0:0:root:/root:/bin/bash\n"),
            (GROUP, "root:x:0:\nvideo:x:44:\naudio:x:29:root\n"),
            (SHADOW, "root:*:1:0:99999:7:::\n"),
            (GSHADOW, "root:*::\nvideo:*::\naudio:*::root\n"),
            ("etc/skel/.profile", "umask 022\n"),
        ] {
            let kind = Kind::File(Content::Bytes(text.as_bytes().into()));
            let entry = Entry::new(kind, 0o640, Timestamp::default());
            tree.insert(path.as_bytes(), entry).unwrap();
        }
        tree
    }

    fn user(name: &str, uid: u32, groups: &[&str]) -> Located<User> {
        Located {
            at: Location::start_of("r.toml".as_ref()),
            value: User {
                name: name.into(),
                uid,
                comment: "The desktop".into(),
                home: Some(format!("/home/{name}")),
                shell: "/bin/bash".into(),
                groups: groups.iter().map(|&group| group.to_owned()).collect(),
            },
        }
    }

    #[test]
    fn an_account_is_in_all_files_and_has_a_home() {
        let mut tree = tree();
        let mtime = Timestamp {
            seconds: 86_400 * 20_000,
            nanoseconds: 0,
        };
        let users = [
            user("desktop", 1000, &["video", "audio"]),
            user("next", 1001, &[]),
        ];
        add(&mut tree, &users, mtime).unwrap();
        let files = [PASSWD, GROUP, SHADOW, GSHADOW, SUBIDS[0], SUBIDS[1]];
        let shown = files.map(|path| super::super::text(&tree, path).unwrap());
        insta::assert_snapshot!(shown.join("\n"), @r"
        root:x:0:0:root:/root:/bin/bash
        desktop:x:1000:1000:The desktop:/home/desktop:/bin/bash
        next:x:1001:1001:The desktop:/home/next:/bin/bash

        root:x:0:
        video:x:44:desktop
        audio:x:29:root,desktop
        desktop:x:1000:
        next:x:1001:

        root:*:1:0:99999:7:::
        desktop:*:20000:0:99999:7:::
        next:*:20000:0:99999:7:::

        root:*::
        video:*::desktop
        audio:*::root,desktop
        desktop:!::
        next:!::

        desktop:100000:65536
        next:165536:65536

        desktop:100000:65536
        next:165536:65536
        ");
        let profile = tree.get(b"home/desktop/.profile").unwrap();
        assert_eq!(
            (profile.uid, profile.gid, profile.mode),
            (1000, 1000, 0o640)
        );
        let home = tree.get(b"home/desktop").unwrap();
        assert_eq!((home.uid, home.mode), (1000, 0o750));
        assert_eq!(tree.get(SHADOW.as_bytes()).unwrap().mode, 0o640);
    }

    #[test]
    fn what_does_not_fit_is_told() {
        for (user, expected) in [
            (user("root", 1000, &[]), "/etc/passwd has `root:x:0:0:"),
            (user("more", 44, &[]), "/etc/group has `video:x:44:`"),
            (user("more", 1000, &["wheel"]), "there is no group `wheel`"),
        ] {
            let error = add(&mut tree(), &[user], Timestamp::default()).unwrap_err();
            let report = error.report();
            assert!(report.contains(expected), "{report}");
        }
    }

    #[test]
    fn a_shell_that_is_not_there_is_told() {
        let mut tree = tree();
        let error = check_shells(&tree, &[user("a", 1000, &[])]).unwrap_err();
        let report = error.report();
        let expected =
            "r.toml:1:1: the shell of the user `a` is /bin/bash, which is not in the image";
        assert!(report.contains(expected), "{report}");
        let mut service = user("s", 999, &[]);
        service.value.shell = "/usr/sbin/nologin".into();
        check_shells(&tree, &[service]).unwrap();
        for (path, kind) in [
            ("bin", Kind::Directory),
            ("bin/bash", Kind::File(Content::Bytes((*b"#!").into()))),
        ] {
            let entry = Entry::new(kind, 0o755, Timestamp::default());
            tree.insert(path.as_bytes(), entry).unwrap();
        }
        check_shells(&tree, &[user("a", 1000, &[])]).unwrap();
    }
}
