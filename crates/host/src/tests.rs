use std::sync::Mutex;

use super::*;
use kindling_base::{Exit, Silent, files};

const FLEX: HostPackage = HostPackage {
    name: "flex",
    proof: Proof::Program("no-such-flex"),
    reason: "to build the kernel",
};
const QEMU: HostPackage = HostPackage {
    name: "qemu-system-x86",
    proof: Proof::Program("no-such-qemu"),
    reason: "to boot images",
};
const LIBELF: HostPackage = HostPackage {
    name: "libelf-dev",
    proof: Proof::File(&["/no/such/libelf.h", "/nor/this"]),
    reason: "to build the kernel",
};
const PRESENT: HostPackage = HostPackage {
    name: "base-files",
    proof: Proof::File(&["/no/such/file", "/"]),
    reason: "to have a root",
};

fn machine(programs: &[&Path], root: bool) -> Machine {
    let programs = programs.iter().map(|path| path.to_path_buf()).collect();
    Machine { programs, root }
}

/// Makes an executable script, written by another process: a descriptor that we have open for writing
/// may live on for a moment in a child that another test forks, and the kernel then refuses to run the file.
fn script(path: &Path, text: &str) {
    let plain = path.with_extension("txt");
    files::write_atomic(&plain, text.as_bytes(), 0o644).unwrap();
    Command::new("install")
        .arg("-m755")
        .args([&plain, path])
        .run()
        .unwrap();
}

#[test]
fn what_is_there_needs_no_process() {
    // No folder holds any program here, so that starting one would fail.
    let nowhere = machine(&[], true);
    ensure_on(&nowhere, &[PRESENT], true, &Silent).unwrap();
    assert_eq!(missing_on(&nowhere, &[PRESENT, LIBELF]), [&LIBELF]);
}

#[test]
fn a_program_counts_only_when_it_can_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("no-such-flex");
    files::write_atomic(&path, b"", 0o644).unwrap();
    let machine = machine(&[folder.path()], false);
    assert_eq!(missing_on(&machine, &[FLEX]), [&FLEX]);
    script(&path, "");
    assert!(missing_on(&machine, &[FLEX]).is_empty());
}

#[test]
fn who_may_not_install_gets_the_command_to_paste() {
    let folder = tempfile::tempdir().unwrap();
    script(&folder.path().join("apt-get"), "#!/bin/sh\nexit 1\n");
    let report = |root, install| {
        let machine = machine(&[folder.path()], root);
        let error = ensure_on(&machine, &[FLEX, PRESENT, LIBELF], install, &Silent).unwrap_err();
        assert_eq!(error.exit(), Exit::User);
        error.report()
    };
    let expected = "error: this machine lacks 2 packages that this needs
  flex (program `no-such-flex`) to build the kernel
  libelf-dev (/no/such/libelf.h or /nor/this) to build the kernel
hint: run: ";
    let command = "apt-get install --no-install-recommends flex libelf-dev";
    assert_eq!(report(false, true), format!("{expected}sudo {command}"));
    assert_eq!(report(false, false), format!("{expected}sudo {command}"));
    assert_eq!(report(true, false), format!("{expected}{command}"));
}

#[test]
fn a_machine_without_apt_is_told_what_to_look_for() {
    let report = ensure_on(&machine(&[], true), &[FLEX], true, &Silent)
        .unwrap_err()
        .report();
    assert_eq!(
        report,
        "error: this machine lacks a package that this needs
  flex (program `no-such-flex`) to build the kernel
hint: there is no apt-get here: install what the list names with this machine's own package manager"
    );
}

#[test]
fn a_failing_apt_shows_its_last_words() {
    let folder = tempfile::tempdir().unwrap();
    script(
        &folder.path().join("apt-get"),
        "#!/bin/sh\necho E: no network >&2\nexit 100\n",
    );
    let error = ensure_on(&machine(&[folder.path()], true), &[FLEX], true, &Silent).unwrap_err();
    assert_eq!(error.exit(), Exit::External);
    let report = error.report();
    assert!(report.contains("E: no network"), "{report}");
    let log = report
        .lines()
        .find_map(|l| l.trim().strip_prefix("whole log: "));
    let log = PathBuf::from(log.unwrap());
    assert_eq!(
        files::read_text(&log).unwrap(),
        "E: no network\nE: no network\n"
    );
    files::remove(&log).unwrap();
}

