//! Sizes and ages as people write them.

use std::time::Duration;

/// `20G`, `512M`, `1T`: bytes in powers of 1024; a final `B` or `iB` changes nothing.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    const UNITS: [(char, u32); 5] = [('B', 0), ('K', 10), ('M', 20), ('G', 30), ('T', 40)];
    let wrong = || format!("`{text}` is no size: expected a number with K, M, G or T, such as 20G");
    let plain = text
        .strip_suffix("iB")
        .or_else(|| text.strip_suffix('B'))
        .unwrap_or(text);
    let last = plain.chars().last().ok_or_else(wrong)?.to_ascii_uppercase();
    let unit = UNITS.iter().find(|(unit, _)| *unit == last);
    let (number, shift) = match unit {
        Some((_, shift)) => (&plain[..plain.len() - 1], *shift),
        None if text == "0" => (plain, 0), // nothing is nothing in any unit
        None => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    number
        .checked_mul(1 << shift)
        .ok_or_else(|| format!("`{text}` is more than any disk holds"))
}

/// `30d`, `12h`, `2w`, `90m`: a time.
pub(crate) fn age(text: &str) -> Result<Duration, String> {
    const UNITS: [(&str, u64); 4] = [("m", 60), ("h", 3600), ("d", 86_400), ("w", 604_800)];
    let wrong = || format!("`{text}` is no age: expected a number with m, h, d or w, such as 30d");
    let (unit, seconds) = UNITS
        .iter()
        .find(|(unit, _)| text.ends_with(unit))
        .ok_or_else(wrong)?;
    let number: u64 = text.trim_end_matches(unit).parse().map_err(|_| wrong())?;
    let seconds = number
        .checked_mul(*seconds)
        .filter(|seconds| *seconds <= 1 << 40);
    seconds
        .map(Duration::from_secs)
        .ok_or_else(|| format!("`{text}` is longer ago than anything"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_a_unit() {
        assert_eq!(bytes("20G"), Ok(20 << 30));
        assert_eq!(bytes("512MiB"), Ok(512 << 20));
        assert_eq!(bytes("7kB"), Ok(7 << 10));
        assert_eq!(bytes("0"), Ok(0));
        for wrong in [
            "",
            "20",
            "G",
            "-1G",
            "20X",
            "1.5G",
            "iB",
            "99999999999T",
            "2é",
        ] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn ages_have_a_unit() {
        assert_eq!(age("30d"), Ok(Duration::from_secs(30 * 86_400)));
        assert_eq!(age("90m"), Ok(Duration::from_secs(5400)));
        for wrong in ["", "30", "d", "30y", "-1d", "99999999999999w"] {
            assert!(age(wrong).is_err(), "{wrong}");
        }
    }
}
