use std::fs;

use super::*;
use crate::finding::At;

/// The findings of a configuration, one a line.
fn configured(files: &[(&str, &str)], environment: &[(&str, &str)]) -> Result<String> {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    fs::create_dir(&home).unwrap();
    for (name, text) in files {
        fs::write(home.join(name), text).unwrap();
    }
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let places = Places {
        home: Some(home),
        environment: environment.iter().map(own).collect(),
    };
    let found = places.configured()?;
    let shown = found.iter().map(|finding| match finding {
        Finding::Registry {
            place,
            at: At::Index(url),
        } => format!("{url} by {place}"),
        Finding::Folder(path) => format!("folder {}", path.display()),
        Finding::Nothing(reason) => format!("nothing: {reason}"),
        other => format!("{other:?}"),
    });
    let shown: Vec<String> = shown.collect();
    let base = format!("{}/", folder.path().display());
    Ok(shown.join("\n").replace(&base, ""))
}

fn file(text: &str) -> String {
    configured(&[("config.toml", text)], &[]).unwrap()
}

#[test]
fn the_chain_of_replacements_is_followed_to_its_end() {
    let chain = "[source.crates-io]\nreplace-with = 'a'\n[source.a]\nreplace-with = 'b'\n";
    let to = |end: &str| file(&format!("{chain}{end}\n"));
    insta::assert_snapshot!(to("[source.b]\nregistry = 'sparse+http://b.example/i/'"), @"http://b.example/i by home/config.toml, [source.b]");
    insta::assert_snapshot!(to("[source.b]\nlocal-registry = 'crates'"), @"folder crates");
    insta::assert_snapshot!(to("[source.b]\nlocal-registry = '/crates'"), @"folder /crates");
    insta::assert_snapshot!(to("[source.b]\ndirectory = 'vendor'"), @"nothing: home/config.toml, [source.b]: a `directory` has crates unpacked, without their files");
    insta::assert_snapshot!(to("[source.b]\ngit = 'http://g.example'"), @"nothing: home/config.toml, [source.b]: a repository of git has no files of crates");
    insta::assert_snapshot!(to("[source.b]"), @"nothing: home/config.toml, [source.b]: says nowhere where it is");
    insta::assert_snapshot!(to(""), @"nothing: home/config.toml: no [source.b], which replaces another");
    insta::assert_snapshot!(to("[registries.b]\nindex = 'sparse+http://b.example/'"), @r"
    http://b.example by home/config.toml, [registries.b]
    http://b.example by home/config.toml, [registries.b]
    ");
}

#[test]
fn a_circle_of_replacements_is_refused() {
    let text = "[source.crates-io]\nreplace-with = 'a'\n[source.a]\nreplace-with = 'crates-io'\n";
    let report = configured(&[("config.toml", text)], &[])
        .unwrap_err()
        .report();
    assert!(
        report.contains("sources replace each other in a circle: `crates-io`, `a`"),
        "{report}"
    );
}

#[test]
fn the_default_source_may_say_itself_where_it_is() {
    let nothing = "nothing: home/config.toml: no [source.crates-io] with `replace-with`";
    assert_eq!(file(""), nothing);
    assert_eq!(file("[source.crates-io]\n[net]\nretry = 3\n"), nothing);
    assert_eq!(
        file("[source.crates-io]\nregistry = 'http://g.example'\n"),
        "nothing: home/config.toml, [source.crates-io]: `http://g.example` is an index in git, which only cargo reads"
    );
}

#[test]
fn registries_with_names_follow_and_variables_win_over_the_file() {
    let text = "[registries.my-own]\nindex = 'sparse+http://file.example/'\ntoken = 'x'\n[registries.other]\n";
    let variables = [
        (
            "CARGO_REGISTRIES_MY_OWN_INDEX",
            "sparse+http://variable.example/",
        ),
        ("CARGO_REGISTRIES_MY_OWN_TOKEN", "x"),
        ("CARGO_REGISTRIES_NEW_INDEX", "sparse+http://new.example/"),
    ];
    insta::assert_snapshot!(configured(&[("config.toml", text)], &variables).unwrap(), @r"
    nothing: home/config.toml: no [source.crates-io] with `replace-with`
    http://variable.example by the variable CARGO_REGISTRIES_MY_OWN_INDEX
    http://new.example by the variable CARGO_REGISTRIES_NEW_INDEX
    ");
}

#[test]
fn the_old_name_of_the_file_wins_and_what_is_no_toml_is_told() {
    let both = [
        (
            "config",
            "[source.crates-io]\nregistry = 'sparse+http://old.example'",
        ),
        ("config.toml", "["),
    ];
    assert_eq!(
        configured(&both, &[]).unwrap(),
        "http://old.example by home/config, [source.crates-io]"
    );
    let report = configured(&both[1..], &[]).unwrap_err().report();
    assert!(
        report.contains("home/config.toml does not parse"),
        "{report}"
    );
}
