use std::fs;

use super::*;

fn folder(contents: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, content) in contents {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    folder
}

fn variables(list: &[(&str, &str)]) -> BTreeMap<String, toml::Value> {
    list.iter()
        .map(|(key, value)| ((*key).to_owned(), toml::Value::from(*value)))
        .collect()
}

fn refusal(folder: &tempfile::TempDir, name: &str, set: &[(&str, &str)]) -> String {
    let error = read(folder.path(), name, &variables(set)).unwrap_err();
    assert_eq!(error.exit(), kindling_base::Exit::User);
    error.report()
}

#[test]
fn a_tree_becomes_entries() {
    let folder = folder(&[
        ("o/etc/hostname.j2", "{{ hostname }}\n"),
        ("o/etc/plain", "{{ not rendered }}"),
        ("o/usr/bin/tool", "#!/bin/sh\n"),
        (
            "o/overlay.toml",
            "[modes]\n\"etc/plain\" = \"0600\"\n[owners]\n\"etc\" = \"101:102\"\n",
        ),
    ]);
    let root = folder.path().join("o");
    fs::set_permissions(root.join("usr/bin/tool"), fs::Permissions::from_mode(0o750)).unwrap();
    std::os::unix::fs::symlink("/dev/null", root.join("etc/mask")).unwrap();
    let entries = read(folder.path(), "o", &variables(&[("hostname", "a&b")])).unwrap();
    let seen: Vec<_> = entries
        .iter()
        .map(|e| {
            let path = std::str::from_utf8(&e.path).unwrap();
            (path, e.mode, (e.uid, e.gid), e.listed, e.kind.clone())
        })
        .collect();
    let file = |content: &str| OverlayKind::File(content.as_bytes().to_owned());
    assert_eq!(
        seen,
        [
            ("etc", 0o755, (101, 102), true, OverlayKind::Directory),
            ("etc/hostname", 0o644, (0, 0), false, file("a&b\n")),
            (
                "etc/mask",
                0o777,
                (0, 0),
                false,
                OverlayKind::Symlink(b"/dev/null".to_vec())
            ),
            ("etc/plain", 0o600, (0, 0), true, file("{{ not rendered }}")),
            ("usr", 0o755, (0, 0), false, OverlayKind::Directory),
            ("usr/bin", 0o755, (0, 0), false, OverlayKind::Directory),
            ("usr/bin/tool", 0o755, (0, 0), false, file("#!/bin/sh\n")),
        ]
    );
}

#[test]
fn a_missing_variable_is_named_with_its_place() {
    let folder = folder(&[("o/etc/x.j2", "one\n{{ hostname }} {{ hostnam }}\n")]);
    let report = refusal(&folder, "o", &[("hostname", "h")]);
    assert!(
        report.contains("o/etc/x.j2:2: the variable `hostnam` is not set"),
        "{report}"
    );
    assert!(report.contains("did you mean `hostname`?"), "{report}");
}

#[test]
fn a_broken_template_is_named_with_its_place() {
    let folder = folder(&[("o/etc/x.j2", "one\n{% if %}\n")]);
    let report = refusal(&folder, "o", &[]);
    assert!(
        report.contains("o/etc/x.j2:2: unexpected end of block"),
        "{report}"
    );
}

#[test]
fn a_missing_overlay_shows_near_names() {
    let folder = folder(&[("base/x", ""), ("network/x", ""), ("file", "")]);
    let report = refusal(&folder, "netwrok", &[]);
    assert!(report.contains("there is no overlay `netwrok`"), "{report}");
    assert!(report.contains("hint: did you mean `network`?"), "{report}");
    for name in ["", "..", "base/x", "file"] {
        let report = refusal(&folder, name, &[]);
        assert!(report.contains("there is no overlay"), "{name}: {report}");
    }
}

