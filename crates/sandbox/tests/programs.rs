//! Programs in a root that has nothing of its own: all they need is bound from the machine.

#![allow(clippy::unwrap_used, reason = "a test's helpers fail as the test does")]

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use kindling_base::Exit;
use kindling_sandbox::{
    Bind, BuildRoot, Job, Order, Program, STAND_INS, StandIn, perform, remove, run,
};
use kindling_testkit::install;

fn helper() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_kindling-run-in-root"))
}

/// A root with the machine's `/usr` and a folder of the test's, both bound, and a log beside it.
struct Root {
    folder: tempfile::TempDir,
    program: Program,
}

impl Root {
    fn new(script: &str) -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let root = folder.path().join("root");
        for name in ["usr", "proc", "dev", "source", "work"] {
            std::fs::create_dir_all(root.join(name)).unwrap();
        }
        for name in ["bin", "lib", "lib64"] {
            symlink(format!("usr/{name}"), root.join(name)).unwrap();
        }
        let source = folder.path().join("source");
        std::fs::create_dir(&source).unwrap();
        std::fs::write(source.join("file"), "of the machine").unwrap();
        let bind = |from: &Path, at: &str| Bind {
            from: from.to_owned(),
            at: PathBuf::from(at),
            writable: false,
        };
        let program = Program {
            root,
            argv: ["/bin/sh", "-euc", script].map(str::to_owned).to_vec(),
            env: vec![("PATH".to_owned(), format!("{STAND_INS}:/usr/bin"))],
            folder: Some(PathBuf::from("/work")),
            binds: vec![bind(Path::new("/usr"), "/usr"), bind(&source, "/source")],
            read_only: false,
            stand_ins: Vec::new(),
        };
        Self { folder, program }
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// What the program printed, or the error.
    fn run(&self) -> Result<String, kindling_base::Error> {
        run(helper(), &self.program, &self.log(), |_| {})?;
        Ok(std::fs::read_to_string(self.log()).unwrap())
    }
}

#[test]
fn a_program_sees_its_root_its_binds_and_nothing_else() {
    let script = "
        pwd; env | sort | grep -v '^_=\\|^PWD=\\|^OLDPWD='; cat /source/file; echo; hostname
        echo made > made
        ! touch /source/new 2> /dev/null
        ! touch /usr/new 2> /dev/null
        ls /
        set -- /proc/[0-9]*; echo $# processes
        cat /proc/net/dev | grep -c :
    ";
    let root = Root::new(script);
    let path = format!("PATH={STAND_INS}:/usr/bin");
    let expected = format!(
        "/work\n{path}\nof the machine\nlocalhost\nbin\ndev\nlib\nlib64\nproc\nsource\nusr\nwork\n2 processes\n1\n"
    );
    assert_eq!(root.run().unwrap(), expected);
    let made = root.program.root.join("work/made");
    assert_eq!(std::fs::read_to_string(made).unwrap(), "made\n");
    assert!(!root.folder.path().join("source/new").exists());

    remove(helper(), &root.program.root, &root.log()).unwrap();
    assert!(!root.program.root.exists());
    assert!(root.folder.path().join("source/file").exists());
}

#[test]
fn a_read_only_root_leaves_its_writable_binds_and_tmp() {
    let script = "
        ! touch /work/new 2> /dev/null
        echo made > /source/made
        echo kept > /tmp/file; cat /tmp/file
        echo complaint >&2
    ";
    let mut root = Root::new(script);
    std::fs::create_dir(root.program.root.join("tmp")).unwrap();
    root.program.read_only = true;
    let source = root.program.binds.last_mut().unwrap();
    source.writable = true;
    let mut lines = Vec::new();
    run(helper(), &root.program, &root.log(), |line| {
        lines.push(line.to_owned());
    })
    .unwrap();
    assert_eq!(lines, ["kept", "complaint"]);
    assert_eq!(
        std::fs::read_to_string(root.log()).unwrap(),
        "kept\ncomplaint\n"
    );
    let made = root.folder.path().join("source/made");
    assert_eq!(std::fs::read_to_string(made).unwrap(), "made\n");
    let tmp = root.program.root.join("tmp");
    assert_eq!(std::fs::read_dir(tmp).unwrap().count(), 0, "of the program");
}

