//! Makes a tree of .deb files: `kindling-assemble EPOCH WORK OUT DEB...`. Tests start it as the sandbox's helper.

use std::path::{Path, PathBuf};

use kindling_base::{Error, Exit, Result, Silent};
use kindling_debian_root::{ASSEMBLE, Assembly, UNPACK, assemble};
use kindling_sandbox::{REMOVE, RUN};

fn main() -> Exit {
    kindling_sandbox::main_if_reexecuted(&[ASSEMBLE, UNPACK, RUN, REMOVE]);
    match run() {
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

fn run() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let usage = || Error::user("usage: kindling-assemble EPOCH WORK OUT DEB...");
    let [epoch, work, out, debs @ ..] = args.as_slice() else {
        return Err(usage());
    };
    let debs: Vec<PathBuf> = debs.iter().map(PathBuf::from).collect();
    let helper = std::env::current_exe()
        .map_err(|error| Error::internal("cannot find this executable").because(error))?;
    let assembly = Assembly {
        debs: &debs,
        base: &[],
        below: &[],
        epoch: epoch.parse().map_err(|error| usage().because(error))?,
        work: Path::new(work),
        out: Path::new(out),
        log: &Path::new(out).join("assemble.log"),
        helper: &helper,
        keep_root: true,
    };
    assemble(&assembly, &Silent)
}
