//! States and durations in words.

use std::time::Duration;

use kindling_launcher::{Ending, Status, StopStep};

/// The readiness of a VM.
pub(super) fn readiness(status: &Status) -> String {
    let first = status.first_output_after_ms.map(Duration::from_millis);
    match (status.ready_after(), first) {
        (Some(ready), None) => format!("ready in {}", seconds(ready)), // resumed: it says nothing again
        (Some(ready), Some(first)) => {
            format!(
                "ready in {} (first output after {})",
                seconds(ready),
                seconds(first)
            )
        }
        _ => "not ready yet".to_owned(),
    }
}

/// The end of a VM, or its state.
pub(super) fn ending(status: &Status) -> String {
    match &status.ending {
        None => status.state.name().to_owned(),
        Some(Ending::PoweredOff) => "the guest powered off".to_owned(),
        Some(Ending::Reset) => "the guest reset".to_owned(),
        Some(Ending::Stopped { by, took_ms }) => {
            let how = match by {
                StopStep::Agent => "the guest powered off when its agent was asked",
                StopStep::PowerButton => "the guest powered off when asked",
                StopStep::Quit => "the guest did not power off, its machine was ended",
                StopStep::Kill => "its machine was killed",
            };
            format!(
                "stopped in {}: {how}",
                seconds(Duration::from_millis(*took_ms))
            )
        }
        Some(Ending::Panicked { line }) => format!("the guest gave up: {line}"),
        Some(Ending::NeverReady) => "the guest was not ready in time".to_owned(),
        Some(Ending::VmmExited { program, status }) => format!("{program} ended: {status}"),
        Some(Ending::NotStarted { .. }) => "the machine did not start".to_owned(),
    }
}

/// `6.2 s`, with two decimals below a second.
pub(super) fn seconds(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds < 1.0 {
        format!("{seconds:.2} s")
    } else {
        format!("{seconds:.1} s")
    }
}

/// `42 s`, `3 min 5 s`, `2 h 10 min`, `3 d 4 h`.
pub(super) fn coarse(duration: Duration) -> String {
    let s = duration.as_secs();
    match s {
        0..60 => format!("{s} s"),
        60..3600 => format!("{} min {} s", s / 60, s % 60),
        3600..86400 => format!("{} h {} min", s / 3600, s / 60 % 60),
        _ => format!("{} d {} h", s / 86400, s / 3600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_short() {
        let at = |s| coarse(Duration::from_secs(s));
        assert_eq!(
            [at(59), at(185), at(7800), at(273_600)],
            ["59 s", "3 min 5 s", "2 h 10 min", "3 d 4 h"]
        );
        assert_eq!(seconds(Duration::from_millis(6234)), "6.2 s");
        assert_eq!(seconds(Duration::from_millis(94)), "0.09 s");
    }
}
