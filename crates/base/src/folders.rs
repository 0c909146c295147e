//! The user's folders by the XDG Base Directory Specification, version 0.8.

use std::ffi::OsString;
use std::path::PathBuf;

/// The folder of configuration files: `$XDG_CONFIG_HOME`, else `~/.config`; `None` without a home folder.
pub fn config() -> Option<PathBuf> {
    find(variable, "XDG_CONFIG_HOME", ".config")
}

/// The folder of caches: `$XDG_CACHE_HOME`, else `~/.cache`; `None` without a home folder.
pub fn cache() -> Option<PathBuf> {
    find(variable, "XDG_CACHE_HOME", ".cache")
}

/// The folder of what programs keep from run to run: `$XDG_STATE_HOME`, else `~/.local/state`; `None` without a home folder.
pub fn state() -> Option<PathBuf> {
    find(variable, "XDG_STATE_HOME", ".local/state")
}

/// The folder that the variable `name` names; `None` if it is unset or empty.
pub fn named(name: &str) -> Option<PathBuf> {
    variable(name).map(PathBuf::from)
}

fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

fn find(
    variable: impl Fn(&str) -> Option<OsString>,
    name: &str,
    below_home: &str,
) -> Option<PathBuf> {
    let home = || Some(PathBuf::from(variable("HOME")?).join(below_home));
    variable(name).map(PathBuf::from).or_else(home)
}

#[cfg(test)]
mod tests {
    use super::find;
    use std::ffi::OsString;
    use std::path::PathBuf;

    #[test]
    fn the_variable_wins_over_the_home_folder() {
        let with = |xdg: Option<&str>, home: Option<&str>| {
            let set = |name: &str| match name {
                "HOME" => home.map(OsString::from),
                _ => xdg.map(OsString::from),
            };
            find(set, "XDG_CONFIG_HOME", ".config")
        };
        assert_eq!(with(Some("/x"), Some("/h")), Some(PathBuf::from("/x")));
        assert_eq!(with(None, Some("/h")), Some(PathBuf::from("/h/.config")));
        assert_eq!(with(None, None), None);
    }
}
