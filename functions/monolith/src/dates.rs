//! `use_arrow`: date-time arithmetic over a date-time library with time zones, from a drawn instant.
//!
//! The zones' rules are those that are linked in, never the machine's, so that the result is the same everywhere.

use std::fmt::Write as _;

use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, ToSpan as _, Zoned};

use crate::random::Random;

/// Zones with whole, half and quarter hours, with and without summer time, on both sides of the equator.
const ZONES: [&str; 8] = [
    "Europe/Copenhagen",
    "America/New_York",
    "America/St_Johns",
    "Asia/Kathmandu",
    "Asia/Tokyo",
    "Australia/Lord_Howe",
    "Pacific/Auckland",
    "Africa/Nairobi",
];

/// A report about one instant from 1970 to 2038: how it reads in each zone, what the year around it looks like there, and how
/// far off the marks of that year are.
pub(crate) fn journey(random: &mut Random) -> String {
    let instant = Timestamp::from_second(random.integer(0, i32::MAX).into()).unwrap_or_default();
    let zones = TimeZoneDatabase::bundled();
    let mut report = instant.to_string();
    for name in ZONES {
        // All of them are in the bundle, as a test proves; UTC would only stand in for a name that it no longer has.
        let zone = zones.get(name).unwrap_or(TimeZone::UTC);
        let local = instant.to_zoned(zone);
        // Writing to a String can't fail.
        let _ = write!(report, "; {}", local.strftime("%a %-d %b %Y %H:%M %:z, week %V"));
        for mark in marks(&local).into_iter().flatten() {
            let seconds = mark.timestamp().as_second() - instant.as_second();
            let _ = write!(report, ", {} {}", mark.strftime("%d.%m. %H:%M"), humanise(seconds));
        }
        let _ = write!(report, ", {} changes of the clock in a year", clock_changes(&local));
    }
    report
}

/// The beginnings of the instant's day and month, and the same wall clock a week, a month and a year later. `None` where
/// the calendar ends.
fn marks(local: &Zoned) -> [Option<Zoned>; 5] {
    [
        local.start_of_day().ok(),
        local.first_of_month().ok().and_then(|first| first.start_of_day().ok()),
        local.checked_add(1.week()).ok(),
        local.checked_add(1.month()).ok(),
        local.checked_add(1.year()).ok(),
    ]
}

/// How often the offset from UTC differs from one day to the next over the 365 days from `local`.
fn clock_changes(local: &Zoned) -> usize {
    let days = || (0..366).filter_map(|day| local.checked_add(day.days()).ok());
    days().zip(days().skip(1)).filter(|(today, tomorrow)| today.offset() != tomorrow.offset()).count()
}

/// A span as people say it: `just now`, `in 2 hours`, `3 days ago`. Cut to the largest unit; a month is 30 days, a year 365.
fn humanise(seconds: i64) -> String {
    const UNITS: [(i64, &str); 7] = [
        (365 * 86_400, "year"),
        (30 * 86_400, "month"),
        (7 * 86_400, "week"),
        (86_400, "day"),
        (3_600, "hour"),
        (60, "minute"),
        (10, "second"),
    ];
    let distance = seconds.abs();
    let Some((length, unit)) = UNITS.into_iter().find(|(length, _)| distance >= *length) else {
        return "just now".to_owned();
    };
    let count = if unit == "second" { distance } else { distance / length };
    let plural = if count == 1 { "" } else { "s" };
    if seconds < 0 { format!("{count} {unit}{plural} ago") } else { format!("in {count} {unit}{plural}") }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn at(text: &str, zone: &str) -> Zoned {
        let zone = TimeZoneDatabase::bundled().get(zone).unwrap();
        text.parse::<Timestamp>().unwrap().to_zoned(zone)
    }

    #[test]
    fn every_zone_is_linked_in() {
        for zone in ZONES {
            assert!(TimeZoneDatabase::bundled().get(zone).is_ok(), "{zone}");
        }
    }

    #[test]
    fn spans_are_said_as_people_say_them() {
        for (seconds, expected) in [
            (0, "just now"),
            (-9, "just now"),
            (45, "in 45 seconds"),
            (-60, "1 minute ago"),
            (7_300, "in 2 hours"),
            (-86_400, "1 day ago"),
            (15 * 86_400, "in 2 weeks"),
            (31 * 86_400, "in 1 month"),
            (-800 * 86_400, "2 years ago"),
        ] {
            assert_eq!(humanise(seconds), expected);
        }
    }

    #[test]
    fn the_same_wall_clock_a_week_later_is_an_hour_off_over_a_change() {
        let local = at("2024-03-28T12:00:00Z", "Europe/Copenhagen");
        let week = marks(&local)[2].clone().unwrap();
        assert_eq!(week.timestamp().as_second() - local.timestamp().as_second(), 7 * 86_400 - 3_600);
        assert_eq!(week.strftime("%H:%M").to_string(), "13:00");
    }

    #[test]
    fn clock_changes_are_counted() {
        assert_eq!(clock_changes(&at("2024-01-01T00:00:00Z", "Europe/Copenhagen")), 2);
        assert_eq!(clock_changes(&at("2024-01-01T00:00:00Z", "Asia/Tokyo")), 0);
    }

    #[test]
    fn a_seed_gives_one_report() {
        // random.seed(1); random.randint(0, 2**31 - 1)
        let report = journey(&mut Random::from_seed(1));
        assert!(report.starts_with("1988-04-15T06:47:17Z; "), "{report}");
        assert_eq!(report, journey(&mut Random::from_seed(1)));
        assert_eq!(report.matches("changes of the clock").count(), ZONES.len());
    }
}
