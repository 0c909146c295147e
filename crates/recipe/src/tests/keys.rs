//! Keys, tables, types and syntax.

use std::fs;

use super::{GOOD, load_first, spoiled};
use crate::load;

#[test]
fn unknown_keys_are_all_reported_with_near_names() {
    let text = GOOD
        .replace("packages", "pakcages")
        .replace("hostname", "zzz")
        .replace("[ready]", "[redy]")
        + "[initramfs]\nmode = \"minimla\"\n";
    insta::assert_snapshot!(load_first(&[("x", &text)]).unwrap_err(), @r#"
    error: 5 mistakes in r/x.toml
      r/x.toml:1:1: [image] lacks the key `hostname`
      1 | [image]
        | ^^^^^^^
      hint: add to [image]: hostname = "kindling"
      r/x.toml:5:1: unknown key `zzz` in [image]
      5 | zzz = "guest"
        | ^^^
      hint: the keys here are: description, distribution, architecture, epoch, hostname
      r/x.toml:14:1: unknown key `pakcages` in [rootfs]
      14 | pakcages = ["systemd-sysv", "udev"]
         | ^^^^^^^^
      hint: did you mean `packages`?
      r/x.toml:15:2: unknown table `redy`
      15 | [redy]
         |  ^^^^
      hint: did you mean `ready`?
      r/x.toml:18:8: `mode` cannot be "minimla"
      18 | mode = "minimla"
         |        ^^^^^^^^^
      hint: did you mean `minimal`?
    "#);
}

#[test]
fn wrong_types_say_both_sides() {
    let text = GOOD
        .replace("[\"bookworm\"]", "\"bookworm\"")
        .replace("\"guest\"", "7")
        .replace(
            "[ready]",
            "[vm]\nmemory_mib = \"512\"\nnetwork = 1\nvcpus = 99999999999999999999\n[ready]",
        )
        .replace("2026-11-01T00:00:00Z", "\"2026-11-01\"");
    insta::assert_snapshot!(load_first(&[("x", &text)]).unwrap_err(), @r#"
    error: 6 mistakes in r/x.toml
      r/x.toml:4:9: `epoch`: expected a date-time, found a string
      4 | epoch = "2026-11-01"
        |         ^^^^^^^^^^^^
      hint: write a date-time in UTC without quotes: 2026-11-01T00:00:00Z
      r/x.toml:5:12: `hostname`: expected a string, found an integer
      5 | hostname = 7
        |            ^
      hint: write it in double quotes
      r/x.toml:11:10: `suites`: expected a list of strings, found a string
      11 | suites = "bookworm"
         |          ^^^^^^^^^^
      hint: put it in brackets: ["bookworm"]
      r/x.toml:16:14: `memory_mib`: expected an integer, found a string
      16 | memory_mib = "512"
         |              ^^^^^
      hint: write it without quotes: 512
      r/x.toml:17:11: `network`: expected a boolean (true or false), found an integer
      17 | network = 1
         |           ^
      hint: write a boolean (true or false)
      r/x.toml:18:9: `vcpus` is out of range
      18 | vcpus = 99999999999999999999
         |         ^^^^^^^^^^^^^^^^^^^^
      hint: choose 1 to 32
    "#);
    insta::assert_snapshot!(spoiled("[kernel]", "kernel = 3\n[kernl]"), @"
    error: 2 mistakes in r/x.toml
      r/x.toml:6:1: unknown key `kernel` in [image]
      6 | kernel = 3
        | ^^^^^^
      hint: the keys here are: description, distribution, architecture, epoch, hostname
      r/x.toml:7:2: unknown table `kernl`
      7 | [kernl]
        |  ^^^^^
      hint: did you mean `kernel`?
    ");
}

#[test]
fn missing_keys_come_with_an_example() {
    insta::assert_snapshot!(load_first(&[("x", "[image]\ndescription = \"d\"\n")]).unwrap_err(), @r#"
    error: 6 mistakes in r/x.toml
      r/x.toml:1:1: [image] lacks the key `distribution`
      1 | [image]
        | ^^^^^^^
      hint: add to [image]: distribution = "debian"
      r/x.toml:1:1: [image] lacks the key `epoch`
      1 | [image]
        | ^^^^^^^
      hint: add to [image]: epoch = 2026-11-01T00:00:00Z
      r/x.toml:1:1: [image] lacks the key `hostname`
      1 | [image]
        | ^^^^^^^
      hint: add to [image]: hostname = "kindling"
      r/x.toml:1:1: there is no table [kernel]
      1 | [image]
        | ^
      hint: name the source by `package` alone, or by `url` and `sha256`; or a built kernel by `image`
            add to [kernel]: fragments = ["base", "virtio"]
            add to [kernel]: cmdline = "console=ttyS0 root=/dev/vda rw"
      r/x.toml:1:1: there is no table [rootfs]
      1 | [image]
        | ^
      hint: add to [rootfs]: suites = ["bookworm"]
            add to [rootfs]: components = ["main"]
            add to [rootfs]: keyring = "debian-12"
            add to [rootfs]: packages = ["systemd-sysv"]
      r/x.toml:1:1: there is no table [ready]
      1 | [image]
        | ^
      hint: add to [ready]: marker = "kindling: ready"
    "#);
}

#[test]
fn syntax_errors_look_like_all_others() {
    insta::assert_snapshot!(spoiled("hostname = \"guest\"", "hostname = \"guest"), @r#"
    error: r/x.toml:5:18: invalid basic string, expected `"`
      5 | hostname = "guest
        |                  ^
    hint: mend the TOML syntax (https://toml.io/en/v1.0.0)
    "#);
    insta::assert_snapshot!(spoiled("hostname", "epoch = 1\nhostname"), @"
    error: r/x.toml:5:1: duplicate key
      5 | epoch = 1
        | ^^^^^
    hint: mend the TOML syntax (https://toml.io/en/v1.0.0)
    ");
    insta::assert_snapshot!(spoiled("[kernel]", "[kernel"), @"
    error: r/x.toml:6:8: unclosed table, expected `]`
      6 | [kernel
        |        ^
    hint: mend the TOML syntax (https://toml.io/en/v1.0.0)
    ");
    insta::assert_snapshot!(spoiled("hostname = ", "hostname "), @r#"
    error: r/x.toml:5:10: key with no value, expected `=`
      5 | hostname "guest"
        |          ^
    hint: mend the TOML syntax (https://toml.io/en/v1.0.0)
    "#);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.toml");
    fs::write(&path, b"[image]\ndescription = \"\xff\"\n").unwrap();
    let report = load(&path).unwrap_err().report();
    insta::assert_snapshot!(report.replace(&folder.path().display().to_string(), "r"), @r#"
    error: r/x.toml:2:16: this byte is not UTF-8
      2 | description = "�"
        |                ^
    hint: save the file as UTF-8
    "#);
}