#[test]
fn an_apt_that_installs_something_else_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    script(&folder.path().join("apt-get"), "#!/bin/sh\nexit 0\n");
    let error = ensure_on(&machine(&[folder.path()], true), &[FLEX], true, &Silent).unwrap_err();
    assert_eq!(error.exit(), Exit::External);
    assert!(
        error.to_string().contains("apt installed flex but"),
        "{error}"
    );
}

#[test]
fn one_line_says_what_is_installed_and_why() {
    assert_eq!(
        by_reason(&[&FLEX, &QEMU, &LIBELF]),
        "flex libelf-dev (to build the kernel), qemu-system-x86 (to boot images)"
    );
}

/// The real apt-get and dpkg install a package from a repository in a scratch folder into a scratch root.
#[test]
fn apt_really_installs() {
    let this = Machine::this();
    let (Some(apt), Some(deb)) = (this.program("apt-get"), this.program("dpkg-deb")) else {
        eprintln!("skipped: this machine has no apt-get or no dpkg-deb");
        return;
    };
    if !this.root {
        eprintln!("skipped: dpkg installs for root only");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    script(&at("pkg/usr/bin/no-such-flex"), "#!/bin/sh\n");
    let control = "Package: flex\nVersion: 1\nArchitecture: all\nMaintainer: nobody <n@example>\nDescription: x\n";
    files::write_atomic(&at("pkg/DEBIAN/control"), control.as_bytes(), 0o644).unwrap();
    files::create_dir_all(&at("repo")).unwrap();
    let package = at("repo/flex.deb");
    Command::new(deb)
        .arg("--build")
        .args([at("pkg"), package.clone()])
        .run()
        .unwrap();
    let index = format!(
        "{control}Filename: ./flex.deb\nSize: {}\nSHA256: {}\n",
        package.metadata().unwrap().len(),
        kindling_base::hash::file(&package).unwrap()
    );
    files::write_atomic(&at("repo/Packages"), index.as_bytes(), 0o644).unwrap();
    let root = at("root");
    for name in [
        "etc/apt/preferences.d",
        "etc/apt/apt.conf.d",
        "etc/apt/sources.list.d",
        "var/lib/apt/lists/partial",
        "var/cache/apt/archives/partial",
        "var/log/apt",
        "var/lib/dpkg/updates",
        "var/lib/dpkg/info",
        "tmp",
    ] {
        files::create_dir_all(&root.join(name)).unwrap();
    }
    files::write_atomic(&root.join("var/lib/dpkg/status"), b"", 0o644).unwrap();
    let sources = format!("deb [trusted=yes] file:{} ./\n", at("repo").display());
    files::write_atomic(
        &root.join("etc/apt/sources.list"),
        sources.as_bytes(),
        0o644,
    )
    .unwrap();
    let config = format!(
        "Dir \"{0}\";\nDir::State::status \"{0}/var/lib/dpkg/status\";\nAPT::Sandbox::User \"root\";\nAPT::Architecture \"amd64\";\n\
         Dpkg::Options {{ \"--root={0}\"; \"--force-script-chrootless\"; \"--log={0}/dpkg.log\"; }};\n\
         Dir::Bin::Methods \"/usr/lib/apt/methods\";\n#clear DPkg::Pre-Install-Pkgs;\n#clear DPkg::Post-Invoke;\n",
        root.display()
    );
    files::write_atomic(&at("apt.conf"), config.as_bytes(), 0o644).unwrap();
    script(
        &at("bin/apt-get"),
        &format!(
            "#!/bin/sh\nAPT_CONFIG={} exec {} \"$@\"\n",
            at("apt.conf").display(),
            apt.display()
        ),
    );
    let notes = Mutex::new(Vec::new());
    let reporter = |event: Event| notes.lock().unwrap().push(format!("{event:?}"));
    let machine = machine(&[&at("bin"), &root.join("usr/bin")], true);
    ensure_on(&machine, &[FLEX], true, &reporter).unwrap_or_else(|e| panic!("{}", e.report()));
    assert_eq!(
        *notes.lock().unwrap(),
        ["Note(\"installing with apt: flex (to build the kernel)\")"]
    );
    assert!(root.join("usr/bin/no-such-flex").exists());
}
