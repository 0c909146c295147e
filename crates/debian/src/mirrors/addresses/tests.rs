//! The order of the places that name mirrors.

use super::*;

/// Every level names `debian`; the apt sources have `bookworm` and `bookworm-security`.
fn places() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(root.path().join("etc/apt")).unwrap();
    std::fs::write(
        root.path().join("etc/apt/sources.list"),
        "deb http://apt.example/debian bookworm main\ndeb http://apt2.example/debian bookworm main\n\
         deb http://apt.example/security bookworm-security main\n",
    )
    .unwrap();
    std::fs::write(
        root.path().join("config.toml"),
        "[mirrors]\ndebian = [\"http://config.example/\", \"file:///srv/debian\"]\n",
    )
    .unwrap();
    root
}

fn recipe() -> BTreeMap<String, String> {
    BTreeMap::from([("debian".to_owned(), "http://recipe.example".to_owned())])
}

fn environment() -> Vec<(String, String)> {
    vec![
        (
            "KINDLING_MIRROR_DEBIAN".into(),
            "http://env.example http://env2.example".into(),
        ),
        (
            "KINDLING_MIRROR_DEBIAN_SECURITY".into(),
            "http://envsec.example".into(),
        ),
        ("PATH".into(), "/bin".into()),
    ]
}

#[test]
fn the_first_place_that_names_an_archive_wins() {
    let root = places();
    let config = root.path().join("config.toml");
    let urls =
        |flags: &[String], environment: Vec<_>, recipe: &_, config: Option<&Path>, suite: &str| {
            Mirrors::from_places(flags, environment, recipe, config, root.path())
                .unwrap()
                .urls("debian", suite)
                .unwrap()
        };
    let flags = ["debian=http://flag.example/".to_owned()];
    let none = BTreeMap::new();
    assert_eq!(
        urls(&flags, environment(), &recipe(), Some(&config), "bookworm"),
        ["http://flag.example"]
    );
    assert_eq!(
        urls(
            &[],
            environment(),
            &recipe(),
            Some(&config),
            "bookworm-updates"
        ),
        ["http://env.example", "http://env2.example"]
    );
    assert_eq!(
        urls(&[], vec![], &recipe(), Some(&config), "bookworm"),
        ["http://recipe.example"]
    );
    assert_eq!(
        urls(&[], vec![], &none, Some(&config), "bookworm"),
        ["http://config.example", "file:///srv/debian"]
    );
    assert_eq!(
        urls(&[], vec![], &none, None, "bookworm"),
        ["http://apt.example/debian", "http://apt2.example/debian"]
    );
}

#[test]
fn security_suites_have_an_archive_of_their_own_and_fall_back() {
    let root = places();
    let urls = |environment: Vec<_>, suite: &str| {
        Mirrors::from_places(&[], environment, &recipe(), None, root.path())
            .unwrap()
            .urls("debian", suite)
            .unwrap()
    };
    assert_eq!(
        urls(environment(), "bookworm-security"),
        ["http://envsec.example"]
    );
    assert_eq!(
        urls(vec![], "bookworm-security"),
        ["http://apt.example/security"]
    );
    assert_eq!(urls(vec![], "trixie-security"), ["http://recipe.example"]);
}

#[test]
fn a_vendors_suite_is_where_its_archive_is_named() {
    let root = places();
    let flags = ["chrome=http://flag.example/chrome".to_owned()];
    let none = BTreeMap::new();
    let mirrors = |flags: &[String]| Mirrors::from_places(flags, [], &none, None, root.path());
    let urls = mirrors(&flags).unwrap().urls("debian", "chrome/bookworm");
    assert_eq!(urls.unwrap(), ["http://flag.example/chrome"]);
    let file = mirrors(&flags)
        .unwrap()
        .file_urls("debian", "chrome/stable", "pool/a.deb");
    assert_eq!(file.unwrap(), ["http://flag.example/chrome/pool/a.deb"]);
    // A machine's source of the same suite is another archive's.
    let error = mirrors(&[])
        .unwrap()
        .urls("debian", "chrome/bookworm")
        .unwrap_err();
    assert!(
        error
            .report()
            .contains("name one with `--mirror chrome=URL`"),
        "{}",
        error.report()
    );
}

#[test]
fn an_error_lists_everything_that_was_tried() {
    let root = places();
    let config = root.path().join("config.toml");
    let mirrors =
        Mirrors::from_places(&[], [], &BTreeMap::new(), Some(&config), root.path()).unwrap();
    let report = mirrors.urls("ubuntu", "noble").unwrap_err().report();
    let report = report.replace(&root.path().display().to_string(), "ROOT");
    assert_eq!(
        report,
        "error: no mirror is known for the suite noble of ubuntu\n  \
         tried --mirror ubuntu=URL: not given\n  \
         tried the variable KINDLING_MIRROR_UBUNTU: not set\n  \
         tried the recipe's [rootfs.mirrors]: no `ubuntu`\n  \
         tried ROOT/config.toml, [mirrors]: no `ubuntu`\n  \
         tried ROOT/etc/apt/sources.list: it has bookworm\n  \
         tried ROOT/etc/apt/sources.list: it has bookworm\n  \
         tried ROOT/etc/apt/sources.list: it has bookworm-security\n\
         hint: name one with `--mirror ubuntu=URL`"
    );
}

#[test]
fn malformed_input_is_named() {
    let none = BTreeMap::new();
    let nowhere = Path::new("/nonexistent");
    for flag in ["debian", "debian=ftp://x.example"] {
        let error = Mirrors::from_places(&[flag.to_owned()], [], &none, None, nowhere).unwrap_err();
        assert!(error.report().contains(flag), "{}", error.report());
    }
    let root = places();
    let config = root.path().join("config.toml");
    std::fs::write(&config, "[mirrors]\ndebian = 3\n").unwrap();
    let error = Mirrors::from_places(&[], [], &none, Some(&config), nowhere).unwrap_err();
    assert!(
        error.report().contains("config.toml:2:10: "),
        "{}",
        error.report()
    );
}
