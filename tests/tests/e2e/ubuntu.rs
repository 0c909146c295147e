//! An image from an archive in the shape of Ubuntu's: pockets, four components, .debs in zstd, phased updates, and a
//! vendor's archive with a key of its own, as that of Chrome. The packages are Debian's, which are at hand.

use std::fs;

use kindling_store::Store;
use kindling_testkit::{Deb, LoopbackMirror, Repository, Signer, Suite};
use kindling_tests::{Ran, Scratch, project};

/// The recipe: beside what it inherits, a package that is being phased in, and a vendor's browser.
const RECIPE: &str = r#"extends = "minimal-debian-12"
[image]
distribution = "ubuntu"
[rootfs]
suites = ["jammy", "jammy-updates", "jammy-security"]
components = ["main", "restricted", "universe", "multiverse"]
keyring = "ubuntu-shaped"
packages = ["phased", "google-chrome-stable"]
[[rootfs.archives]]
name = "google-chrome"
suites = ["stable"]
components = ["main"]
keyring = "chrome-shaped"
"#;

struct Case {
    scratch: Scratch,
    ubuntu: LoopbackMirror,
    vendor: LoopbackMirror,
}

impl Case {
    fn new() -> Self {
        let scratch = Scratch::new();
        let (archive, vendor) = (Signer::new(), Signer::new());
        scratch.write("recipes/shaped.toml", RECIPE);
        scratch.write("recipes/keyrings/ubuntu-shaped.asc", &archive.certificate());
        scratch.write("recipes/keyrings/chrome-shaped.asc", &vendor.certificate());
        for folder in ["ubuntu", "vendor"] {
            fs::create_dir(scratch.path(folder)).unwrap();
        }
        let repository = Repository::new(&scratch.path("ubuntu"));
        for suite in pockets() {
            repository.publish(&suite, &archive);
        }
        let browser = Deb::new("google-chrome-stable", "150.0")
            .field("Depends: dash, libc6 (>= 2.17)")
            .file("opt/google/chrome/chrome", 0o755, b"#!/bin/sh\necho shaped\n")
            .script(
                "postinst",
                "#!/bin/sh\nset -e\nupdate-alternatives --install /usr/bin/x-www-browser x-www-browser /opt/google/chrome/chrome 200\n",
            );
        let suite = Suite::new("stable", vec![browser.zstd()]);
        Repository::new(&scratch.path("vendor")).publish(&suite, &vendor);
        Self {
            ubuntu: LoopbackMirror::serve(&scratch.path("ubuntu")),
            vendor: LoopbackMirror::serve(&scratch.path("vendor")),
            scratch,
        }
    }

    fn xtask(&self, args: &[&str]) -> Ran {
        let ubuntu = format!("ubuntu={}", self.ubuntu.url());
        let vendor = format!("google-chrome={}", self.vendor.url());
        let mirrors = ["--mirror", &ubuntu, "--mirror", &vendor];
        Ran::new(&self.scratch.xtask(&[args, &mirrors].concat()))
    }

    /// The line of a package in the lock.
    fn pinned(&self, name: &str) -> String {
        let lock = fs::read_to_string(self.scratch.path("recipes/shaped.lock")).unwrap();
        let name = format!("name = \"{name}\"");
        lock.lines()
            .find(|line| line.contains(&name))
            .unwrap()
            .to_owned()
    }
}

/// The packages of minimal-debian-12, spread over pockets and components.
fn pockets() -> [Suite; 3] {
    let (mut main, mut universe, mut updates, mut security) = (vec![], vec![], vec![], vec![]);
    let store = Store::open(&Store::default_root().unwrap()).unwrap();
    let lock = fs::read_to_string(project().join("recipes/minimal-debian-12.lock")).unwrap();
    for line in lock
        .lines()
        .filter(|line| line.contains("_all.deb\"") || line.contains("_amd64.deb\""))
    {
        let (_, rest) = line.split_once("sha256 = \"").unwrap();
        let blob = store.blob(&rest[..64]).unwrap(); // `build-image` has downloaded it
        let deb = Deb::made(fs::read(blob).unwrap());
        // The kernel's source stays as it is, so that the kernel that was built of it serves.
        match deb.name.as_str() {
            name if name.starts_with("linux-source") => security.push(deb),
            "iproute2" | "netbase" => universe.push(deb.zstd()),
            "apt" | "libapt-pkg6.0" => updates.push(deb.zstd()),
            "dbus" => security.push(deb.zstd()),
            _ => main.push(deb.zstd()),
        }
    }
    let phased = |version| Deb::new("phased", version);
    universe.push(phased("1").zstd());
    let soon = phased("3").field("Phased-Update-Percentage: 30").zstd();
    let done = phased("2").field("Phased-Update-Percentage: 100").zstd();
    let suite = |name: &str, main, universe| {
        Suite::new(name, main)
            .component("restricted", Vec::new())
            .component("universe", universe)
            .component("multiverse", Vec::new())
    };
    [
        suite("jammy", main, universe),
        suite("jammy-updates", updates, vec![soon, done]),
        suite("jammy-security", security, Vec::new()),
    ]
}

#[test]
fn an_archive_in_ubuntus_shape_becomes_an_image_that_boots() {
    let case = Case::new();
    case.xtask(&["lock", "shaped"]).ok();
    for (package, says) in [
        ("base-files", "suite = \"jammy\""),
        ("iproute2", "path = \"pool/universe/"),
        ("apt", "suite = \"jammy-updates\""),
        ("dbus", "suite = \"jammy-security\""),
        ("phased", "version = \"2\""),
        ("google-chrome-stable", "suite = \"google-chrome/stable\""),
    ] {
        let line = case.pinned(package);
        assert!(line.contains(says), "{says}: {line}");
    }
    case.xtask(&["build-image", "shaped", "--locked"]).ok();

    let kindling = |args: &[&str]| Ran::new(&case.scratch.kindling(args));
    kindling(&["run", "--detach", "--name", "shaped", "shaped"]).ok();
    let said = kindling(&["exec", "shaped", "--", "/usr/bin/x-www-browser"]);
    let versions = kindling(&[
        "exec",
        "shaped",
        "--",
        "dpkg-query",
        "-W",
        "phased",
        "google-chrome-stable",
    ]);
    kindling(&["stop", "shaped"]).ok();
    assert_eq!(said.ok().stdout, "shaped\n");
    assert_eq!(
        versions.ok().stdout,
        "google-chrome-stable\t150.0\nphased\t2\n"
    );
}

#[test]
fn a_key_that_the_recipe_does_not_pin_is_not_believed() {
    let case = Case::new();
    let pin = format!(
        "{RECIPE}keys = [\"{}\"]\n",
        "0123456789ABCDEF".repeat(3).split_at(40).0
    );
    case.scratch.write("recipes/shaped.toml", &pin);
    let ran = case.xtask(&["lock", "shaped"]);
    ran.fails(
        2,
        &[
            "does not hold the key that the recipe pins",
            "pinned 0123456789ABCDEF",
        ],
    );
    case.scratch.replace(
        "recipes/shaped.toml",
        "keys = [\"0123",
        "keys = [\"EB4C 1BFD",
    );
    case.xtask(&["lock", "shaped"])
        .fails(2, &["a fingerprint is 40 digits"]);
}
