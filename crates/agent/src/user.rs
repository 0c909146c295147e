//! Users of the guest, from its files: a static program has no name service switch.

use std::path::PathBuf;

/// The user who runs a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// All groups, the first one included.
    pub(crate) groups: Vec<u32>,
    pub(crate) home: PathBuf,
    pub(crate) shell: String,
}

/// The user of this name or number; a number without an entry is a user as well.
pub(crate) fn find(wanted: &str) -> Option<User> {
    // Files that are not there have no users.
    let read = |path| std::fs::read(path).unwrap_or_default();
    let (passwd, group) = (read("/etc/passwd"), read("/etc/group"));
    lookup(
        wanted,
        &String::from_utf8_lossy(&passwd),
        &String::from_utf8_lossy(&group),
    )
}

/// Looks `wanted` up in the texts of passwd(5) and group(5).
fn lookup(wanted: &str, passwd: &str, group: &str) -> Option<User> {
    let number = wanted.parse::<u32>().ok();
    let entries = || passwd.lines().filter_map(entry);
    let found = entries().find(|user| user.name == wanted);
    let mut user = found
        .or_else(|| entries().find(|user| Some(user.uid) == number))
        .or_else(|| unnamed(number?))?;
    for line in group.lines() {
        let gid = membership(line, &user.name).filter(|gid| !user.groups.contains(gid));
        user.groups.extend(gid);
    }
    Some(user)
}

/// The number of the group of this line, where it lists the user as a member.
fn membership(line: &str, name: &str) -> Option<u32> {
    let fields: Vec<&str> = line.split(':').collect();
    let [_, _, gid, members] = fields[..] else {
        return None;
    };
    let is_member = members.split(',').any(|member| member == name);
    is_member.then(|| gid.parse().ok()).flatten()
}

fn entry(line: &str) -> Option<User> {
    let fields: Vec<&str> = line.split(':').collect();
    let [name, _, uid, gid, _, home, shell] = fields[..] else {
        return None;
    };
    let gid = gid.parse().ok()?;
    Some(User {
        name: name.to_owned(),
        uid: uid.parse().ok()?,
        gid,
        groups: vec![gid],
        home: home.into(),
        shell: if shell.is_empty() { "/bin/sh" } else { shell }.to_owned(),
    })
}

fn unnamed(number: u32) -> Option<User> {
    // The all-ones number means "leave it" to setresuid(2).
    (number != u32::MAX).then(|| User {
        name: number.to_string(),
        uid: number,
        gid: number,
        groups: vec![number],
        home: "/".into(),
        shell: "/bin/sh".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\nbroken\n5:x:7:7::/seven:\nann:x:5:50:,,,:/home/ann:/bin/zsh\n";
    const GROUP: &str = "root:x:0:\nann:x:50:\naudio:x:29:bob,ann\nanna:x:30:anna\n";

    #[test]
    fn users_are_found_by_name_then_by_number() {
        let find = |wanted| lookup(wanted, PASSWD, GROUP);
        let ann = find("ann").unwrap();
        assert_eq!((ann.uid, ann.gid, &ann.groups[..]), (5, 50, &[50, 29][..]));
        assert_eq!(find("5").unwrap().home, PathBuf::from("/seven"));
        assert_eq!(find("0").unwrap().name, "root");
        assert_eq!(find("5").unwrap().shell, "/bin/sh");
        assert_eq!(find("1234").unwrap().groups, [1234]);
        assert_eq!(find("nobody"), None);
        assert_eq!(find("4294967295"), None);
    }
}
