//! Values: their forms and ranges.

use super::{GOOD, load_first, spoiled};
use crate::{Initramfs, KernelSource};

#[test]
fn an_epoch_is_a_moment_with_a_zone() {
    insta::assert_snapshot!(spoiled("2026-11-01T00:00:00Z", "2026-11-01"), @"
    error: r/x.toml:4:9: `epoch` is not a moment with a time zone between 1970 and 2106
      4 | epoch = 2026-11-01
        |         ^^^^^^^^^^
    hint: write a date-time in UTC without quotes: 2026-11-01T00:00:00Z
    ");
    insta::assert_snapshot!(spoiled("2026-11-01T00:00:00Z", "1969-12-31T23:59:59Z"), @"
    error: r/x.toml:4:9: `epoch` is not a moment with a time zone between 1970 and 2106
      4 | epoch = 1969-12-31T23:59:59Z
        |         ^^^^^^^^^^^^^^^^^^^^
    hint: write a date-time in UTC without quotes: 2026-11-01T00:00:00Z
    ");
    let epoch = |text| {
        let text = GOOD.replace("2026-11-01T00:00:00Z", text);
        load_first(&[("x", &text)]).unwrap().image.epoch_s
    };
    assert_eq!(epoch("1970-01-01T00:00:00Z"), 0);
    assert_eq!(epoch("2024-02-29T12:30:15+02:00"), 1_709_202_615);
    assert_eq!(epoch("2106-02-07T06:28:15Z"), u32::MAX);
}

#[test]
fn bad_values_say_the_rule() {
    insta::assert_snapshot!(spoiled("\"udev\"", "\"Udev\""), @r#"
    error: r/x.toml:14:29: `packages` cannot be "Udev"
      14 | packages = ["systemd-sysv", "Udev"]
         |                             ^^^^^^
    hint: a package name has two or more lowercase letters, digits, `+`, `-` and `.`, and begins with a letter or digit
    "#);
    insta::assert_snapshot!(spoiled("\"virtio\"", "\"../virtio\""), @r#"
    error: r/x.toml:8:22: `fragments` cannot be "../virtio"
      8 | fragments = ["base", "../virtio"]
        |                      ^^^^^^^^^^^
    hint: a name begins with a letter or digit and goes on with letters, digits, `.`, `_` and `-`
    "#);
    insta::assert_snapshot!(spoiled("\"guest\"", "\"-guest\""), @r#"
    error: r/x.toml:5:12: `hostname` cannot be "-guest"
      5 | hostname = "-guest"
        |            ^^^^^^^^
    hint: a host name has lowercase letters, digits and inner `-`, in labels separated by `.`, at most 64 characters in all
    "#);
    insta::assert_snapshot!(spoiled("\"up\"", "\"\""), @r#"
    error: r/x.toml:16:10: `marker` cannot be ""
      16 | marker = ""
         |          ^^
    hint: write one line of text that is not empty
    "#);
    insta::assert_snapshot!(spoiled("[ready]", "[vm]\nmemory_mib = 63\n[ready]"), @"
    error: r/x.toml:16:14: `memory_mib` is out of range
      16 | memory_mib = 63
         |              ^^
    hint: choose 64 to 1048576 MiB
    ");
    insta::assert_snapshot!(spoiled("[ready]", "[rootfs.mirrors]\ndebian = \"ftp://mirror.example\"\n[ready]"), @r#"
    error: r/x.toml:16:10: `debian` cannot be "ftp://mirror.example"
      16 | debian = "ftp://mirror.example"
         |          ^^^^^^^^^^^^^^^^^^^^^^
    hint: an address begins with http:// or https:// and has no spaces
    "#);
    insta::assert_snapshot!(spoiled("[ready]", "[rootfs.variables]\n1st = \"x\"\nn = 5\n[ready]"), @r#"
    error: 2 mistakes in r/x.toml
      r/x.toml:16:1: `1st` is no good name in [rootfs.variables]
      16 | 1st = "x"
         | ^^^
      hint: a variable has letters, digits and `_`, and does not begin with a digit
      r/x.toml:17:5: `n`: expected a string, found an integer
      17 | n = 5
         |     ^
      hint: write it in double quotes
    "#);
    insta::assert_snapshot!(spoiled("[\"systemd-sysv\", \"udev\"]", "[]"), @"
    error: r/x.toml:14:12: `packages` has too few entries
      14 | packages = []
         |            ^^
    hint: list at least 1
    ");
}

#[test]
fn an_entry_listed_twice_points_at_the_first() {
    insta::assert_snapshot!(spoiled("\"udev\"", "\"udev\", \"udev\""), @r#"
    error: r/x.toml:14:37: `udev` is in `packages` twice
      14 | packages = ["systemd-sysv", "udev", "udev"]
         |                                     ^^^^^^
    hint: remove one of the two; the first is at r/x.toml:14:29
    "#);
}

#[test]
fn a_kernel_has_one_source() {
    let package = "package = \"linux-source-6.1\"";
    let url = "url = \"https://kernel.example/linux.tar.xz\"";
    let sha256 = format!("sha256 = \"{}\"", "0".repeat(64));
    insta::assert_snapshot!(spoiled(package, ""), @"
    error: r/x.toml:6:1: [kernel] does not say where the source comes from
      6 | [kernel]
        | ^^^^^^^^
    hint: name the source by `package` alone, or by `url` and `sha256`; or a built kernel by `image`
    ");
    insta::assert_snapshot!(spoiled(package, &format!("{package}\n{url}")), @r#"
    error: r/x.toml:8:7: a kernel from a package cannot come from a URL as well
      8 | url = "https://kernel.example/linux.tar.xz"
        |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: name the source by `package` alone, or by `url` and `sha256`; or a built kernel by `image`
    "#);
    insta::assert_snapshot!(spoiled(package, url), @r#"
    error: r/x.toml:7:7: `url` needs the tarball's `sha256` beside it
      7 | url = "https://kernel.example/linux.tar.xz"
        |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: name the source by `package` alone, or by `url` and `sha256`; or a built kernel by `image`
    "#);
    insta::assert_snapshot!(spoiled(package, &sha256), @r#"
    error: r/x.toml:7:10: `sha256` without the `url` of the tarball
      7 | sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
        |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: name the source by `package` alone, or by `url` and `sha256`; or a built kernel by `image`
    "#);
    insta::assert_snapshot!(spoiled(package, &format!("{package}\n{sha256}")), @r#"
    error: r/x.toml:8:10: `sha256` belongs to a `url`, and this kernel is from a package
      8 | sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
        |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: name the source by `package` alone, or by `url` and `sha256`; or a built kernel by `image`
    "#);
    insta::assert_snapshot!(spoiled(package, &format!("{url}\nsha256 = \"ABC\"")), @r#"
    error: r/x.toml:8:10: `sha256` cannot be "ABC"
      8 | sha256 = "ABC"
        |          ^^^^^
    hint: a SHA-256 has 64 lowercase hexadecimal digits, as `sha256sum` prints it
    "#);
    let good = GOOD.replace(package, &format!("{url}\n{sha256}"));
    let kernel = load_first(&[("x", &good)]).unwrap().kernel;
    assert!(
        matches!(kernel.source, KernelSource::Url { url, .. } if url.value.ends_with("linux.tar.xz"))
    );
}

#[test]
fn a_kernel_that_is_built_already_has_nothing_to_build_it_from() {
    let built = "package = \"linux-source-6.1\"\nfragments = [\"base\", \"virtio\"]";
    let image = "image = \"linux-image-cloud-amd64\"";
    let good = GOOD.replace(built, image);
    let recipe = load_first(&[("x", &good)]).unwrap();
    assert!(
        matches!(&recipe.kernel.source, KernelSource::Image(name) if name.value == "linux-image-cloud-amd64")
    );
    assert_eq!(recipe.kernel.fragments.len(), 0);
    insta::assert_snapshot!(spoiled("cmdline", &format!("{image}\ncmdline")), @r#"
    error: 2 mistakes in r/x.toml
      r/x.toml:7:1: a kernel from `image` is built already: it has no `package`
      7 | package = "linux-source-6.1"
        | ^^^^^^^
      hint: remove `image` to build a kernel, or this key to take one as it is
      r/x.toml:8:1: a kernel from `image` is built already: it has no `fragments`
      8 | fragments = ["base", "virtio"]
        | ^^^^^^^^^
      hint: remove `image` to build a kernel, or this key to take one as it is
    "#);
    let misspelt = spoiled(built, "imgae = \"linux-image-amd64\"");
    assert!(misspelt.contains("did you mean `image`?"), "{misspelt}");
    insta::assert_snapshot!(spoiled(built, "image = 3"), @r"
    error: r/x.toml:7:9: `image`: expected a string, found an integer
      7 | image = 3
        |         ^
    hint: write it in double quotes
    ");
    let distribution = "[initramfs]\nmode = \"distribution\"\n";
    let own = load_first(&[("x", &(good + distribution))]).unwrap();
    assert_eq!(own.initramfs, Initramfs::Distribution);
    insta::assert_snapshot!(load_first(&[("x", &(GOOD.to_owned() + distribution))]).unwrap_err(), @r#"
    error: r/x.toml:17:1: a distribution's initramfs is for a kernel of the distribution
      17 | [initramfs]
         | ^^^^^^^^^^^
    hint: name one: kernel.image = "linux-image-cloud-amd64"; or say mode = "minimal"
    "#);
}

#[test]
fn a_command_line_must_boot() {
    insta::assert_snapshot!(spoiled("root=/dev/vda ", ""), @r#"
    error: r/x.toml:9:11: the command line does not say where the root filesystem is
      9 | cmdline = "console=ttyS0 rw"
        |           ^^^^^^^^^^^^^^^^^^
    hint: add root=/dev/vda: the first virtio disk is the root filesystem
    "#);
    insta::assert_snapshot!(spoiled("rw\"", "rw ip=10.0.0.2::10.0.0.1:255.255.255.0::eth0:off\""), @r#"
    error: r/x.toml:9:43: `ip=10.0.0.2::10.0.0.1:255.255.255.0::eth0:off` is the launcher's to add
      9 | cmdline = "console=ttyS0 root=/dev/vda rw ip=10.0.0.2::10.0.0.1:255.255.255.0::eth0:off"
        |                                           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: remove it: each VM gets its own address when it starts
    "#);
    insta::assert_snapshot!(spoiled("rw\"", "caf\u{e9}\""), @r#"
    error: r/x.toml:9:11: the command line has a character that is not printable ASCII
      9 | cmdline = "console=ttyS0 root=/dev/vda café"
        |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: use letters, digits, punctuation and spaces, all on one line
    "#);
    insta::assert_snapshot!(spoiled("rw\"", &format!("{}\"", "x".repeat(1500))).lines().next().unwrap(), @"error: r/x.toml:9:11: the command line has 1528 bytes, more than 1407");
    let direct = |root: &str| {
        let text = GOOD.replace("root=/dev/vda", root) + "[initramfs]\nmode = \"none\"\n";
        load_first(&[("x", &text)])
    };
    insta::assert_snapshot!(direct("root=UUID=0-1").unwrap_err(), @r#"
    error: r/x.toml:9:26: without an initramfs nothing can resolve root=UUID=0-1
      9 | cmdline = "console=ttyS0 root=UUID=0-1 rw"
        |                          ^^^^^^^^^^^^^
    hint: the kernel itself knows root=/dev/vda and root=PARTUUID=; or set initramfs.mode = "minimal"
    "#);
    assert!(direct("root=LABEL=root").is_err());
    assert!(direct("root=PARTUUID=0-1").is_ok());
    assert!(direct("root=/dev/vda").is_ok());
    let by_uuid = GOOD.replace("root=/dev/vda", "root=UUID=0-1");
    assert!(load_first(&[("x", &by_uuid)]).is_ok());
}

#[test]
fn a_value_with_the_sign_that_separates_fields_is_refused() {
    let user = "[[rootfs.users]]\nname = \"web\"\nuid = 1000\ncomment = \"Team: web\"\n[ready]";
    insta::assert_snapshot!(spoiled("[ready]", user), @r#"
    error: r/x.toml:18:11: `comment` cannot be "Team: web"
      18 | comment = "Team: web"
         |           ^^^^^^^^^^^
    hint: write one line of text that is not empty and has no `:`, which separates the fields of passwd
    "#);
}
