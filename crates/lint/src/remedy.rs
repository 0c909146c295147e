//! Packages that would mend a finding, as far as the image and Debian's rules for names tell.

use crate::facts::Facts;
use crate::finding::{Missing, Seen};

/// Programs that many files of packages name, and the packages that bring them in Debian and Ubuntu.
const KNOWN: [(&str, &str); 36] = [
    ("csh", "csh"),
    ("curl", "curl"),
    ("fish", "fish"),
    ("free", "procps"),
    ("fuser", "psmisc"),
    ("gawk", "gawk"),
    ("gpg", "gpg"),
    ("guile", "guile-3.0"),
    ("ifconfig", "net-tools"),
    ("ip", "iproute2"),
    ("iptables", "iptables"),
    ("kill", "procps"),
    ("killall", "psmisc"),
    ("kmod", "kmod"),
    ("ksh", "ksh"),
    ("lua", "lua5.4"),
    ("make", "make"),
    ("modprobe", "kmod"),
    ("nft", "nftables"),
    ("node", "nodejs"),
    ("openssl", "openssl"),
    ("perl", "perl"),
    ("php", "php-cli"),
    ("pkill", "procps"),
    ("ps", "procps"),
    ("python", "python-is-python3"),
    ("python3", "python3"),
    ("quotacheck", "quota"),
    ("quotaon", "quota"),
    ("rsync", "rsync"),
    ("ruby", "ruby"),
    ("sysctl", "procps"),
    ("tclsh", "tcl"),
    ("wget", "wget"),
    ("wish", "tk"),
    ("zsh", "zsh"),
];

/// A way to mend what a rule saw.
pub(crate) fn of(facts: &Facts<'_>, seen: &Seen) -> Option<String> {
    if seen.remedy.is_some() {
        return seen.remedy.clone();
    }
    let owner = facts.packages.owner(&seen.path);
    match seen.missing.as_ref()? {
        Missing::Program(name) => program(facts, owner, name),
        Missing::Library(name) => Some(library(facts, owner, name)),
        Missing::Target(name) => facts.packages.owner(name).map(taken),
    }
}

fn program(facts: &Facts<'_>, owner: Option<&str>, name: &str) -> Option<String> {
    if let Some(package) = facts
        .packages
        .owner(name)
        .filter(|_| !facts.files.may_exist(name))
    {
        return Some(taken(package));
    }
    let base = name.rsplit('/').next().unwrap_or(name);
    let is_usual = ["/bin/", "/sbin/", "/usr/bin/", "/usr/sbin/"]
        .iter()
        .any(|folder| name.strip_prefix(folder) == Some(base));
    let known = KNOWN.iter().find(|(program, _)| *program == base);
    let known = known.filter(|_| is_usual || name == base);
    let package = known.map_or(base, |(_, package)| *package);
    if let Some(said) = wished(facts, owner, |wish| wish == package) {
        return Some(said);
    }
    match known {
        Some(_) => Some(format!("the package `{package}` brings it")),
        // Packages leave /usr/local to others; and what the recipe's own files name may be the recipe's to bring.
        None if name.starts_with("/usr/local/") || owner.is_none() => None,
        None => Some(format!(
            "`apt-file search {base}` names the package that brings it"
        )),
    }
}

fn library(facts: &Facts<'_>, owner: Option<&str>, name: &str) -> String {
    if let Some(package) = facts.packages.taken(&facts.files, name) {
        return taken(package);
    }
    let Some(package) = package_of(name) else {
        return format!("`apt-file search {name}` names the package that brings it");
    };
    // Those with 64-bit times have names of their own since Debian 13.
    let is = |wish: &str| wish == package || wish.strip_suffix("t64") == Some(package.as_str());
    wished(facts, owner, is)
        .unwrap_or_else(|| format!("by Debian's rules its package is `{package}`"))
}

fn wished(facts: &Facts<'_>, owner: Option<&str>, is: impl Fn(&str) -> bool) -> Option<String> {
    let owner = owner?;
    let (verb, name) = facts.packages.wish(owner, is)?;
    Some(format!("`{name}` brings it, which {owner} {verb}"))
}

fn taken(package: &str) -> String {
    format!("{package} brings it, and an exclusion of the recipe takes it away")
}

/// The package of a library (Debian Policy 8.1): its soname without `.so`, and a `-` between two digits.
fn package_of(soname: &str) -> Option<String> {
    let (name, version) = soname.split_once(".so")?;
    let version = version.trim_start_matches('.');
    let dash = match name.ends_with(|c: char| c.is_ascii_digit()) && !version.is_empty() {
        true => "-",
        false => "",
    };
    let package = format!("{name}{dash}{version}")
        .to_lowercase()
        .replace('_', "-");
    let is_name = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    (name.starts_with("lib") && package.chars().all(is_name)).then_some(package)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn packages_of_libraries_are_named_as_debian_names_them() {
        for (soname, package) in [
            ("libatm.so.1", "libatm1"),
            ("libgtk-3.so.0", "libgtk-3-0"),
            ("libX11.so.6", "libx11-6"),
            ("libc.so.6", "libc6"),
        ] {
            assert_eq!(package_of(soname).as_deref(), Some(package));
        }
        assert_eq!(package_of("ld-musl-x86_64.so.1"), None);
    }

    proptest! {
        #[test]
        fn any_name_has_an_answer(name in "\\PC{0,60}") {
            let _ = package_of(&name);
        }
    }
}
