//! Dates as requests to S3 carry them.

use alloc::format;
use alloc::string::String;

/// `YYYYMMDDTHHMMSSZ` of a Unix time in seconds.
pub fn amazon_date(unix_seconds: u64) -> String {
    let (days, second) = (unix_seconds / 86_400, unix_seconds % 86_400);
    let (year, month, day) = civil(days);
    format!("{year:04}{month:02}{day:02}T{:02}{:02}{:02}Z", second / 3600, second / 60 % 60, second % 60)
}

/// Year, month and day of a day counted from 1970-01-01, in the Gregorian calendar. Years are counted from March, so that
/// a leap day is a year's last.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_days_come_out_right() {
        assert_eq!(amazon_date(0), "19700101T000000Z");
        assert_eq!(amazon_date(951_782_400), "20000229T000000Z");
        assert_eq!(amazon_date(1_369_353_600), "20130524T000000Z");
        assert_eq!(amazon_date(1_798_761_599), "20261231T235959Z");
        assert_eq!(amazon_date(4_107_542_400), "21000301T000000Z");
    }
}
