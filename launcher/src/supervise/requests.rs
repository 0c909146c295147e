//! Requests of other commands to the supervisor.

use std::time::Duration;

use kindling_base::{Error, Result};
use tokio::net::UnixStream;

use super::course::Course;
use crate::snapshot::save;
use crate::vm::control::{self, Request};
use crate::vm::status::State;
use crate::vmm::Machine;

impl Course<'_, '_> {
    /// Serves a client's request.
    pub(super) async fn take(
        &mut self,
        machine: &mut impl Machine,
        request: Request,
        mut client: UnixStream,
    ) -> Result<()> {
        match request {
            Request::Stop { grace_ms } => {
                self.clients.push(client);
                self.stop(machine, Duration::from_millis(grace_ms)).await
            }
            Request::Agent => {
                // Without an agent, the closed connection says so.
                if let Some(agent) = &self.agent {
                    tokio::spawn(agent.clone().relay(client));
                }
                Ok(())
            }
            Request::Console => {
                self.visitors.admit(client);
                Ok(())
            }
            Request::Save { into } => {
                let saved = if self.vm.status.state == State::Ready {
                    save::save(self.vm, machine, &into).await
                } else {
                    let state = self.vm.status.state.name();
                    Err(Error::user(format!(
                        "only a VM that is ready can be saved; it is {state}"
                    )))
                };
                control::answer(&mut client, saved).await;
                Ok(())
            }
        }
    }
}
