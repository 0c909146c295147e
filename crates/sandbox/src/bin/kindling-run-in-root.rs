//! Runs a program in a root: `kindling-run-in-root ROOT LOG PROGRAM [ARGUMENT...]`. Tests start it as the sandbox's helper.

use std::path::{Path, PathBuf};

use kindling_base::{Error, Exit, Result};
use kindling_sandbox::{Program, REMOVE, RUN, main_if_reexecuted, run};

fn main() -> Exit {
    main_if_reexecuted(&[RUN, REMOVE]);
    match run_in_root() {
        Ok(()) => Exit::Success,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "a program's only output")]
            {
                eprintln!("{}", error.report());
            }
            error.exit()
        }
    }
}

fn run_in_root() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [root, log, argv @ ..] = args.as_slice() else {
        return Err(Error::user(
            "usage: kindling-run-in-root ROOT LOG PROGRAM [ARGUMENT...]",
        ));
    };
    let helper = std::env::current_exe()
        .map_err(|error| Error::internal("cannot find this executable").because(error))?;
    let program = Program {
        root: PathBuf::from(root),
        argv: argv.to_vec(),
        ..Program::default()
    };
    run(&helper, &program, Path::new(log), |_| {})
}
