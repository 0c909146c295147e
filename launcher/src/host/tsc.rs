//! The frequency of the host's time-stamp counter, which is also that of a guest on TCG.
//!
//! A guest on KVM gets the time from its host. On TCG it finds the frequency of its counter with the help of an
//! emulated timer; on a loaded host that fails, and Linux stops there for good (measured: at a load of 8 on two
//! processors, every time). With the frequency on its command line, it boots. QEMU gives TCG guests the host's counter (`cpu_get_ticks`), so all
//! processors of the guest agree too, which Linux is as unable to see on a loaded host.

use std::time::{Duration, Instant};

/// The time for which the counter is compared with the clock. Both are read within some 20 ns of each other: measurements of this
/// length lie within 4 millionths of each other, those of ten times the length within 0.4, for which a boot would wait.
const WINDOW: Duration = Duration::from_millis(5);

/// The looks at both among which one is found that nothing interrupted.
const LOOKS: u32 = 64;

/// The slowest tick that Linux offers for x86 (`CONFIG_HZ_100`).
const LOWEST_HZ: u64 = 100;

/// Kernel arguments that tell a guest on TCG about its counter: `tsc_early_khz` skips the measurement, `tsc=reliable`
/// the comparison between processors, and `lpj` (loops, here counts, in a tick) another measurement of some 80 ms when the
/// second processor starts (`Documentation/admin-guide/kernel-parameters.txt`). Which tick the kernel has is not known
/// here: with the slowest one its short delays are never shorter than asked for, and longer where it ticks faster.
pub fn kernel_arguments() -> String {
    let khz = khz();
    let counts_in_a_tick = khz * 1000 / LOWEST_HZ;
    format!("tsc_early_khz={khz} tsc=reliable lpj={counts_in_a_tick}")
}

/// The host's counter in kHz.
fn khz() -> u64 {
    let (start, first) = sample();
    std::thread::sleep(WINDOW); // the measurement itself: any length will do
    let (end, last) = sample();
    frequency(last.wrapping_sub(first), end - start)
}

/// The frequency in kHz of a counter that counted so far in that time.
fn frequency(ticks: u64, time: Duration) -> u64 {
    let nanoseconds = time.as_nanos().max(1);
    u64::try_from(u128::from(ticks) * 1_000_000 / nanoseconds).unwrap_or(u64::MAX)
}

/// Clock and counter at the same moment: of several looks the one that was interrupted least.
fn sample() -> (Instant, u64) {
    let look = |_: u32| {
        let before = Instant::now();
        let ticks = counter();
        (before.elapsed(), before, ticks)
    };
    let mut best = look(0);
    for other in (1..LOOKS).map(look) {
        if other.0 < best.0 {
            best = other;
        }
    }
    let (took, before, ticks) = best;
    (before + took / 2, ticks)
}

fn counter() -> u64 {
    #[expect(unsafe_code, reason = "the instruction has no safe wrapper")]
    // SAFETY: every x86-64 processor has the instruction, and Linux does not forbid it.
    unsafe {
        core::arch::x86_64::_rdtsc()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frequency_is_counts_in_a_time() {
        assert_eq!(frequency(15_000_000, WINDOW), 3_000_000);
        assert_eq!(frequency(1, Duration::ZERO), 1_000_000);
        assert_eq!(frequency(u64::MAX, Duration::from_nanos(1)), u64::MAX);
    }

    #[test]
    fn two_measurements_agree() {
        // Something may come between the looks of one, but not of every one.
        let deadline = Instant::now() + Duration::from_secs(30);
        let mut last = khz();
        loop {
            let next = khz();
            assert!(next > 100_000, "{next} kHz");
            if last.abs_diff(next) < next / 10_000 {
                return;
            }
            assert!(Instant::now() < deadline, "{last} and {next} kHz");
            last = next;
        }
    }
}
