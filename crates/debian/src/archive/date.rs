//! The dates of Release files: RFC 5322's form in UTC, `Sat, 28 Nov 2026 00:53:02 UTC`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::SignedDuration;
use jiff::civil::{DateTime, date};

const EPOCH: DateTime = date(1970, 1, 1).at(0, 0, 0, 0);

/// The moment that a date names; `None` for another form and for dates before 1970.
pub(crate) fn parse(text: &str) -> Option<SystemTime> {
    let text = text.trim();
    // The day of the week says nothing new.
    let day = text.split_once(',').map_or(text, |(_, day)| day);
    let (moment, zone) = day.trim().rsplit_once(char::is_whitespace)?;
    if !["UTC", "GMT", "Z", "+0000"].contains(&zone) {
        return None;
    }
    let moment = DateTime::strptime("%d %b %Y %H:%M:%S", moment.trim_end()).ok()?;
    let since = u64::try_from(moment.duration_since(EPOCH).as_secs()).ok()?;
    Some(UNIX_EPOCH + Duration::from_secs(since))
}

/// `20261128T005302Z`, as snapshot archives name their moments.
pub(crate) fn compact(time: SystemTime) -> String {
    civil(time).strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// `2026-11-28 00:53:02 UTC`, for a person.
pub(crate) fn format(time: SystemTime) -> String {
    civil(time).strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// The date in UTC, to the second: 1970 for what is earlier, the last moment of 9999 for what is later.
fn civil(time: SystemTime) -> DateTime {
    let since = time.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    let since = SignedDuration::from_secs(i64::try_from(since).unwrap_or(i64::MAX));
    EPOCH.saturating_add(since)
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
        assert_eq!(compact(at(1_795_827_182).unwrap()), "20261128T005302Z");
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
            let month = parts.next().unwrap().parse::<usize>().unwrap() - 1;
            let month = &"JanFebMarAprMayJunJulAugSepOctNovDec"[3 * month..][..3];
            let day = parts.next().unwrap();
            prop_assert_eq!(parse(&format!("{day} {month} {year} {clock}")), Some(time));
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in ".{0,40}|[0-9]{1,20} Jan [0-9]{1,20} [0-9:]{0,20} UTC") {
            parse(&text);
        }
    }
}
