//! A benchmark from its beginning to its end: what it made is removed whatever ends it.

use std::cell::Cell;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use kindling_base::{Context, Error, Event, Reporter, Result};
use kindling_bench::{Report, SCHEMA, Settings, Subject};
use kindling_launcher::{Snapshots, StateFolder, remove};
use tokio::signal::unix::{SignalKind, signal};

use super::{BootOptions, Options, machine};

/// The surroundings of a benchmark.
#[derive(Clone, Copy)]
pub struct Session<'a> {
    /// The state folder that has the snapshots and takes the VMs.
    pub state: &'a StateFolder,
    /// Our own binary.
    pub program: &'a Path,
    /// Takes notes and warnings.
    pub reporter: &'a dyn Reporter,
    /// Reads options of `kindling run`: a later one replaces an earlier one of the same name, and what they add to the
    /// kernel's command line is put together.
    pub read_options: fn(&[String]) -> Result<BootOptions>,
}

/// A benchmark under way.
pub(super) struct Bench<'a> {
    pub(super) session: Session<'a>,
    pub(super) options: &'a Options,
    /// The beginning of the names of its VMs and snapshots.
    prefix: String,
    last: Cell<u32>,
}

impl Session<'_> {
    /// Does `work` until it is done, fails, or a signal asks us to end; then removes what it made.
    pub(super) async fn run(
        &self,
        options: &Options,
        work: impl AsyncFnOnce(&Bench<'_>) -> Result<Vec<Subject>>,
    ) -> Result<Report> {
        let bench = Bench {
            session: *self,
            options,
            prefix: format!("bench-{}", std::process::id()),
            last: Cell::new(0),
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let mut machine = machine::describe(self.program).await?;
        let ended = signalled()?;
        let worked = tokio::select! {
            worked = work(&bench) => worked,
            name = ended => Err(Error::user(format!("the benchmark was ended by {name}; its VMs are removed"))),
        };
        let cleared = bench.clear().await;
        let subjects = worked?;
        cleared?;
        machine.load_after = machine::load()?;
        Ok(Report {
            schema: SCHEMA,
            kindling: env!("CARGO_PKG_VERSION").to_owned(),
            at: now.unwrap_or_default().as_secs(),
            command: options.command.clone(),
            machine,
            settings: Settings {
                runs: options.runs,
                warmup: options.warmup,
            },
            subjects,
        })
    }
}

impl Bench<'_> {
    /// A name that no other VM or snapshot has.
    pub(super) fn name(&self) -> String {
        self.last.set(self.last.get() + 1);
        format!("{}-{}", self.prefix, self.last.get())
    }

    pub(super) fn note(&self, text: String) {
        self.session.reporter.report(Event::Note(text));
    }

    pub(super) fn warn(&self, text: String) {
        self.session.reporter.report(Event::Warning(text));
    }

    /// Removes every VM and every snapshot that this benchmark has made and not removed yet.
    async fn clear(&self) -> Result<()> {
        let ours = |name: &str| {
            let rest = name.strip_prefix(&self.prefix);
            rest.is_some_and(|rest| rest.starts_with('-'))
        };
        let state = self.session.state;
        let listed = state.list()?.vms;
        let names = listed
            .iter()
            .map(|vm| vm.spec.name.as_str())
            .filter(|name| ours(name));
        let removals = names.map(|name| remove(state, name, true));
        let removed = futures_util::future::join_all(removals).await;
        let snapshots = Snapshots::open(state)?;
        for snapshot in snapshots.list()?.0 {
            if ours(&snapshot.name) {
                snapshots.remove(&snapshot.name)?;
            }
        }
        removed.into_iter().collect()
    }
}

/// The name of the signal that asks us to end, once one does. From now on none of them ends us.
fn signalled() -> Result<impl Future<Output = &'static str>> {
    let listen = |kind| signal(kind).context("cannot listen for signals");
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    let mut hangup = listen(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => "Ctrl-C",
            _ = terminate.recv() => "SIGTERM",
            _ = hangup.recv() => "SIGHUP",
        }
    })
}