#[test]
fn wrong_exceptions_are_refused() {
    for (text, expected) in [
        ("[modes]\n\"etc/y\" = \"0600\"", "did you mean `etc/x`?"),
        (
            "[modes]\n\"etc/x\" = \"0999\"",
            "\"etc/x\" = \"0999\" is wrong",
        ),
        ("[modes]\n\"etc/x\" = 600", "line 2"),
        ("[owners]\n\"etc/x\" = \"root\"", "an owner is two numbers"),
        ("[mode]\n", "unknown field `mode`"),
    ] {
        let folder = folder(&[("o/etc/x.j2", ""), ("o/overlay.toml", text)]);
        let report = refusal(&folder, "o", &[]);
        assert!(report.contains(expected), "{text}\n{report}");
    }
}

#[test]
fn a_file_and_its_template_exclude_each_other() {
    let folder = folder(&[("o/etc/x.j2", ""), ("o/etc/x", "")]);
    let report = refusal(&folder, "o", &[]);
    assert!(report.contains("has `etc/x` twice"), "{report}");
}

proptest::proptest! {
    #[test]
    fn any_template_renders_or_explains(source in ".{0,60}|[{%# }a-z|.\"()0-9\n]{0,60}") {
        let _ = template::render(Path::new("x.j2"), &source, &variables(&[("a", "b")]));
    }
}

/// The overlays of the repository.
fn ours(name: &str, set: &[(&str, &str)]) -> BTreeMap<String, OverlayEntry> {
    let folder = Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../rootfs-overlays"
    ));
    let entries = read(folder, name, &variables(set)).unwrap();
    entries
        .into_iter()
        .map(|entry| (String::from_utf8(entry.path.clone()).unwrap(), entry))
        .collect()
}

fn text(entry: &OverlayEntry) -> &str {
    match &entry.kind {
        OverlayKind::File(content) => std::str::from_utf8(content).unwrap(),
        other => panic!("{other:?} is no file"),
    }
}

#[test]
fn the_base_overlay_logs_root_in_only_when_asked() {
    let getty = "etc/systemd/system/serial-getty@.service.d/autologin.conf";
    let base = ours("base", &[("hostname", "h")]);
    assert_eq!(text(&base["etc/hostname"]), "h\n");
    assert!(text(&base["etc/hosts"]).contains("127.0.1.1 h\n"));
    assert_eq!(text(&base["etc/machine-id"]), "");
    assert!(!text(&base[getty]).contains("ExecStart"));
    assert_eq!(
        base["etc/systemd/system/apt-daily.timer"].kind,
        OverlayKind::Symlink(b"/dev/null".to_vec())
    );
    let base = ours("base", &[("hostname", "h"), ("console_autologin", "yes")]);
    assert!(
        text(&base[getty])
            .contains("[Service]\nExecStart=\nExecStart=-/sbin/agetty --autologin root")
    );
}

#[test]
fn the_ready_overlay_keeps_the_marker_as_it_is() {
    let ready = ours("ready", &[("ready_marker", "it's \"50%\" $up")]);
    assert_eq!(
        text(&ready["usr/lib/kindling/marker"]),
        "it's \"50%\" $up\n"
    );
    let unit = text(&ready["usr/lib/systemd/system/kindling-ready.service"]);
    assert!(
        unit.contains("agent --ready /usr/lib/kindling/marker\n"),
        "{unit}"
    );
}

#[test]
fn every_enabled_unit_and_program_of_the_overlays_exists() {
    let mut all = ours("base", &[("hostname", "h")]);
    all.extend(ours("network", &[]));
    all.extend(ours("ready", &[("ready_marker", "ready")]));
    for (path, entry) in &all {
        if let OverlayKind::Symlink(target) = &entry.kind {
            let target = std::str::from_utf8(target).unwrap().trim_start_matches('/');
            let known = all.contains_key(target) || target == "dev/null";
            assert!(known, "{path} points to {target}");
        }
        if path.ends_with(".service") && matches!(entry.kind, OverlayKind::File(_)) {
            let start = text(entry)
                .lines()
                .find_map(|l| l.strip_prefix("ExecStart=/"));
            let program = start.unwrap().split(' ').next().unwrap();
            match all.get(program) {
                Some(program) => assert_eq!(program.mode, 0o755, "{path}"),
                None if program == crate::guest_programs::AGENT => {} // compiled for the image
                // A package's, which the lint looks for in the finished tree.
                None => assert!(!program.contains("kindling"), "{path} starts {program}"),
            }
        }
    }
}
