//! A clone becomes a guest of its own, before anybody uses it.

mod entropy;
mod identity;
mod link;
mod ssh;

use std::io;
use std::time::Instant;

pub(crate) use identity::{hostname, is_hostname, replace};
use kindling_protocol::{Item, Outcome, Personalise, Personalised};

/// Does everything that is asked. What fails is told and keeps the rest from nothing.
pub(crate) fn personalise(wanted: &Personalise) -> Personalised {
    let started = Instant::now();
    let mut done = Done(Vec::new());
    // Random numbers first: those that follow may be made of them.
    done.item("entropy", wanted.entropy.as_deref(), entropy::reseed);
    done.item("clock_ns", wanted.clock_ns, |now| set_clock(now, started));
    done.item("network", wanted.network.as_ref(), link::address);
    done.item("hostname", wanted.hostname.as_deref(), identity::hostname);
    done.item(
        "machine_id",
        wanted.machine_id.as_deref(),
        identity::machine_id,
    );
    done.item("ssh_host_keys", wanted.ssh_host_keys.then_some(()), |()| {
        ssh::new_host_keys()
    });
    Personalised {
        items: done.0,
        took_us: micros(started),
    }
}

struct Done(Vec<Item>);

impl Done {
    fn item<T>(
        &mut self,
        name: &str,
        wanted: Option<T>,
        make: impl FnOnce(T) -> io::Result<Outcome>,
    ) {
        let Some(wanted) = wanted else { return };
        let started = Instant::now();
        let outcome = make(wanted).unwrap_or_else(|error| Outcome::Failed(error.to_string()));
        self.0.push(Item {
            name: name.to_owned(),
            outcome,
            took_us: micros(started),
        });
    }
}

/// Sets the wall clock to what it was when the message arrived, and the time that has passed since.
fn set_clock(arrived_ns: u64, arrived: Instant) -> io::Result<Outcome> {
    let passed = u64::try_from(arrived.elapsed().as_nanos()).unwrap_or(0);
    let now = arrived_ns.saturating_add(passed);
    let seconds = i64::try_from(now / 1_000_000_000).map_err(io::Error::other)?;
    let time = rustix::time::Timespec {
        tv_sec: seconds,
        tv_nsec: (now % 1_000_000_000) as _,
    };
    rustix::time::clock_settime(rustix::time::ClockId::Realtime, time)?;
    Ok(Outcome::Done)
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}
