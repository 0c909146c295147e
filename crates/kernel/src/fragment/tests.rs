use super::*;
use insta::assert_snapshot;
use proptest::prelude::*;

fn fragment(name: &str, text: &str) -> Fragment {
    Fragment {
        name: name.to_owned(),
        path: PathBuf::from(format!("kernel-config/{name}.config")),
        text: text.to_owned(),
    }
}

#[test]
fn lines_become_settings_and_equal_ones_merge() {
    let fragments = [
        fragment(
            "a",
            "# why\nCONFIG_NET=y\n\n# CONFIG_VT is not set\nCONFIG_NR_CPUS=64\r\n",
        ),
        fragment(
            "b",
            "CONFIG_LSM=\"landlock,yama\"\nCONFIG_NET=y\nCONFIG_MAGIC=0x1f\nCONFIG_VT=n\n",
        ),
    ];
    assert_snapshot!(merged(&settings(&fragments, None).unwrap()), @r#"
    CONFIG_NET=y
    # CONFIG_VT is not set
    CONFIG_NR_CPUS=64
    CONFIG_LSM="landlock,yama"
    CONFIG_MAGIC=0x1f
    "#);
}

#[test]
fn a_contradiction_names_both_lines() {
    let fragments = [
        fragment("base", "CONFIG_NET=y\n# CONFIG_VT is not set\n"),
        fragment("keyboard", "# screens\nCONFIG_VT=y\n"),
    ];
    let error = settings(&fragments, None).unwrap_err();
    assert_snapshot!(error.report(), @r"
    error: kernel fragments contradict each other about CONFIG_VT
      kernel-config/base.config:2: # CONFIG_VT is not set
      kernel-config/keyboard.config:2: CONFIG_VT=y
    hint: make the two lines equal, or leave one of the fragments out of the recipe
    ");
}

#[test]
fn a_line_is_for_the_versions_that_it_names() {
    let fragments = [fragment(
        "mitigations",
        "CONFIG_NET=y\n\
         CONFIG_SLS=y # linux < 6.9\n\
         CONFIG_MITIGATION_SLS=y   # linux >= 6.9\n\
         CONFIG_LSM=\"a # b\" # linux >= 6.2, < 6.9\n\
         # CONFIG_VT is not set # linux < 6.9\n\
         CONFIG_VT=y # linux >= 6.9\n",
    )];
    let of = |version: &str| merged(&settings(&fragments, Version::parse(version)).unwrap());
    assert_snapshot!(of("6.1.192"), @r"
    CONFIG_NET=y
    CONFIG_SLS=y
    # CONFIG_VT is not set
    ");
    assert_snapshot!(of("6.8"), @r#"
    CONFIG_NET=y
    CONFIG_SLS=y
    CONFIG_LSM="a # b"
    # CONFIG_VT is not set
    "#);
    assert_snapshot!(of("6.12.118"), @r"
    CONFIG_NET=y
    CONFIG_MITIGATION_SLS=y
    CONFIG_VT=y
    ");
    assert_eq!(
        merged(&settings(&fragments, None).unwrap()),
        "CONFIG_NET=y\n"
    );
}

#[test]
fn lines_for_some_versions_contradict_in_those() {
    let fragments = [fragment("x", "CONFIG_VT=y\nCONFIG_VT=n # linux >= 6.9\n")];
    assert!(settings(&fragments, Version::parse("6.8")).is_ok());
    let report = settings(&fragments, Version::parse("6.9")).unwrap_err();
    assert!(
        report.report().contains("x.config:2"),
        "{}",
        report.report()
    );
}

#[test]
fn a_line_that_is_no_setting_is_shown() {
    for (text, expected) in [
        ("CONFIG_NET", "`CONFIG_NET` is not a line"),
        ("NET=y", "`NET=y` is not a line"),
        ("CONFIG_A-B=y", "is not a line"),
        ("CONFIG_LSM=landlock", "is not a line"),
        ("CONFIG_NET=yes", "is not a line"),
        ("CONFIG_NET=y linux < 6.9", "is not a line"),
        ("CONFIG_NET=y # linux <= 6.9", "`# linux < 6.9`"),
        ("CONFIG_NET=y # the network", "is not a line"),
        ("CONFIG_NET=y# linux < 6.9", "is not a line"),
        ("CONFIG_LSM=\"a # linux < 6.9", "is not a line"),
        ("# CONFIG_VT is not set # linux < six", "is not a line"),
        ("# CONFIG_VT is not set here", "is not a line"),
        ("CONFIG_EXT4_FS=m", "asks for a module"),
        ("CONFIG_EXT4_FS=m # linux < 6.9", "asks for a module"),
    ] {
        let fragments = [fragment("x", text)];
        let report = settings(&fragments, None).unwrap_err().report();
        assert!(report.contains(expected), "{report}");
        assert!(report.contains("x.config:1: "), "{report}");
    }
}

#[test]
fn a_missing_fragment_lists_what_exists() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["base", "virtio", "systemd"] {
        std::fs::write(
            folder.path().join(format!("{name}.config")),
            "CONFIG_NET=y\n",
        )
        .unwrap();
    }
    assert_eq!(
        Fragment::read(folder.path(), "base").unwrap().text,
        "CONFIG_NET=y\n"
    );
    let error = Fragment::read(folder.path(), "virtoi").unwrap_err();
    let report = error
        .report()
        .replace(&folder.path().display().to_string(), "DIR");
    assert_snapshot!(report, @r"
    error: there is no kernel fragment `virtoi` in DIR
      fragments: base, systemd, virtio
    hint: did you mean `virtio`?
    ");
}

proptest! {
    #[test]
    fn any_text_parses_or_names_its_line(text in "(CONFIG_|# CONFIG_)?[A-Z_]{0,4}( is not set|=[ym0-9\"x-]{0,4})?( # linux [<>=]{1,2} [0-9.]{1,4})?(\n.{0,12}){0,3}") {
        let fragments = [fragment("x", &text)];
        match settings(&fragments, None) {
            Ok(found) => {
                // What is written back says the same.
                let again = [fragment("y", &merged(&found))];
                let key = |s: &Setting<'_>| (s.symbol.to_owned(), s.value.map(str::to_owned));
                let again: Vec<_> = settings(&again, None).unwrap().iter().map(key).collect();
                prop_assert_eq!(found.iter().map(key).collect::<Vec<_>>(), again);
            }
            Err(error) => prop_assert!(error.report().contains("x.config:"), "{}", error.report()),
        }
    }
}
