//! Packages in a tree: commands, links, placeholders of platforms, and locks that lead elsewhere.

use tempfile::TempDir;

use super::*;
use crate::integrity;

/// A package in the lock and its tar: `files` are paths, each with its content.
fn package(folder: &TempDir, path: &str, files: &[(&str, &str)]) -> (LockedNpm, PathBuf) {
    let tar = folder.path().join(path.replace('/', "+"));
    let mut builder = ::tar::Builder::new(std::fs::File::create(&tar).unwrap());
    for (name, content) in files {
        let mut header = ::tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder
            .append_data(&mut header, format!("package/{name}"), content.as_bytes())
            .unwrap();
    }
    builder.finish().unwrap();
    let name = path.rsplit("node_modules/").next().unwrap();
    let locked = LockedNpm {
        path: path.into(),
        name: name.into(),
        version: "1.0.0".into(),
        integrity: integrity::of(&[1; 64]),
        tarball: None,
        node: None,
    };
    (locked, tar)
}

/// Files and links of a tree: path, mode, and the content or target.
fn listing(tree: &Tree) -> String {
    let lines = tree.iter().filter_map(|(path, entry)| {
        let shown = match &entry.kind {
            Kind::File(content) => String::from_utf8_lossy(&content.read().unwrap())
                .escape_debug()
                .to_string(),
            Kind::Symlink(target) => format!("-> {}", String::from_utf8_lossy(target)),
            Kind::HardLink(target) => format!("= {}", String::from_utf8_lossy(target)),
            _ => return None,
        };
        let path = String::from_utf8_lossy(path).into_owned();
        (!path.ends_with("package.json")).then(|| format!("{path} {:o} {shown}", entry.mode))
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn installed(packages: &[(LockedNpm, PathBuf)]) -> Result<String> {
    let mut tree = Tree::new(Timestamp::default());
    install(&mut tree, packages, 7)?;
    assert!(
        tree.iter()
            .skip(1)
            .all(|(_, entry)| entry.mtime.seconds == 7)
    );
    Ok(listing(&tree))
}

#[test]
fn commands_are_linked_where_they_are_looked_for() {
    let folder = tempfile::tempdir().unwrap();
    let about = r#"{"bin": {"tool": "./cli.js", "gone": "no.js", "up": "../../../../etc/x"}}"#;
    let packages = [
        package(
            &folder,
            "node_modules/@s/tool/node_modules/helper",
            &[
                ("package.json", r#"{"bin": "run.js"}"#),
                ("run.js", "#!/usr/bin/env node\r\nx\r\n"),
            ],
        ),
        package(
            &folder,
            "node_modules/@s/tool",
            &[
                ("package.json", about),
                ("cli.js", "#!/usr/bin/env node\n"),
                ("node_modules/helper/stale.js", "of the tarball"),
                ("node_modules/own/kept.js", "bundled"),
            ],
        ),
    ];
    insta::assert_snapshot!(installed(&packages).unwrap(), @r"
    usr/local/bin/tool 777 -> ../lib/node_modules/@s/tool/cli.js
    usr/local/lib/node_modules/@s/tool/cli.js 755 #!/usr/bin/env node\n
    usr/local/lib/node_modules/@s/tool/node_modules/.bin/helper 777 -> ../helper/run.js
    usr/local/lib/node_modules/@s/tool/node_modules/helper/run.js 755 #!/usr/bin/env node\nx\r\n
    usr/local/lib/node_modules/@s/tool/node_modules/own/kept.js 644 bundled
    ");
}

/// A command `app` whose file is a placeholder, and platform packages that may have its program.
fn with_placeholder(placeholder: &str, platforms: &[(&str, &str, &str)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let about =
        r#"{"bin": {"app": "bin/app.exe"}, "optionalDependencies": {"app-a": "1", "z-app": "1"}}"#;
    let mut packages = vec![package(
        &folder,
        "node_modules/app",
        &[("package.json", about), ("bin/app.exe", placeholder)],
    )];
    for (name, file, about) in platforms {
        let path = format!("node_modules/app/node_modules/{name}");
        packages.push(package(
            &folder,
            &path,
            &[("package.json", about), (file, "\x7fELF program")],
        ));
    }
    installed(&packages).unwrap()
}

#[test]
fn a_placeholder_becomes_the_program_of_the_platforms_package() {
    let linux = r#"{"os": ["linux"], "cpu": ["x64"]}"#;
    insta::assert_snapshot!(with_placeholder("echo not installed", &[("z-app", "app", linux)]), @r"
    usr/local/bin/app 777 -> ../lib/node_modules/app/bin/app.exe
    usr/local/lib/node_modules/app/bin/app.exe 755 \u{7f}ELF program
    usr/local/lib/node_modules/app/node_modules/z-app/app 755 = usr/local/lib/node_modules/app/bin/app.exe
    ");
    let placeholder = |files: &str| files.contains("app.exe 755 echo");
    assert!(!placeholder(&with_placeholder(
        "echo",
        &[("app-a", "bin/app", linux)]
    )));
    // A script is no placeholder; a program of a package for all platforms, of two, or of another name is not taken.
    let script = with_placeholder("#!/bin/sh", &[("z-app", "app", linux)]);
    assert!(script.contains("app.exe 755 #!/bin/sh"), "{script}");
    assert!(placeholder(&with_placeholder(
        "echo",
        &[("z-app", "app", "{}")]
    )));
    let two = [("z-app", "app", linux), ("app-a", "app", linux)];
    assert!(placeholder(&with_placeholder("echo", &two)));
    assert!(placeholder(&with_placeholder(
        "echo",
        &[("z-app", "other", linux)]
    )));
    assert!(placeholder(&with_placeholder(
        "echo",
        &[("stranger", "app", linux)]
    )));
}

#[test]
fn two_commands_of_one_name_are_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        ("package.json", r#"{"bin": {"x": "x"}}"#),
        ("x", "#!/bin/sh\n"),
    ];
    let packages = [
        package(&folder, "node_modules/a", &files),
        package(&folder, "node_modules/b", &files),
    ];
    insta::assert_snapshot!(installed(&packages).unwrap_err().report(), @r"
    error: npm package b has the command x, and /usr/local/bin/x is there already
    hint: take one of the two packages that have it out of the recipe
    ");
}

#[test]
fn a_lock_that_leads_elsewhere_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (mut locked, tar) = package(&folder, "node_modules/a", &[]);
    locked.path = "node_modules/../../../etc".into();
    let report = installed(&[(locked, tar)]).unwrap_err().report();
    assert!(report.contains("`node_modules/../../../etc`"), "{report}");
}
