//! The platforms that a package is for; images are Linux on x86-64 with glibc.

const OS: &str = "linux";
const CPU: &str = "x64";
const LIBC: &str = "glibc";

/// A package's `os`, `cpu` and `libc`; an empty list admits all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Platforms {
    pub(crate) os: Vec<String>,
    pub(crate) cpu: Vec<String>,
    pub(crate) libc: Vec<String>,
}

impl Platforms {
    /// Whether our images are among them.
    pub(crate) fn fit(&self) -> bool {
        allows(&self.os, OS) && allows(&self.cpu, CPU) && allows(&self.libc, LIBC)
    }

    /// The platforms, for a person.
    pub(crate) fn shown(&self) -> String {
        let lists = [&self.os, &self.cpu, &self.libc];
        let lists = lists.iter().filter(|list| !list.is_empty());
        lists
            .map(|list| list.join("|"))
            .collect::<Vec<_>>()
            .join(" ")
    }
}

/// npm's rule (`npm-install-checks`): none of the names with a `!` may be ours, and if there are others, one must be.
fn allows(list: &[String], own: &str) -> bool {
    let others: Vec<&str> = list
        .iter()
        .map(String::as_str)
        .filter(|name| !name.starts_with('!'))
        .collect();
    let banned = list.iter().any(|name| name.strip_prefix('!') == Some(own));
    !banned && (others.is_empty() || others == ["any"] || others.contains(&own))
}

#[cfg(test)]
mod tests {
    use super::allows;

    #[test]
    fn lists_allow_and_ban() {
        let allows = |list: &str| {
            let list: Vec<String> = list.split_whitespace().map(str::to_owned).collect();
            allows(&list, "linux")
        };
        for list in ["", "linux", "darwin linux", "!win32", "any", "!win32 linux"] {
            assert!(allows(list), "{list}");
        }
        for list in ["darwin", "!linux", "!linux linux", "!win32 darwin"] {
            assert!(!allows(list), "{list}");
        }
    }
}
