//! Moments in time.

use toml::value::{Datetime, Offset};

/// Seconds since 1970 of a date-time with a zone, if they fit in 32 bits; fractions are dropped.
pub(super) fn unix_seconds(datetime: Datetime) -> Option<u32> {
    let (date, time, offset) = (datetime.date?, datetime.time?, datetime.offset?);
    let offset_minutes = match offset {
        Offset::Z => 0,
        Offset::Custom { minutes } => i64::from(minutes),
    };
    // Days since 1970 in the proleptic Gregorian calendar, with years that begin in March so that the leap
    // day is a year's last (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil).
    let (month, day) = (i64::from(date.month), i64::from(date.day));
    let year = i64::from(date.year) - i64::from(month <= 2);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = 365 * year + year / 4 - year / 100 + year / 400 + day_of_year - 719_468;
    let minutes = (days * 24 + i64::from(time.hour)) * 60 + i64::from(time.minute) - offset_minutes;
    u32::try_from(minutes * 60 + i64::from(time.second.unwrap_or(0))).ok()
}
