//! `build-image --verify`: the real image is the same in two worlds, and a build that reads the clock is found out.

use kindling_tests::{Ran, Scratch, project};

#[test]
fn the_minimal_image_is_the_same_in_two_worlds() {
    let scratch = Scratch::new();
    let ran = Ran::new(&scratch.xtask(&["build-image", "--verify=image", "--locked"])).ok();
    for world in [
        "another path of checkout",
        "HOME, CARGO_HOME and TMPDIR elsewhere",
        "compilers, make and cargo of the machine that fail",
        "an ordinary user",
        "one processor",
        "a clock 400 days later",
        "directories listed backwards",
    ] {
        assert!(ran.stderr.contains(world), "{}", ran.stderr);
    }
    let files: Vec<&str> = ran.stdout.lines().map(|line| &line[66..]).collect();
    assert!(
        files.contains(&"rootfs.ext4") && files.contains(&"bundle.json"),
        "{files:?}"
    );
    assert!(!scratch.path("out").exists(), "it only compares");
}

/// What a program can find out while it is compiled, as Rust that makes a string of it.
const PLANTED: [(&str, &str); 6] = [
    (
        "path",
        r#"read("/proc/self/mountinfo").lines().filter(|line| line.contains(" /build ")).collect()"#,
    ),
    ("user", r#"read("/proc/self/uid_map")"#),
    (
        "processors",
        r#"format!("{:?}", std::thread::available_parallelism())"#,
    ),
    ("clock", r#"format!("{:?}", std::time::SystemTime::now())"#),
    (
        "order",
        r#"format!("{:?}", std::fs::read_dir("/usr/lib").unwrap().map(|one| one.unwrap().file_name()).collect::<Vec<_>>())"#,
    ),
    // The rest: compilers, the host name, and variables but those of the processors and of what shows another clock.
    (
        "nothing",
        r#"["gcc --version", "cc --version", "rustc --version", "env | sort | grep -Ev '^(NUM_JOBS|CARGO_MAKEFLAGS|LD_PRELOAD)='", "pwd", "cat /proc/sys/kernel/hostname"].map(run).concat()"#,
    ),
];

/// The build script of a program that has something planted.
fn build_script(planted: &str) -> String {
    format!(
        r#"#![allow(unused)]
fn read(path: &str) -> String {{ std::fs::read_to_string(path).unwrap() }}
fn run(command: &str) -> String {{
    let output = std::process::Command::new("sh").args(["-c", command]).output().unwrap();
    assert!(output.status.success(), "{{command}}");
    String::from_utf8(output.stdout).unwrap()
}}
fn main() {{
    let planted: String = {planted};
    println!("cargo:rustc-env=PLANTED={{:?}}", planted);
}}
"#
    )
}

#[test]
fn whatever_a_program_is_compiled_with_is_named_or_the_same() {
    let scratch = Scratch::new();
    scratch.own("crates");
    for (name, planted) in PLANTED {
        let file = |file: &str, text: &str| {
            scratch.write(&format!("crates/planted-{name}/{file}"), text);
        };
        let package = format!("name = \"kindling-planted-{name}\"\nversion = \"0.1.0\"\n");
        file(
            "Cargo.toml",
            &format!("[workspace]\n[package]\n{package}edition = \"2024\"\n"),
        );
        file(
            "Cargo.lock",
            &format!("version = 4\n\n[[package]]\n{package}"),
        );
        file("build.rs", &build_script(planted));
        file(
            "src/main.rs",
            "fn main() { println!(\"{}\", env!(\"PLANTED\")); }\n",
        );
    }
    let names = PLANTED.map(|(name, _)| format!("planted-{name}"));
    scratch.recipe_like(
        "planted",
        "minimal-debian-12",
        &format!("\n[rootfs]\nprograms = {names:?}\n"),
    );
    let ran = Ran::new(&scratch.xtask(&["build-image", "planted", "--verify=image", "--locked"]));
    let ran = ran.fails(
        3,
        &[
            "two builds of planted differ in ",
            "rootfs.ext4",
            "first   ",
            "second  ",
            "bundle.json: first difference",
        ],
    );
    for (name, _) in PLANTED {
        let told = ran
            .stderr
            .contains(&format!("/usr/lib/kindling/planted-{name}: "));
        assert_eq!(told, name != "nothing", "{name} in:\n{}", ran.stderr);
    }
}

#[test]
fn a_bundle_is_built_again_from_its_own_provenance() {
    let scratch = Scratch::new();
    let bundle = project().join("out/minimal-debian-12");
    let verify = |more: &[&str]| {
        let args = [
            &["verify", "--rebuild=image", bundle.to_str().unwrap()],
            more,
        ]
        .concat();
        Ran::new(&scratch.xtask(&args))
    };
    let ran = verify(&[]).ok();
    let said = "built again, every byte is the same";
    assert!(ran.stderr.contains(said), "{}", ran.stderr);

    // Other inputs are named, and nothing is built.
    scratch.replace("kernel-config/base.config", "\n", "\n# changed\n");
    verify(&[]).fails(
        2,
        &[
            "has other inputs than the bundle",
            "stage `kernel`",
            "commit",
        ],
    );
    scratch.replace("tools/rust.lock", "\n", "\n# changed\n");
    verify(&[]).fails(
        2,
        &[
            "tools/rust.lock: the bundle's is ",
            "commit that has these files",
        ],
    );
}

#[test]
fn a_compiler_s_complaint_is_shown() {
    let scratch = Scratch::new();
    let initramfs = scratch.own("initramfs");
    std::fs::write(initramfs.join("src/main.rs"), "this is no Rust").unwrap();
    let ran = Ran::new(&scratch.xtask(&["build-image", "--locked"]));
    let texts = ["stage `initramfs`", "error: expected one of", "cargo.log"];
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    for text in texts {
        assert!(ran.stderr.contains(text), "no `{text}` in:\n{}", ran.stderr);
    }
}
