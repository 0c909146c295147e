//! `kindling`: runs virtual machines from bundles.

mod args;
mod bench;
#[cfg(test)]
mod manual;
mod screen;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{ArgMatches, CommandFactory, FromArgMatches};
use kindling_base::{Context, Error, Result, files};
use kindling_launcher::{
    CONSOLE_LOG, GcOptions, Keep, Report, Snapshots, State, StateFolder, collect, console, copy,
    copy_log, detach, examine, exec, kvm, prepare, probe, remove, resume, stop, supervise,
    supervise_detached, take_snapshot,
};
use kindling_vm_bench::Session;

use args::{Cli, Command, ResumeArgs, RunArgs, SnapshotsCommand};
use screen::Screen;

fn main() -> ExitCode {
    let given = Cli::command().get_matches();
    let cli = Cli::from_arg_matches(&given).unwrap_or_else(|error| error.exit());
    let screen = Screen::new(cli.json);
    // One thread: the kernel kills the machine when the thread that started it ends, so that has to be this one.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the event loop");
    let ended = runtime.and_then(|runtime| {
        let ended = runtime.block_on(dispatch(cli.command, &given, &screen));
        // Without waiting: a read of standard input may never return.
        runtime.shutdown_background();
        ended
    });
    ended
        .unwrap_or_else(|error| {
            screen.error(&error);
            error.exit() as u8
        })
        .into()
}

/// Runs a command; returns the exit code, which is that of the guest's command for `exec`.
async fn dispatch(command: Command, given: &ArgMatches, screen: &Screen) -> Result<u8> {
    match command {
        Command::Exec(args) => return exec(&state()?, &args.name.clone(), args.into_exec()).await,
        Command::Console { name } => {
            let left = console(&state()?, &name, || screen.connected(&name)).await?;
            screen.left(&name, left);
        }
        Command::Cp { from, to } => copy(&state()?, &from, &to).await?,
        Command::Run(args) => run(*args, screen).await?,
        Command::Ps => screen.list(&state()?.list()?)?,
        Command::Logs { name, follow } => logs(&name, follow)?,
        Command::Stop { name, timeout } => {
            let stopped = stop(&state()?, &name, args::seconds(timeout)).await?;
            screen.stopped(&name, &stopped)?;
        }
        Command::Rm { names, force } => {
            for name in &names {
                remove(&state()?, name, force).await?;
                screen.removed(name)?;
            }
        }
        Command::Snapshot {
            vm,
            name,
            with_bundle,
        } => {
            let keep = if with_bundle {
                Keep::WithBundle
            } else {
                Keep::As(name.as_deref())
            };
            screen.snapshot(&take_snapshot(&state()?, &vm, keep).await?)?;
        }
        Command::Snapshots { command } => snapshots(command, screen)?,
        Command::Resume(args) => resume_all(args, screen).await?,
        Command::Gc {
            ended,
            logs,
            dry_run,
        } => {
            let options = GcOptions {
                ended,
                logs,
                dry_run,
            };
            screen.collected(&collect(&state()?, options).await?, dry_run)?;
        }
        Command::Probe {
            name,
            port,
            timeout,
        } => {
            let vm = state()?.find(&name)?;
            let verdict = probe(&vm, port, args::seconds(timeout)).await?;
            screen.verdict(&name, port, verdict)?;
            verdict.check(&name, port)?;
        }
        Command::Bench(command) => {
            let session = Session {
                state: &state()?,
                program: &program()?,
                reporter: screen,
                read_options: args::read_options,
            };
            bench::run(*command, given, &session, screen).await?;
        }
        Command::Doctor => screen.doctor(&examine(&state()?, &program()?).await?)?,
        Command::Supervise { folder } => supervise_detached(&folder).await?,
        Command::MeasureKvm => screen.kvm(&kvm::measure()?)?,
    }
    Ok(0)
}

fn logs(name: &str, follow: bool) -> Result<()> {
    let state = state()?;
    let vm = state.find(name)?;
    if !follow && !vm.folder.join(CONSOLE_LOG).exists() {
        return Ok(()); // it never came to write anything
    }
    copy_log(&state, &vm, follow, &mut std::io::stdout().lock())
}

fn snapshots(command: Option<SnapshotsCommand>, screen: &Screen) -> Result<()> {
    let snapshots = Snapshots::open(&state()?)?;
    match command {
        None => screen.snapshots(&snapshots.list()?),
        Some(SnapshotsCommand::Rm { names }) => names.iter().try_for_each(|name| {
            snapshots.remove(name)?;
            screen.removed(name)
        }),
    }
}

async fn run(args: RunArgs, screen: &Screen) -> Result<()> {
    let state = state()?;
    let program = program()?;
    let in_background = args.detach;
    let mut owned = prepare(&state, &args.into_options(), &program, screen).await?;
    if in_background {
        let vm = detach(owned, &program).await?;
        vm.check()?;
        return screen.detached(&vm);
    }
    screen.starting(&owned.vm);
    let mut sink = |report: Report<'_>| screen.report(&report);
    supervise(&mut owned, &mut sink).await?;
    owned.vm.check()?;
    if owned.vm.spec.remove && owned.vm.status.state == State::Stopped {
        state.remove_owned(&owned)?;
    }
    Ok(())
}

/// Starts every VM before it waits for any.
async fn resume_all(args: ResumeArgs, screen: &Screen) -> Result<()> {
    let program = program()?;
    let made = resume(&state()?, &args.into_options(), screen).await?;
    let started = made.into_iter().map(|owned| detach(owned, &program));
    let mut failed = Ok(());
    for vm in futures_util::future::join_all(started).await {
        let shown = vm.and_then(|vm| {
            vm.check()?;
            screen.detached(&vm)
        });
        if let Err(error) = shown {
            // The others run: each failure is told, and the last is how we end.
            if let Err(earlier) = std::mem::replace(&mut failed, Err(error)) {
                screen.error(&earlier);
            }
        }
    }
    failed
}

fn state() -> Result<StateFolder> {
    StateFolder::open(&StateFolder::default_root()?)
}

/// Our own binary, for the processes that we start of ourselves.
fn program() -> Result<PathBuf> {
    let path = std::env::current_exe().context("cannot find our own binary")?;
    // After an update the kernel says `/path/kindling (deleted)`.
    if path.exists() {
        return files::absolute(Path::new(&path));
    }
    Err(Error::internal(format!("{} is gone", path.display())).hint("run the command again"))
}
