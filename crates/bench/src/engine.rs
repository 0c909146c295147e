//! Firecracker's own times of a start: the boot timer in its log, and its metrics.

use std::collections::BTreeMap;

use serde_json::Value;

/// The time from the start of the machine to the guest's write to the timer's port, in milliseconds, as Firecracker logs it
/// (`src/vmm/src/devices/pseudo/boot_timer.rs`): `Guest-boot-time = 123456 us 123 ms, 98765 CPU us 98 CPU ms`.
pub fn boot_timer_ms(log: &str) -> Option<f64> {
    let (_, rest) = log.split_once("Guest-boot-time =")?;
    let micros: u64 = rest.split_whitespace().next()?.parse().ok()?;
    Some(micros as f64 / 1e3)
}

/// Times in Firecracker's metrics that say something of a start, in milliseconds: those of the last line that has them.
pub fn metrics_ms(lines: &str) -> BTreeMap<String, f64> {
    // `src/vmm/src/logger/metrics.rs`: all of these are in microseconds.
    const TIMES: [(&str, &str); 5] = [
        ("/api_server/process_startup_time_us", "process start"),
        (
            "/api_server/process_startup_time_cpu_us",
            "process start, CPU",
        ),
        ("/latencies_us/load_snapshot", "load of the snapshot"),
        ("/latencies_us/resume_vm", "resume of the processors"),
        (
            "/latencies_us/vmm_load_snapshot",
            "load of the snapshot, without the API",
        ),
    ];
    let mut found = BTreeMap::new();
    for metrics in lines
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
    {
        for (path, name) in TIMES {
            let micros = metrics.pointer(path).and_then(Value::as_f64);
            if let Some(micros) = micros.filter(|micros| *micros > 0.0) {
                found.insert(name.to_owned(), micros / 1e3);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_boot_timer_is_found_in_the_log() {
        let log = "2026-11-25T00:00:00.1 [vm:main] Guest-boot-time =  61234 us 61 ms,  50000 CPU us 50 CPU ms\n";
        assert_eq!(boot_timer_ms(log), Some(61.234));
        assert_eq!(boot_timer_ms("nothing"), None);
    }

    #[test]
    fn the_last_metrics_count() {
        let lines = concat!(
            r#"{"api_server":{"process_startup_time_us":5000},"latencies_us":{"load_snapshot":0}}"#,
            "\nnot JSON\n",
            r#"{"api_server":{"process_startup_time_us":0},"latencies_us":{"load_snapshot":3500}}"#,
        );
        let expected = [("load of the snapshot", 3.5), ("process start", 5.0)];
        let expected = expected.map(|(name, ms)| (name.to_owned(), ms));
        assert_eq!(metrics_ms(lines), BTreeMap::from(expected));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_passed_over(text in ".{0,120}") {
            let _ = (boot_timer_ms(&format!("Guest-boot-time ={text}")), metrics_ms(&text));
        }
    }
}
