//! Defects that would show at boot, found before there is a bundle.

use kindling_tests::{Ran, Scratch};

const UNIT: &str = "rootfs-overlays/broken/usr/lib/systemd/system/broken.service";

/// A recipe like the minimal one with an overlay of its own that has a unit.
fn scratch(lint: &str) -> Scratch {
    let scratch = Scratch::new();
    let text = format!("[rootfs]\noverlays = [\"broken\"]\n{lint}");
    scratch.recipe_like("broken", "minimal-debian-12", &text);
    scratch.write(UNIT, "[Service]\nExecStart=/usr/bin/agent\nUser=desktop\n");
    scratch
}

fn build(scratch: &Scratch) -> Ran {
    Ran::new(&scratch.xtask(&["build-image", "broken", "--locked"]))
}

#[test]
fn a_defect_fails_the_build_and_leaves_no_bundle() {
    let scratch = scratch("");
    let ran = build(&scratch);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    let tail: Vec<&str> = ran
        .stderr
        .lines()
        .skip_while(|l| !l.starts_with("error:"))
        .collect();
    insta::assert_snapshot!(tail.join("\n"), @r"
        error: stage `lint`: the image has 2 defects that would show at boot
          unit-exec: /usr/lib/systemd/system/broken.service: ExecStart=/usr/bin/agent: it does not exist
          unit-user: /usr/lib/systemd/system/broken.service: User=desktop: there is no such user
        hint: mend them; `cargo xtask lint --explain RULE` says more, and [[lint.waive]] with a reason lets one pass
        ");
    assert!(!scratch.path("out/broken").exists());
    scratch.replace(UNIT, "/usr/bin/agent", "/usr/bin/true");
    scratch.replace(UNIT, "User=desktop", "User=daemon");
    build(&scratch).ok();
    assert!(scratch.path("out/broken/bundle.json").exists());
}

#[test]
fn a_waiver_with_a_reason_lets_a_finding_pass_and_an_unused_one_is_told() {
    let waivers = "[[lint.waive]]\nrule = \"unit-exec\"\nreason = \"made at first boot\"\n\
                   [[lint.waive]]\nrule = \"unit-user\"\npath = \"/usr/lib/systemd/system/b*\"\nreason = \"the same\"\n\
                   [[lint.waive]]\nrule = \"port-conflict\"\nreason = \"none\"\n";
    let scratch = scratch(waivers);
    // Told whether the lint stage is made or in the store.
    for _ in 0..2 {
        let ran = build(&scratch).ok();
        let warning = "warning: the waiver of port-conflict lets nothing pass";
        assert!(ran.stderr.contains(warning), "{}", ran.stderr);
        std::fs::remove_dir_all(scratch.path("out")).unwrap();
    }
    let shown = Ran::new(&scratch.xtask(&["lint", "broken"])).ok();
    assert!(
        shown.stdout.contains("because: made at first boot"),
        "{}",
        shown.stdout
    );
    assert!(
        shown.stdout.contains("unused waiver: port-conflict"),
        "{}",
        shown.stdout
    );
}

#[test]
fn a_waiver_needs_a_known_rule_and_a_reason() {
    let scratch = scratch("[[lint.waive]]\nrule = \"unit-exek\"\n");
    let ran = build(&scratch);
    assert_eq!(ran.code, 2);
    let shown = ran
        .stderr
        .replace(&scratch.root().display().to_string(), "");
    insta::assert_snapshot!(shown.trim_end(), @r#"
        error: 2 mistakes in /recipes/broken.toml
          /recipes/broken.toml:4:1: [lint.waive] lacks the key `reason`
          4 | [[lint.waive]]
            | ^^^^^^^^^^^^^^
          hint: add to [lint.waive]: reason = "why this is no defect"
          /recipes/broken.toml:5:8: there is no rule `unit-exek`
          5 | rule = "unit-exek"
            |        ^^^^^^^^^^^
          hint: did you mean `unit-exec` or `unit-user` or `unit-sleep`?
        "#);
}
