//! The weight of findings: planted defects in places that a boot reaches and in places that it does not.

use super::testing::{Plan, notes, problems};

/// A package with a script whose interpreter is missing, on the PATH.
fn with_script(plan: Plan) -> Plan {
    plan.program("usr/bin/tool", "#!/usr/bin/python3\n")
        .package("tools", "Recommends: python3:any\n")
}

const SCRIPT: &str = "script-interpreter";
const EXEC: &str = "unit-exec";
const DEFECT: &str = "/usr/bin/tool: its interpreter /usr/bin/python3 is not in the image";

#[test]
fn a_command_that_nobody_asked_for_is_a_note_that_names_the_package() {
    let plan = with_script(Plan::bootable());
    assert_eq!(problems(SCRIPT, &plan), [""; 0]);
    insta::assert_snapshot!(notes(SCRIPT, &plan).join("\n"), @"script-interpreter: /usr/bin/tool: its interpreter /usr/bin/python3 is not in the image (`python3` brings it, which tools recommends)");
    // Whatever asks for it makes it a defect of the image.
    let asking = [
        plan.clone().requested("tool"),
        plan.clone()
            .enabled("a.service", "[Service]\nExecStart=/usr/bin/tool\n"),
        plan.clone().enabled(
            "a.service",
            "[Service]\nExecStart=/bin/sh -c '/usr/bin/tool x'\n",
        ),
        plan.clone()
            .enabled("a.service", "[Service]\nExecStart=tool\n"),
        plan.clone().program(
            "usr/local/bin/mine",
            "#!/bin/sh\nset -e\nexec \"/usr/bin/tool\" $@\n",
        ),
        plan.clone().link("usr/bin/xdg-open", "tool"),
        plan.clone().file(
            "etc/passwd",
            "root:x:0:0::/root:/bin/sh\na:x:1000:1000::/home/a:/usr/bin/tool\n",
        ),
        plan.clone()
            .program("usr/lib/systemd/system-generators/own", "#!/usr/bin/tool\n"),
    ];
    for (number, plan) in asking.iter().enumerate() {
        assert_eq!(problems(SCRIPT, plan), [DEFECT], "number {number}");
    }
    // A comment asks for nothing, and neither does what is not started.
    let silent = plan
        .program("usr/local/bin/mine", "#!/bin/sh\n# see /usr/bin/tool\n")
        .file("usr/local/share/list", "/usr/bin/tool\n");
    assert_eq!(problems(SCRIPT, &silent), [""; 0]);
}

#[test]
fn a_module_that_is_only_imported_is_a_note() {
    let plan = Plan::bootable()
        .program("usr/bin/python3.11", "#!/bin/sh\n")
        .program("usr/lib/python3.11/cgi.py", "#! /usr/local/bin/python\n")
        .program("usr/bin/app", "#!/usr/bin/python3.11\nimport cgi\n")
        .package("python3.11", "")
        .enabled("a.service", "[Service]\nExecStart=/usr/bin/app\n");
    assert_eq!(problems(SCRIPT, &plan), [""; 0]);
    assert_eq!(notes(SCRIPT, &plan).len(), 1);
}

#[test]
fn a_reload_of_a_package_is_a_note_and_its_start_is_a_defect() {
    let service = "[Service]\nExecStart=/bin/sh\nExecReload=/bin/kill -HUP $MAINPID\n";
    let plan = Plan::bootable().enabled("a.service", service);
    assert_eq!(problems(EXEC, &plan).len(), 1, "the recipe's own unit");
    let plan = plan.package("a", "");
    assert_eq!(problems(EXEC, &plan), [""; 0]);
    insta::assert_snapshot!(notes(EXEC, &plan).join("\n"), @"unit-exec: /usr/lib/systemd/system/a.service: ExecReload=/bin/kill: it leads to /usr/bin/kill, which does not exist (the package `procps` brings it)");
    let drop_in = "etc/systemd/system/a.service.d/own.conf";
    let plan = plan.file(drop_in, "[Service]\nExecReload=/bin/gone\n");
    assert_eq!(problems(EXEC, &plan).len(), 1, "the recipe's own drop-in");
    let plan = Plan::bootable().enabled("a.service", "[Service]\nExecStart=/bin/gone\n");
    assert_eq!(problems(EXEC, &plan.package("a", "")).len(), 1);
}

