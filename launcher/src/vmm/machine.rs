//! The interface of a running machine to its supervisor, the same for every monitor.

use std::path::Path;

use kindling_base::Result;
use tokio::net::UnixStream;

/// The guest's memory in the folder of a saved machine, page by page from address 0 on; may be missing where the
/// state has it.
pub(crate) const MEMORY: &str = "memory";
/// The state of devices and processors in the folder of a saved machine, in the monitor's own format.
pub(crate) const STATE: &str = "state";

/// A running machine. It ends with this process at the latest.
pub(crate) trait Machine {
    /// The process that runs it.
    fn pid(&self) -> Option<u32>;

    /// Waits for the next event; nothing is lost if the future is dropped. Not to be called after [`Event::Exited`].
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

    /// Stops the guest's processors. One that is stopped stays so.
    ///
    /// # Errors
    /// The monitor does not take the request.
    async fn pause(&mut self) -> Result<()>;

    /// Lets the guest's processors run again.
    ///
    /// # Errors
    /// The monitor does not take the request.
    async fn unpause(&mut self) -> Result<()>;

    /// Writes the paused machine to the folder `into`: its memory to [`MEMORY`], unless the state has it, and the
    /// state of its devices and processors to [`STATE`].
    ///
    /// # Errors
    /// The monitor fails, or the files cannot be written.
    async fn save(&mut self, into: &Path) -> Result<()>;

    /// Gives what was saved the form in which machines go on from it, where it has not; the machine runs again.
    ///
    /// # Errors
    /// The monitor fails, or the files cannot be written.
    async fn settle(&mut self, into: &Path) -> Result<()> {
        let _ = into;
        Ok(())
    }

    /// The channel to the guest's agent, the first time it is asked for, where the machine has one.
    fn take_agent(&mut self) -> Option<UnixStream>;

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
