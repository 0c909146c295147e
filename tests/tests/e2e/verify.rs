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

#[test]
fn a_program_that_is_compiled_with_the_time_is_named() {
    let scratch = Scratch::new();
    let initramfs = scratch.own("initramfs");
    let planted =
        "\n    println!(\"cargo:rustc-env=NOW=planted at {:?}\", std::time::SystemTime::now());\n}";
    let build = std::fs::read_to_string(initramfs.join("build.rs")).unwrap();
    let end = build.rfind('}').unwrap();
    std::fs::write(
        initramfs.join("build.rs"),
        format!("{}{planted}\n", &build[..end]),
    )
    .unwrap();
    let said = "console::refuse(concat!(env!(\"NOW\"), \"kindling-init: ";
    scratch.replace(
        "initramfs/src/main.rs",
        "console::refuse(\"kindling-init: ",
        said,
    );
    scratch.replace(
        "initramfs/src/main.rs",
        "initramfs\\n\");",
        "initramfs\\n\"));",
    );

    let ran = Ran::new(&scratch.xtask(&["build-image", "--verify=image", "--locked"]));
    ran.fails(
        3,
        &[
            "two builds of minimal-debian-12 differ in 5 files",
            "initramfs.cpio: first difference at byte",
            "init: content differs at byte",
            "first   ",
            "second  ",
            "bundle.json: first difference",
        ],
    );
}

#[test]
fn a_bundle_is_built_again_from_its_own_provenance() {
    let scratch = Scratch::new();
    let bundle = project().join("out/minimal-debian-12");
    let verify = |more: &[&str]| {
        let args = [
            &["verify", bundle.to_str().unwrap(), "--rebuild=image"],
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
