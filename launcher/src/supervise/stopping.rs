//! Stopping a machine, step by step: its agent, its power button, its monitor's own end, a kill.

use std::time::{Duration, Instant};

use kindling_base::Result;

use super::Report;
use super::course::Course;
use crate::agent::Agent;
use crate::vm::status::{Ending, State, StopStep};
use crate::vmm::Machine;

/// The time that the virtual machine monitor has to quit before it is killed.
const QUIT_GRACE: Duration = Duration::from_secs(3);

impl Course<'_, '_> {
    /// Begins to stop the machine, or hurries the stopping that is under way: the guest has `grace`.
    pub(super) async fn stop(&mut self, machine: &mut impl Machine, grace: Duration) -> Result<()> {
        if self.asked_at.is_none() {
            self.asked_at = Some(Instant::now());
            self.vm.status.state = State::Stopping;
            self.vm.save_status()?;
            if !grace.is_zero() && self.agent.as_ref().is_some_and(Agent::is_up) {
                let agent = self.agent.clone();
                // Whether it heeds it shows; if not, the next step is due.
                tokio::spawn(async move {
                    if let Some(agent) = agent {
                        let _ = agent.call(&kindling_protocol::Request::PowerOff).await;
                    }
                });
                // The power button has the other half.
                self.button_grace = grace / 2;
                self.took(StopStep::Agent, grace / 2);
                return Ok(());
            }
            if !grace.is_zero() {
                // A guest that cannot be asked is ended by the steps that follow.
                let _ = machine.press_power_button().await;
                self.took(StopStep::PowerButton, grace);
                return Ok(());
            }
        }
        self.button_grace = self.button_grace.min(grace);
        let due = Instant::now() + grace;
        self.deadline = Some(self.deadline.map_or(due, |before| before.min(due)));
        Ok(())
    }

    /// Takes the next step after the deadline has passed: the guest is not ready, or a step of stopping did not help.
    pub(super) async fn overdue(&mut self, machine: &mut impl Machine) -> Result<()> {
        if self.asked_at.is_none() && self.ending.is_none() {
            self.ending = Some(Ending::NeverReady);
        }
        match self.step {
            Some(StopStep::Agent) if !self.button_grace.is_zero() => {
                let _ = machine.press_power_button().await;
                self.took(StopStep::PowerButton, self.button_grace);
            }
            None | Some(StopStep::Agent) | Some(StopStep::PowerButton) => {
                let _ = machine.quit().await; // if that fails, the next step is due soon
                self.took(StopStep::Quit, QUIT_GRACE);
            }
            Some(StopStep::Quit | StopStep::Kill) => {
                machine.kill()?;
                self.took(StopStep::Kill, QUIT_GRACE);
            }
        }
        Ok(())
    }

    /// Notes and reports a step that was taken; the next one is due after `grace`.
    fn took(&mut self, step: StopStep, grace: Duration) {
        self.step = Some(step);
        self.deadline = Some(Instant::now() + grace);
        (self.sink)(Report::Stopping(step));
    }
}