#[test]
fn units_that_start_are_those_that_a_boot_pulls_in_or_activates() {
    let broken = "[Service]\nExecStart=/usr/bin/gone\n";
    let plan = Plan::bootable()
        .unit("a.service", broken)
        .unit("a@.service", broken)
        .unit("off.socket", "[Socket]\nListenStream=1\n");
    let is_told = |plan: Plan| !problems(EXEC, &plan).is_empty();
    assert!(!is_told(plan.clone().package("a", "")));
    assert_eq!(notes(EXEC, &plan.clone().package("a", "")).len(), 2);
    let bus = "usr/share/dbus-1/system-services/org.a.service";
    let starts = [
        plan.clone()
            .enabled("a.socket", "[Socket]\nListenStream=1\n"),
        plan.clone()
            .enabled("b.socket", "[Socket]\nListenStream=1\nService=a.service\n"),
        plan.clone()
            .enabled("a.socket", "[Socket]\nListenStream=1\nAccept=yes\n"),
        plan.clone().enabled("a.timer", "[Timer]\nOnBootSec=1\n"),
        plan.clone()
            .enabled("b.path", "[Path]\nPathExists=/a\nUnit=a.service\n"),
        plan.clone().enabled(
            "b.service",
            "[Unit]\nWants=a@x.service\n[Service]\nExecStart=/bin/sh\n",
        ),
        plan.clone()
            .enabled("dbus.socket", "[Socket]\nListenStream=/run/dbus\n")
            .file(
                bus,
                "[D-BUS Service]\nName=org.a\nSystemdService=a.service\n",
            ),
        plan.clone()
            .unit(
                "serial-getty@.service",
                "[Service]\nExecStart=/usr/bin/gone\n",
            )
            .program(
                "usr/lib/systemd/system-generators/systemd-getty-generator",
                "#!/bin/sh\n",
            ),
    ];
    for (number, plan) in starts.into_iter().enumerate() {
        assert!(is_told(plan.package("a", "")), "number {number}");
    }
    let stays = [
        plan.clone().enabled(
            "b.service",
            "[Unit]\nOnFailure=a.service\n[Service]\nExecStart=/bin/sh\n",
        ),
        plan.clone().file(
            bus,
            "[D-BUS Service]\nName=org.a\nSystemdService=a.service\n",
        ),
        plan.clone()
            .enabled("a.socket", "[Socket]\nListenStream=1\n")
            .link("etc/systemd/system/a.socket", "/dev/null"),
        plan.enabled(
            "c.service",
            "[Unit]\nConditionVirtualization=container\n[Service]\nExecStart=/usr/bin/gone\n",
        ),
    ];
    for (number, plan) in stays.into_iter().enumerate() {
        assert!(!is_told(plan.package("a", "")), "number {number}");
    }
}

#[test]
fn what_the_recipe_takes_away_from_a_package_is_a_defect() {
    let plan = Plan::bootable()
        .program("usr/bin/awk", "#!/bin/sh\n")
        .package("awk", "")
        .program("usr/bin/tool", "#!/bin/awk\n")
        .package("tool", "");
    assert_eq!(problems(SCRIPT, &plan), [""; 0]);
    let taken = plan.without("usr/bin/awk");
    assert_eq!(problems(SCRIPT, &taken).len(), 1);
}

#[test]
fn a_library_of_a_program_that_starts_is_a_defect_and_a_plugin_a_note() {
    let shell = std::fs::read("/bin/sh").unwrap();
    let library = std::fs::read("/lib/x86_64-linux-gnu/libc.so.6").unwrap();
    let plan = Plan::bootable()
        .link("lib64", "usr/lib64")
        .bytes("usr/lib64/ld-linux-x86-64.so.2", 0o755, &library)
        .bytes("usr/bin/app", 0o755, &shell)
        .bytes("usr/lib/app/plugin.so", 0o644, &shell)
        .package("app", "Suggests: libc6\n");
    assert_eq!(problems("elf-library", &plan), [""; 0]);
    insta::assert_snapshot!(notes("elf-library", &plan).join("\n"), @r"
    elf-library: /usr/bin/app: it needs libc.so.6, which is not in the image (`libc6` brings it, which app suggests)
    elf-library: /usr/lib/app/plugin.so: it needs libc.so.6, which is not in the image (`libc6` brings it, which app suggests)
    ");
    let starts = plan.enabled("a.service", "[Service]\nExecStart=/usr/bin/app\n");
    let told = problems("elf-library", &starts);
    assert_eq!(told.len(), 1);
    assert!(told[0].starts_with("/usr/bin/app"), "{told:?}");
}
