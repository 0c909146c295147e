//! Times as text.

/// Milliseconds with their unit, for headings and drawings: `850 ms`, `2.31 s`.
pub(crate) fn time(ms: f64) -> String {
    match ms {
        ms if ms >= 9_999.5 => format!("{:.1} s", ms / 1e3),
        ms if ms >= 999.5 => format!("{:.2} s", ms / 1e3),
        ms if ms >= 99.5 => format!("{ms:.0} ms"),
        ms if ms >= 9.95 => format!("{ms:.1} ms"),
        ms => format!("{ms:.2} ms"),
    }
}

/// Milliseconds without a unit, for tables: one decimal below 100, no decimals from there on.
pub(crate) fn ms(value: f64) -> String {
    if value.abs() < 100.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.0}")
    }
}

/// A number with two decimals.
pub(crate) fn hundredths(value: f64) -> String {
    format!("{value:.2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short() {
        let told = [0.5, 12.34, 850.0, 999.7, 2310.0, 61_234.0].map(time);
        assert_eq!(
            told,
            ["0.50 ms", "12.3 ms", "850 ms", "1.00 s", "2.31 s", "61.2 s"]
        );
        assert_eq!([99.94, 100.0, -3.0].map(ms), ["99.9", "100", "-3.0"]);
    }
}
