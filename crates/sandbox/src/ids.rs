//! User and group ids of an ordinary user's sandbox: root is the user, the rest are subordinate ids.

use kindling_base::{Command, Context, Error, Result, files};
use rustix::process::{Gid, Uid};
use std::path::Path;

/// Ids that a tree can have: 0 is the user's own, 1 to 65535 (`nobody` is 65534) are subordinate ones.
const COUNT: u64 = 65535;

/// Maps the ids of the user namespace in which process `helper` is, from outside of it.
///
/// # Errors
/// The user has too few subordinate ids, or newuidmap(1) or newgidmap(1) is missing or failed.
pub(crate) fn map(helper: u32) -> Result<()> {
    let uid = rustix::process::getuid().as_raw();
    let gid = rustix::process::getgid().as_raw();
    let user = Command::new("id").args(["-un"]).run()?.text();
    for (program, own, list) in [
        ("newuidmap", uid, "/etc/subuid"),
        ("newgidmap", gid, "/etc/subgid"),
    ] {
        let text = match Path::new(list).exists() {
            true => files::read_text(Path::new(list))?,
            false => String::new(),
        };
        let start = subordinate(&text, &user, uid).ok_or_else(|| {
            Error::user(format!("{list} gives `{user}` fewer than {COUNT} ids in a row"))
                .hint(format!(
                    "run `sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {user}`, or build as root"
                ))
        })?;
        Command::new(program)
            .arg(helper.to_string())
            .args(["0", &own.to_string(), "1"])
            .args(["1", &start.to_string(), &COUNT.to_string()])
            .run()
            .map_err(|error| error.hint("install the package `uidmap`, or build as root"))?;
    }
    Ok(())
}

/// The first id of a range of the user's that is large enough, subuid(5): `user-or-uid:first:count`.
fn subordinate(text: &str, user: &str, uid: u32) -> Option<u64> {
    text.lines().find_map(|line| {
        let mut fields = line.trim().split(':');
        let name = fields.next()?;
        let (first, count): (u64, u64) =
            (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        ((name == user || name == uid.to_string()) && count >= COUNT).then_some(first)
    })
}

/// Becomes root of the user namespace once it has ids.
///
/// # Errors
/// The namespace has no ids.
pub(crate) fn become_root() -> Result<()> {
    let what = "cannot become root of the sandbox";
    rustix::thread::set_thread_groups(&[]).context(what)?;
    rustix::thread::set_thread_res_gid(Gid::ROOT, Gid::ROOT, Gid::ROOT).context(what)?;
    rustix::thread::set_thread_res_uid(Uid::ROOT, Uid::ROOT, Uid::ROOT).context(what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_that_is_large_enough_is_found() {
        let text =
            "# none\nann:100000:100\nann:300000:65536\nbob:500000:65536\n1003:700000:70000\n";
        assert_eq!(subordinate(text, "ann", 1001), Some(300_000));
        assert_eq!(subordinate(text, "eve", 1003), Some(700_000));
        assert_eq!(subordinate(text, "joe", 1004), None);
    }
}
