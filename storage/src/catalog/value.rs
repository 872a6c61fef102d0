//! Statistics and times as the text that DuckLake keeps: what DuckDB prints when it casts the value
//! to VARCHAR, and reads back by a cast.

use arrow::datatypes::DataType;
use oriel_proto::UnixNanos;

use crate::StatValue;
use crate::layout::day_name;

const SECOND: i64 = 1_000_000_000;
const INFINITY: &str = "infinity";

/// `value` of a column of `data_type`.
pub(super) fn encode(value: &StatValue, data_type: &DataType) -> String {
    match (value, data_type) {
        // DuckDB's TIMESTAMP_NS takes the greatest 64-bit value for infinity.
        (StatValue::Int(i64::MAX), DataType::Timestamp(..)) => INFINITY.to_owned(),
        (StatValue::Int(nanos), DataType::Timestamp(..)) => timestamp(*nanos),
        (StatValue::Int(number), _) => number.to_string(),
        (StatValue::Text(text), _) => text.clone(),
    }
}

/// The value that `text` stands for; `None` when it stands for none.
pub(super) fn decode(text: &str, data_type: &DataType) -> Option<StatValue> {
    match data_type {
        DataType::Utf8 => Some(StatValue::Text(text.to_owned())),
        DataType::Timestamp(..) if text == INFINITY => Some(StatValue::Int(i64::MAX)),
        DataType::Timestamp(..) => parse_timestamp(text).map(StatValue::Int),
        _ => text.parse().ok().map(StatValue::Int),
    }
}

/// `yyyy-mm-dd hh:mm:ss[.nnnnnnnnn]`, UTC.
fn timestamp(nanos: i64) -> String {
    let mut text = whole_seconds(nanos.div_euclid(SECOND));
    let fraction = nanos.rem_euclid(SECOND);
    if fraction != 0 {
        text.push_str(&format!(".{fraction:09}"));
    }
    text
}

/// The time of a snapshot: microseconds with zone, as the extension writes TIMESTAMPTZ.
pub(super) fn instant(time: UnixNanos) -> String {
    let micros = time.0.rem_euclid(SECOND) / 1_000;
    format!(
        "{}.{micros:06}+00",
        whole_seconds(time.0.div_euclid(SECOND))
    )
}

fn whole_seconds(seconds: i64) -> String {
    let day = i32::try_from(seconds.div_euclid(86_400)).unwrap_or(i32::MAX);
    let second = seconds.rem_euclid(86_400);
    format!(
        "{} {:02}:{:02}:{:02}",
        day_name(day),
        second / 3_600,
        second / 60 % 60,
        second % 60
    )
}

/// Reads what [`instant`] writes, and the same in another zone (`+05:30`), as a foreign writer
/// with a session time zone leaves it.
pub(super) fn parse_instant(text: &str) -> Option<UnixNanos> {
    let clock = text.get(11..)?;
    let (local, offset) = match clock.rfind(['+', '-']) {
        Some(at) => {
            let (sign, zone) = clock[at..].split_at(1);
            let (hours, minutes) = zone.split_once(':').unwrap_or((zone, "0"));
            let seconds = hours.parse::<i64>().ok()? * 3_600 + minutes.parse::<i64>().ok()? * 60;
            (
                &text[..11 + at],
                if sign == "+" { seconds } else { -seconds },
            )
        }
        None => (text, 0),
    };
    parse_timestamp(local)?
        .checked_sub(offset * SECOND)
        .map(UnixNanos)
}

fn parse_timestamp(text: &str) -> Option<i64> {
    let (date, clock) = text.split_once(' ')?;
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let mut date = date.splitn(3, '-').map(str::parse::<i64>);
    let (year, month, day) = (date.next()?.ok()?, date.next()?.ok()?, date.next()?.ok()?);
    let mut clock = clock.splitn(3, ':').map(str::parse::<i64>);
    let (hour, minute, second) = (
        clock.next()?.ok()?,
        clock.next()?.ok()?,
        clock.next()?.ok()?,
    );
    if fraction.len() > 9 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let fraction: i64 = format!("{fraction:0<9}").parse().ok()?;
    let seconds = days_from_civil(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    // Through i128: the first second of the range starts below i64::MIN nanoseconds.
    i64::try_from(i128::from(seconds) * i128::from(SECOND) + i128::from(fraction)).ok()
}

/// Days since the epoch (H. Hinnant, "chrono-compatible low-level date algorithms").
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let yoe = year.rem_euclid(400);
    let doy = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::TimeUnit;
    use proptest::prelude::*;

    use super::*;

    const TIME: DataType = DataType::Timestamp(TimeUnit::Nanosecond, None);

    /// Scenario: values as DuckDB 1.5.5 prints them.
    /// Guarantees: ours are the same text.
    #[test]
    fn writes_what_duckdb_writes() {
        let check = |value: i64, want: &str| {
            assert_eq!(encode(&StatValue::Int(value), &TIME), want);
        };
        check(0, "1970-01-01 00:00:00");
        check(1_795_395_723_123_456_789, "2026-11-23 01:02:03.123456789");
        check(-1, "1969-12-31 23:59:59.999999999");
        check(i64::MAX, "infinity");
        assert_eq!(
            instant(UnixNanos(1_795_395_723_123_456_789)),
            "2026-11-23 01:02:03.123456+00"
        );
        assert_eq!(encode(&StatValue::Int(-9), &DataType::Int64), "-9");
    }

    /// Scenario: snapshot times written under other session time zones, and nonsense.
    /// Guarantees: the same instant is read; nonsense is refused, not guessed.
    #[test]
    fn reads_other_zones() {
        let want = Some(UnixNanos(1_795_395_723_500_000_000));
        assert_eq!(parse_instant("2026-11-23 01:02:03.5+00"), want);
        assert_eq!(parse_instant("2026-11-23 02:02:03.5+01"), want);
        assert_eq!(parse_instant("2026-11-22 19:32:03.5-05:30"), want);
        assert_eq!(parse_instant("yesterday"), None);
        assert_eq!(parse_instant("2026-11-23 xx"), None);
    }

    proptest! {
        /// Scenario: any value of each kind of column.
        /// Guarantees: text and back is the same value.
        #[test]
        fn round_trips(number: i64, text: String) {
            let int = StatValue::Int(number);
            prop_assert_eq!(decode(&encode(&int, &TIME), &TIME), Some(int.clone()));
            prop_assert_eq!(decode(&encode(&int, &DataType::Int64), &DataType::Int64), Some(int));
            let text = StatValue::Text(text);
            prop_assert_eq!(decode(&encode(&text, &DataType::Utf8), &DataType::Utf8), Some(text));
            let micros = UnixNanos(number - number.rem_euclid(1_000));
            prop_assume!(number > i64::MIN + 1_000);
            prop_assert_eq!(parse_instant(&instant(micros)), Some(micros));
        }
    }
}
