//! `cargo xtask`: build, lock, check and test images. Parses, dispatches and renders; the work is in
//! the libraries.

mod cli;
mod commands;
#[cfg(test)]
mod manual;
mod render;
mod rules;
mod tally;
mod units;

use clap::Parser;
use kindling_base::Exit;

use crate::cli::{Cli, Command};

fn main() -> Exit {
    kindling_sandbox::main_if_reexecuted(&[
        kindling_debian_root::ASSEMBLE,
        kindling_debian_root::UNPACK,
        kindling_sandbox::RUN,
        kindling_sandbox::CHECK,
    ]);
    let cli = Cli::parse();
    let renderer = render::renderer(cli.global.mode());
    let result = match &cli.command {
        Command::BuildImage(args) => commands::build_image::run(args, &cli.global, &*renderer),
        Command::Lock(args) => commands::lock::run(args, &cli.global, &*renderer),
        Command::KernelConfig(args) => commands::kernel_config::run(args, &cli.global, &*renderer),
        Command::Verify(args) => commands::verify::run(args, &cli.global, &*renderer),
        Command::Lint(args) => commands::lint::run(args, &cli.global, &*renderer),
        Command::Gc(args) => commands::gc::run(args, &cli.global, &*renderer),
        Command::Inspect(args) => commands::inspect::run(args, &cli.global, &*renderer),
        Command::Doctor => commands::doctor::run(&cli.global),
        Command::Test(args) => commands::test::run(args, &cli.global, &*renderer),
        Command::Bench(what) => commands::bench::run(what, &cli.global, &*renderer),
        Command::Docs => commands::docs::run(&*renderer),
        Command::Tidy => commands::tidy::run(&cli.global, &*renderer),
    };
    match result {
        Ok(()) => Exit::Success,
        Err(error) => {
            renderer.error(&error);
            error.exit()
        }
    }
}
