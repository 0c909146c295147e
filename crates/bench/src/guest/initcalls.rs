//! The kernel's own steps, as `initcall_debug` writes them to its log (`init/main.c`, `trace_initcall_finish_cb`):
//! `[    0.123456] initcall acpi_init+0x0/0x3d0 returned 0 after 12345 usecs`.

use serde::{Deserialize, Serialize};

/// One step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Initcall {
    /// The function.
    pub name: String,
    /// Its end, in milliseconds of the kernel's log.
    pub ended_ms: f64,
    /// Its duration.
    pub took_ms: f64,
}

/// The steps that a kernel's log tells of, in its order.
pub fn initcalls(log: &str) -> Vec<Initcall> {
    log.lines().filter_map(initcall).collect()
}

fn initcall(line: &str) -> Option<Initcall> {
    let (stamp, rest) = line.trim_start().strip_prefix('[')?.split_once(']')?;
    let (name, rest) = rest
        .trim_start()
        .strip_prefix("initcall ")?
        .split_once(' ')?;
    let (_, after) = rest.split_once(" after ")?;
    let (micros, unit) = after.trim_end().split_once(' ')?;
    let micros: u64 = micros.parse().ok()?;
    let seconds: f64 = stamp.trim().parse().ok()?;
    let name = name.split_once('+').map_or(name, |(name, _)| name);
    (unit == "usecs" && seconds.is_finite()).then(|| Initcall {
        name: name.to_owned(),
        ended_ms: seconds * 1e3,
        took_ms: micros as f64 / 1e3,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn steps_are_found_among_other_lines() {
        let log = "\
[    0.000000] Linux version 6.1.170
[    0.100000] calling  acpi_init+0x0/0x3d0 @ 1
[    0.123456] initcall acpi_init+0x0/0x3d0 returned 0 after 12345 usecs
[    0.200000] initcall pci_init [foo] returned -19 after 7 usecs
[    0.200000] initcall half returned 0 after";
        let found = initcalls(log);
        let told: Vec<(&str, f64)> = found.iter().map(|i| (i.name.as_str(), i.took_ms)).collect();
        assert_eq!(told, [("acpi_init", 12.345), ("pci_init", 0.007)]);
        assert!((found[0].ended_ms - 123.456).abs() < 1e-9);
    }

    proptest! {
        #[test]
        fn any_line_is_read_or_passed_over(line in ".{0,120}", stamp in "[ 0-9.]{0,14}", rest in "[a-z0-9+ ]{0,60}") {
            let _ = initcalls(&line);
            let _ = initcalls(&format!("[{stamp}] initcall {rest} after 5 usecs"));
        }
    }
}
