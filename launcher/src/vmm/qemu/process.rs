//! The process of QEMU.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Stdio;

use kindling_base::{Command, Context, Result};
use tokio::process::Child;

use super::PROGRAM;
use super::argv::{Inherited, Purpose, argv};
use crate::network::Network;
use crate::vm::VMM_LOG;
use crate::vm::spec::Spec;
use crate::vmm::child::{self, Before};

/// A QEMU that is to be started.
#[derive(Clone, Copy, Debug)]
pub(super) struct Process<'a> {
    /// The VM's folder, in which it runs.
    pub(super) folder: &'a Path,
    pub(super) spec: &'a Spec,
    pub(super) inherited: &'a Inherited,
    pub(super) purpose: Purpose,
}

impl Process<'_> {
    /// Its command line.
    pub(super) fn command(&self) -> Command {
        let args = argv(self.spec, self.inherited, self.purpose);
        Command::new(PROGRAM).args(args).directory(self.folder)
    }

    /// Starts it, bound to us as [`child::spawn_bound`] has it. What it says itself goes to the VM's log.
    ///
    /// # Errors
    /// It cannot be started.
    pub(super) fn spawn(&self, stdin: Stdio, stdout: Stdio) -> Result<Child> {
        let mut process = self.command().to_std();
        process
            .stdin(stdin)
            .stdout(stdout)
            .stderr(child::open_log(&self.folder.join(VMM_LOG))?)
            // Ctrl-C at the terminal is for us, who ask the guest first.
            .process_group(0);
        let has_tap = matches!(self.spec.network, Some(Network::Tap { .. }));
        let before = Before {
            inherits: self.inherited.descriptors(),
            // The TAP is in use by the machine itself.
            leaves_network: has_tap && self.purpose == Purpose::Convert,
            ..Before::default()
        };
        child::spawn_bound(process, before).context(format!("cannot start `{PROGRAM}`"))
    }
}