#[test]
fn a_build_sees_the_same_paths_names_and_variables_wherever_it_runs() {
    let told = |folder: &str| {
        let root = Root::new("true");
        let (tools, build) = (&root.program.root, root.folder.path().join(folder));
        for part in ["build", "tmp", "usr/bin", "usr/lib", "usr/lib64"] {
            std::fs::create_dir(tools.join(part)).unwrap();
        }
        for program in ["env", "grep", "hostname", "id", "ls", "sh", "sort"] {
            install(tools, &Path::new("/usr/bin").join(program));
        }
        std::fs::create_dir_all(build.join("inner/source")).unwrap();
        let script =
            "pwd; env | sort | grep -v '^_=\\|^PWD='; hostname; id -u; ls; grep -c : /proc/net/dev";
        let order = Order {
            argv: ["/bin/sh", "-euc", script].map(str::to_owned).to_vec(),
            env: vec![("OWN".to_owned(), "1".to_owned())],
            build: &build,
            folder: "inner",
        };
        let mut told = Vec::new();
        let build_root = BuildRoot::new(tools.clone(), helper().to_owned());
        build_root
            .run(&order, &root.log(), |line| told.push(line.to_owned()))
            .unwrap();
        told
    };
    let first = told("one");
    assert_eq!(
        first,
        [
            "/build/inner",
            "HOME=/build",
            "LC_ALL=C.UTF-8",
            "OWN=1",
            "PATH=/usr/bin",
            "TZ=UTC",
            "localhost",
            "0",
            "source",
            "1"
        ]
    );
    assert_eq!(told("a deep/folder: with signs"), first);
}

#[test]
fn stand_ins_come_first_and_lie_over_files_of_the_root_only() {
    let mut root = Root::new("hostname; /work/real; cat /work/link");
    let work = root.program.root.join("work");
    std::fs::write(work.join("real"), "#!/bin/sh\necho real\n").unwrap();
    std::fs::write(root.folder.path().join("source/outside"), "outside\n").unwrap();
    symlink("/source/outside", work.join("link")).unwrap();
    root.program.stand_ins = vec![StandIn {
        name: "hostname".to_owned(),
        content: "#!/bin/sh\necho stand-in\n".to_owned(),
        mode: 0o755,
        over: ["/work/real", "/work/link", "/work/absent"]
            .map(PathBuf::from)
            .to_vec(),
    }];
    assert_eq!(root.run().unwrap(), "stand-in\nstand-in\noutside\n");
    let real = std::fs::read_to_string(work.join("real")).unwrap();
    assert_eq!(real, "#!/bin/sh\necho real\n");
}

#[test]
fn failures_say_what_failed_and_links_do_not_lead_out() {
    let root = Root::new("echo the reason; exit 7");
    let error = root.run().unwrap_err();
    assert_eq!(error.exit(), Exit::External);
    let report = error.report();
    for part in [
        "failed in the sandbox: exit status: 7",
        "the reason",
        "whole log: ",
    ] {
        assert!(report.contains(part), "{report}");
    }

    let mut root = Root::new("true");
    symlink("/source", root.program.root.join("planted")).unwrap();
    for at in ["/planted", "/planted/file"] {
        root.program.binds.push(Bind {
            from: root.folder.path().join("source"),
            at: PathBuf::from(at),
            writable: true,
        });
        let report = root.run().unwrap_err().report();
        assert!(report.contains("the tree has no directory"), "{report}");
        root.program.binds.pop();
    }
    assert!(root.run().is_ok(), "without them it runs");
}

#[test]
fn a_job_that_the_executable_does_not_offer_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let unknown = Job {
        name: "unknown",
        perform: |_, _| Ok(()),
    };
    let log = folder.path().join("log");
    let error = perform(helper(), &log, unknown, b"", |_| {}).unwrap_err();
    assert_eq!(
        error.to_string(),
        "this executable does not offer the job `unknown`"
    );
}
