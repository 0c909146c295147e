//! Virtual machine monitors: what runs a machine, behind one small trait.

pub(crate) mod qemu;

use kindling_base::Result;

use crate::agent;

/// A running machine. It ends with this process at the latest.
pub(crate) trait Machine {
    /// The process that runs it.
    fn pid(&self) -> Option<u32>;

    /// What happens next; nothing is lost if the future is dropped. Not to be called after [`Event::Exited`].
    ///
    /// # Errors
    /// The operating system does not tell how the process ended.
    async fn event(&mut self) -> Result<Event>;

    /// Asks the guest to power itself off.
    ///
    /// # Errors
    /// The monitor cannot pass the request on.
    async fn press_power_button(&mut self) -> Result<()>;

    /// Asks the monitor to end the machine at once, in good order.
    ///
    /// # Errors
    /// The monitor does not take the request.
    async fn quit(&mut self) -> Result<()>;

    /// The channel to the guest's agent, the first time it is asked for, where the machine has one.
    fn take_agent(&mut self) -> Option<impl agent::Channel + use<Self>>;

    /// Kills the monitor's process.
    ///
    /// # Errors
    /// The operating system refuses.
    fn kill(&mut self) -> Result<()>;
}

/// Something that happened to a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// The guest powered itself off.
    PoweredOff,
    /// The guest reset itself.
    Reset,
    /// The monitor's process ended; this is the last event.
    Exited {
        /// Whether it says that all was well.
        well: bool,
        /// Its exit status, for a person.
        status: String,
    },
}
