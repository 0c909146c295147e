//! The machine's own apt sources: `sources.list`, `*.list` and `*.sources`, as sources.list(5) says.

use std::path::{Path, PathBuf};

use kindling_base::{Context, Result, files};
use kindling_deb::deb822;

/// One place that holds some suites.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Address of the archive, without a slash at its end: `http`, `https` or `file`.
    pub url: String,
    /// Suites, as written: `bookworm`, `bookworm-security`.
    pub suites: Vec<String>,
    /// The file that names it.
    pub file: PathBuf,
}

/// The sources of binary packages that the machine with its file system at `root` uses, in apt's order.
///
/// Disabled ones, those of source packages and those reached by a method that only apt has (`cdrom:`,
/// `mirror:`) are left out. A machine without apt has none.
///
/// # Errors
/// A file is there but cannot be read.
pub fn machine_sources(root: &Path) -> Result<Vec<Source>> {
    let apt = root.join("etc/apt");
    let mut all = Vec::new();
    let main = apt.join("sources.list");
    if main.exists() {
        all.extend(one_line_sources(&files::read_text(&main)?, &main));
    }
    for file in files_of(&apt.join("sources.list.d"))? {
        match file.extension().and_then(|e| e.to_str()) {
            Some("list") => all.extend(one_line_sources(&files::read_text(&file)?, &file)),
            Some("sources") => all.extend(deb822_sources(&files::read_text(&file)?, &file)),
            _ => {}
        }
    }
    Ok(all)
}

fn files_of(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.context(format!("cannot read the folder {}", folder.display()))?,
    };
    let mut paths = entries
        .map(|entry| entry.map(|e| e.path()))
        .collect::<std::io::Result<Vec<_>>>()
        .context(format!("cannot read the folder {}", folder.display()))?;
    paths.sort();
    Ok(paths)
}

/// `deb [option=value ...] URL SUITE [COMPONENT ...]`, one a line.
fn one_line_sources(text: &str, file: &Path) -> Vec<Source> {
    text.lines()
        .filter_map(|line| {
            let line = line.split('#').next()?.trim();
            let mut rest = line.strip_prefix("deb")?;
            if !rest.starts_with([' ', '\t', '[']) {
                return None; // deb-src
            }
            rest = rest.trim_start();
            if let Some(options) = rest.strip_prefix('[') {
                rest = options.split_once(']')?.1;
            }
            let mut words = rest.split_whitespace();
            let url = usable_url(words.next()?)?;
            let suites = vec![words.next()?.to_owned()];
            Some(Source {
                url,
                suites,
                file: file.to_owned(),
            })
        })
        .collect()
}

/// Paragraphs with `Types`, `URIs` and `Suites`.
fn deb822_sources(text: &str, file: &Path) -> Vec<Source> {
    // A comment may stand between the lines of a value.
    let text: String = text
        .split_inclusive('\n')
        .filter(|line| !line.starts_with('#'))
        .collect();
    let mut all = Vec::new();
    for paragraph in deb822::paragraphs(&text) {
        let words = |field| paragraph.get(field).unwrap_or_default().split_whitespace();
        let disabled = ["no", "false", "0", "off", "without", "disable"];
        if words("Enabled").any(|word| disabled.contains(&word))
            || !words("Types").any(|t| t == "deb")
        {
            continue;
        }
        let suites: Vec<String> = words("Suites").map(str::to_owned).collect();
        all.extend(words("URIs").filter_map(usable_url).map(|url| Source {
            url,
            suites: suites.clone(),
            file: file.to_owned(),
        }));
    }
    all
}

/// The address as we write it, if it is of a kind that we can read.
fn usable_url(url: &str) -> Option<String> {
    let url = url.trim_end_matches('/');
    // apt writes file:/path where URLs say file:///path, and copy: only differs in what apt keeps.
    for scheme in ["file:", "copy:"] {
        if let Some(path) = url.strip_prefix(scheme) {
            return Some(format!("file:///{}", path.trim_start_matches('/')));
        }
    }
    ["http://", "https://"]
        .iter()
        .any(|scheme| url.starts_with(scheme))
        .then(|| url.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_in_apts_order() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("etc/apt/sources.list.d");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(
            root.path().join("etc/apt/sources.list"),
            "# old\ndeb http://one.example/debian/ bookworm main contrib # why\n\
             deb-src http://one.example/debian bookworm main\n\
             deb [arch=amd64 signed-by=/k.gpg] https://two.example/d bookworm-security main\n\
             deb cdrom:[x]/ bookworm main\n",
        )
        .unwrap();
        std::fs::write(
            folder.join("b.sources"),
            "Types: deb deb-src\nURIs: http://three.example/debian\n file:/srv/mirror\nSuites: bookworm\n# why\n bookworm-updates\nComponents: main\n\n\
             Types: deb\nURIs: http://off.example/\nSuites: bookworm\nEnabled: no\n\n\
             Types: deb-src\nURIs: http://src.example/\nSuites: bookworm\n",
        )
        .unwrap();
        std::fs::write(folder.join("a.list"), "deb\thttp://four.example x/\n").unwrap();
        std::fs::write(
            folder.join("c.list.save"),
            "deb http://no.example bookworm\n",
        )
        .unwrap();
        let found = machine_sources(root.path()).unwrap();
        let short: Vec<_> = found
            .iter()
            .map(|s| (s.url.as_str(), s.suites.join(" ")))
            .collect();
        assert_eq!(
            short,
            [
                ("http://one.example/debian", "bookworm".to_owned()),
                ("https://two.example/d", "bookworm-security".to_owned()),
                ("http://four.example", "x/".to_owned()),
                (
                    "http://three.example/debian",
                    "bookworm bookworm-updates".to_owned()
                ),
                ("file:///srv/mirror", "bookworm bookworm-updates".to_owned()),
            ]
        );
        assert!(found[0].file.ends_with("etc/apt/sources.list"));
    }

    #[test]
    fn a_machine_without_apt_has_none() {
        let root = tempfile::tempdir().unwrap();
        assert!(machine_sources(root.path()).unwrap().is_empty());
    }
}
