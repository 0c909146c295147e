//! The dates of Release files: RFC 5322's form in UTC, `Sat, 28 Nov 2026 00:53:02 UTC`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// The moment that a date names; `None` if it is no date of this form from 1970 on.
pub(crate) fn parse(text: &str) -> Option<SystemTime> {
    let mut words = text.split_whitespace();
    let mut first = words.next()?;
    if first.ends_with(',') {
        first = words.next()?; // the day of the week says nothing new
    }
    let day: u64 = first.parse().ok()?;
    let name = words.next()?;
    let month = MONTHS.iter().position(|m| *m == name)? as u64 + 1;
    let year: u64 = words.next()?.parse().ok()?;
    let mut clock = words
        .next()?
        .split(':')
        .map(|part| part.parse::<u64>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    let zone = words.next()?;
    if !["UTC", "GMT", "Z", "+0000"].contains(&zone)
        || !(1970..=9999).contains(&year)
        || !(1..=31).contains(&day)
        || hour > 23
        || minute > 59
        || second > 60
    {
        return None;
    }
    let seconds = days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    Some(UNIX_EPOCH + Duration::from_secs(seconds))
}

/// `2026-11-28T00:53:02Z` (RFC 3339) for seconds since 1970.
pub fn rfc3339(seconds: u32) -> String {
    let text = format(UNIX_EPOCH + Duration::from_secs(seconds.into())); // 2026-11-28 00:53:02 UTC
    text.replacen(' ', "T", 1).replace(" UTC", "Z")
}

/// `20261128T005302Z`, as snapshot archives name their moments.
pub(crate) fn compact(time: SystemTime) -> String {
    let text = format(time); // 2026-11-28 00:53:02 UTC
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    match digits.split_at_checked(8) {
        Some((day, clock)) => format!("{day}T{clock}Z"),
        None => digits,
    }
}

/// `2026-11-28 00:53:02 UTC`, for a person.
pub(crate) fn format(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    let (mut days, rest) = (seconds / 86_400, seconds % 86_400);
    // Shifted to years that begin in March, so that the leap day is the last one: the inverse of `days`.
    days += 719_468;
    let era = days / 146_097;
    let of_era = days % 146_097;
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!(
        "{year}-{month:02}-{day:02} {:02}:{:02}:{:02} UTC",
        rest / 3_600,
        rest / 60 % 60,
        rest % 60
    )
}

/// Days from 1970-01-01 to a day of the Gregorian calendar.
fn days(year: u64, month: u64, day: u64) -> u64 {
    let year = year - u64::from(month <= 2);
    let shifted = (month + 9) % 12;
    let of_year = (153 * shifted + 2) / 5 + day - 1;
    let of_era = year % 400 * 365 + year % 400 / 4 - year % 400 / 100 + of_year;
    // 719468 days from 0000-03-01 to 1970-01-01.
    year / 400 * 146_097 + of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_dates() {
        let at = |seconds| Some(UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(parse("Thu, 01 Jan 1970 00:00:00 UTC"), at(0));
        assert_eq!(parse("Sat, 28 Nov 2026 00:53:02 UTC"), at(1_795_827_182));
        assert_eq!(parse("29 Feb 2024 23:59:59 GMT"), at(1_709_251_199));
        for bad in [
            "",
            "yesterday",
            "1 Jan 1969 00:00:00 UTC",
            "1 Jan 2000 25:00:00 UTC",
            "1 Jan 2000 00:00:00 CET",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_formatted_is_parsed(seconds in 0_u64..253_402_300_799) {
            let time = UNIX_EPOCH + Duration::from_secs(seconds);
            let text = format(time);
            let (date, clock) = text.split_once(' ').unwrap();
            let mut parts = date.split('-');
            let year = parts.next().unwrap();
            let month = MONTHS[parts.next().unwrap().parse::<usize>().unwrap() - 1];
            let day = parts.next().unwrap();
            prop_assert_eq!(parse(&format!("{day} {month} {year} {clock}")), Some(time));
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in ".{0,40}|[0-9]{1,20} Jan [0-9]{1,20} [0-9:]{0,20} UTC") {
            parse(&text);
        }
    }
}
