//! Lenient readers of single JSON values: Zoho sends counters as text, booleans as words and times as milliseconds,
//! depending on the endpoint and the year. Each takes the JSON text of one value; what to do with a misfit is left to
//! the caller.

use std::borrow::Cow;
use std::fmt;

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, SubsecRound, Utc};
use serde::de::{Deserialize, Deserializer, Visitor};

/// A value that cannot be read as what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("should be {expected}, but is {found}")]
pub struct Misfit {
    /// What was expected, with its article.
    pub expected: &'static str,
    /// The start of what was found, as JSON.
    pub found: String,
}

impl Misfit {
    /// What was found, as JSON, in place of what was expected.
    pub fn new(expected: &'static str, json: &str) -> Self {
        const SHOWN: usize = 40;
        let mut found: String = json.chars().take(SHOWN).collect();
        if found.len() < json.len() {
            found.push('…');
        }
        Self { expected, found }
    }
}

/// Stands for a character that database text cannot hold.
const REPLACEMENT: char = '\u{fffd}';

/// Name of a field. A lone surrogate in it costs the character and not the object, of which serde would read nothing.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name<'a>(pub Cow<'a, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl<'de> Visitor<'de> for Bytes {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a field")
            }

            fn visit_borrowed_bytes<E>(self, bytes: &'de [u8]) -> Result<Name<'de>, E> {
                Ok(Name(mended(bytes)))
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(mended(bytes).into_owned())))
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}

/// Bytes of a JSON text's string, with U+FFFD for each lone surrogate: of its three bytes only the first begins a character.
fn mended(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        if chunk.invalid().first().is_some_and(|byte| byte & 0xC0 != 0x80) {
            text.push(REPLACEMENT);
        }
    }
    Cow::Owned(text)
}

/// Text; numbers and booleans are taken as they are written, objects as their JSON. `None` for null.
///
/// NUL and lone surrogates fit no Postgres text: each becomes U+FFFD and sets `mended`.
pub fn text<'a>(json: &'a str, mended: &mut bool) -> Option<Cow<'a, str>> {
    let Some(inner) = json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return json_text(json, mended);
    };
    if !inner.contains('\\') {
        return Some(Cow::Borrowed(inner));
    }
    let text = match serde_json::from_str::<String>(json) {
        Ok(text) => text,
        // The one reason why a string inside a valid document does not read: a lone surrogate.
        Err(_) => serde_json::from_str::<String>(&mend_escapes(json, mended)).unwrap_or_default(),
    };
    if !text.contains('\0') {
        return Some(Cow::Owned(text));
    }
    *mended = true;
    Some(Cow::Owned(text.replace('\0', "\u{fffd}")))
}

/// Integer; text that holds one and numbers without a fraction count too, with thousands set apart by commas as well.
/// `None` for null and empty text.
pub fn integer(json: &str) -> Result<Option<i64>, Misfit> {
    let Some(plain) = plain(json) else { return Ok(None) };
    let plain = without_separators(&plain);
    if let Ok(value) = plain.parse::<i64>() {
        return Ok(Some(value));
    }
    // Beyond 2^53 a float no longer tells neighbouring integers apart.
    match plain.parse::<f64>() {
        Ok(value) if value.fract() == 0.0 && value.abs() <= 9_007_199_254_740_992.0 => Ok(Some(value as i64)),
        _ => Err(Misfit::new("an integer", json)),
    }
}

/// Real number; text that holds one counts too, with thousands set apart by commas as well. `None` for null and empty
/// text.
pub fn real(json: &str) -> Result<Option<f64>, Misfit> {
    let Some(plain) = plain(json) else { return Ok(None) };
    match without_separators(&plain).parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(Some(value)),
        _ => Err(Misfit::new("a number", json)),
    }
}

/// Boolean; the words of both kinds and the digits 0 and 1 count too. `None` for null and empty text.
pub fn boolean(json: &str) -> Result<Option<bool>, Misfit> {
    const YES: [&str; 5] = ["true", "1", "yes", "y", "on"];
    const NO: [&str; 5] = ["false", "0", "no", "n", "off"];
    let Some(plain) = plain(json) else { return Ok(None) };
    let is_one_of = |words: [&str; 5]| words.iter().any(|word| plain.eq_ignore_ascii_case(word));
    match (is_one_of(YES), is_one_of(NO)) {
        (true, _) => Ok(Some(true)),
        (_, true) => Ok(Some(false)),
        _ => Err(Misfit::new("a boolean", json)),
    }
}

/// Instant in whole milliseconds: ISO 8601 with a zone, a day alone for its midnight in UTC, or milliseconds since 1970 as
/// number or text. `None` for null and empty text.
///
/// The vendor's pattern allows `/` before the fraction, its examples show milliseconds, live answers show
/// `2026-01-02T03:04:05.000Z` (zoho/zohodesk-oas, v1.0). A time of day without a zone could be any of two dozen instants,
/// so that it is none.
pub fn timestamp(json: &str) -> Result<Option<DateTime<Utc>>, Misfit> {
    let Some(plain) = plain(json) else { return Ok(None) };
    let time = match plain.parse::<i64>() {
        Ok(milliseconds) => DateTime::from_timestamp_millis(milliseconds),
        Err(_) => iso(&plain),
    };
    // Both databases and the ISO text of four-digit years can hold this range.
    let time = time.filter(|time| has_four_digits(time.year()));
    time.map(|time| Some(time.trunc_subsecs(3))).ok_or_else(|| Misfit::new("a timestamp", json))
}

/// Calendar date: `yyyy-MM-dd`, or an instant of which the date in UTC is taken. `None` for null and empty text.
pub fn date(json: &str) -> Result<Option<NaiveDate>, Misfit> {
    match timestamp(json) {
        Ok(time) => Ok(time.map(|time| time.date_naive())),
        Err(_) => Err(Misfit::new("a date", json)),
    }
}

/// Any JSON, as its text. `None` for null.
///
/// `jsonb` refuses `\u0000` and lone surrogates: each becomes `\ufffd` and sets `mended`. It refuses numbers of too many
/// digits as well, for which nothing stands.
pub fn json<'a>(json: &'a str, mended: &mut bool) -> Result<Option<Cow<'a, str>>, Misfit> {
    if has_long_number(json) {
        return Err(Misfit::new("JSON whose numbers a database can hold", json));
    }
    Ok(json_text(json, mended))
}

fn json_text<'a>(json: &'a str, mended: &mut bool) -> Option<Cow<'a, str>> {
    if json == "null" { None } else { Some(mend_escapes(json, mended)) }
}

/// An instant in one of the spellings of ISO 8601 that leave no doubt.
fn iso(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.to_utc());
    }
    if let Ok(day) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return Some(day.and_time(NaiveTime::MIN).and_utc());
    }
    let text = match text.split_at_checked(text.find(['T', 't', ' '])?) {
        Some((day, time)) => format!("{day}T{}", time[1..].trim_start().replace('/', ".")),
        None => return None,
    };
    // `%#z` takes offsets with a colon, without it and of hours alone.
    let spelled = ["%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M:%S%.f %#z", "%Y-%m-%dT%H:%M%#z"];
    spelled.iter().find_map(|format| DateTime::parse_from_str(&text, format).ok()).map(|time| time.to_utc())
}

const fn has_four_digits(year: i32) -> bool {
    1 <= year && year <= 9999
}

/// A number without the commas between its thousands; as it is where they stand anywhere else, as in `1,23`.
fn without_separators(plain: &str) -> Cow<'_, str> {
    if !plain.contains(',') {
        return Cow::Borrowed(plain);
    }
    let unsigned = plain.strip_prefix(['-', '+']).unwrap_or(plain);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let mut groups = whole.split(',');
    let begins = groups.next().is_some_and(|first| (1..=3).contains(&first.len()) && are_digits(first));
    let are_thousands = begins && groups.all(|group| group.len() == 3 && are_digits(group)) && are_digits(fraction);
    if are_thousands { Cow::Owned(plain.replace(',', "")) } else { Cow::Borrowed(plain) }
}

/// Digits of a number, written out, that `jsonb` surely holds: it ends at 131,072 before and 16,383 behind the point.
const MOST_DIGITS: u64 = 16_000;

/// Whether JSON text has a number of more than [`MOST_DIGITS`].
fn has_long_number(json: &str) -> bool {
    let bytes = json.as_bytes();
    let (mut at, mut in_text) = (0, false);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 1,
            b'"' => in_text = !in_text,
            b'0'..=b'9' if !in_text => {
                let is_number = |byte: &&u8| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-');
                let length = bytes[at..].iter().take_while(is_number).count();
                if digits(&json[at..at + length]) > MOST_DIGITS {
                    return true;
                }
                at += length;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    false
}

/// About how many digits a number has when it is written out.
fn digits(number: &str) -> u64 {
    let (digits, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let exponent = exponent.trim_start_matches(['+', '-']).parse::<u64>().unwrap_or(u64::MAX);
    exponent.saturating_add(digits.len() as u64)
}

/// The content of a number, a word or a text without escapes; `None` for null and empty text.
fn plain(json: &str) -> Option<Cow<'_, str>> {
    if json == "null" {
        return None;
    }
    if !json.starts_with('"') {
        return Some(Cow::Borrowed(json));
    }
    let trimmed = match text(json, &mut false)? {
        Cow::Borrowed(content) => Cow::Borrowed(content.trim()),
        Cow::Owned(content) => Cow::Owned(content.trim().to_owned()),
    };
    if trimmed.is_empty() { None } else { Some(trimmed) }
}

/// Replaces the escapes of NUL and of lone surrogates in valid JSON text.
fn mend_escapes<'a>(json: &'a str, mended: &mut bool) -> Cow<'a, str> {
    if !json.contains("\\u0000") && !json.contains("\\ud") && !json.contains("\\uD") {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(escape) = rest.find('\\') {
        out.push_str(&rest[..escape]);
        rest = &rest[escape..];
        let taken = match unit(rest) {
            None => 2,
            Some(0xd800..=0xdbff) if matches!(rest.get(6..).and_then(unit), Some(0xdc00..=0xdfff)) => 12,
            Some(0 | 0xd800..=0xdfff) => {
                *mended = true;
                out.push(REPLACEMENT);
                rest = &rest[6..];
                continue;
            }
            Some(_) => 6,
        };
        let taken = taken.min(rest.len());
        out.push_str(&rest[..taken]);
        rest = &rest[taken..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// The UTF-16 unit of a `\uXXXX` escape at the start of the text.
fn unit(json: &str) -> Option<u16> {
    u16::from_str_radix(json.strip_prefix("\\u")?.get(..4)?, 16).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text_of(json: &str) -> (Option<String>, bool) {
        let mut mended = false;
        (text(json, &mut mended).map(Cow::into_owned), mended)
    }

    #[test]
    fn ids_and_counters_come_as_text_or_number() {
        assert_eq!(text_of("4000000000123456789").0.as_deref(), Some("4000000000123456789"));
        assert_eq!(integer("\"121\""), Ok(Some(121)));
        assert_eq!(integer("121"), Ok(Some(121)));
        assert_eq!(integer("1.0"), Ok(Some(1)));
        assert_eq!(integer("\"\""), Ok(None));
        assert_eq!(integer("null"), Ok(None));
        assert!(integer("\"01:50 hrs\"").is_err());
        assert!(integer("1e300").is_err());
    }

    #[test]
    fn thousands_may_be_set_apart_and_nothing_else() {
        assert_eq!(integer("\"1,234\""), Ok(Some(1_234)));
        assert_eq!(integer("\"-12,345,678\""), Ok(Some(-12_345_678)));
        assert_eq!(real("\"1,234,567.5\""), Ok(Some(1_234_567.5)));
        for json in ["\"1,23\"", "\",123\"", "\"1234,567\"", "\"1,234,\"", "\"1,234.5,6\"", "\"1.234,5\""] {
            assert!(integer(json).is_err() && real(json).is_err(), "{json}");
        }
    }

    #[test]
    fn numbers_that_no_database_holds_are_told_from_words_about_them() {
        let read = |text: &str| json(text, &mut false).map(|_| ());
        for fine in ["1e400", r#"{"a":"1e400000"}"#, r#"["\"1e400000",1]"#, "[1E-300]", "-1.5e+3"] {
            assert_eq!(read(fine), Ok(()), "{fine}");
        }
        for long in ["1e400000", r#"{"a":[1,-1.5E+400000]}"#, "[1e-99999999999999999999]", &"9".repeat(20_000)] {
            assert!(read(long).is_err(), "{long}");
        }
    }

    #[test]
    fn booleans_come_as_words_and_digits() {
        for yes in ["true", "\"true\"", "\"TRUE\"", "1", "\"1\"", "\"Yes\"", "\"y\"", "\"On\""] {
            assert_eq!(boolean(yes), Ok(Some(true)), "{yes}");
        }
        for no in ["false", "\"false\"", "0", "\"No\"", "\"N\"", "\"off\""] {
            assert_eq!(boolean(no), Ok(Some(false)), "{no}");
        }
        assert!(boolean("\"maybe\"").is_err());
    }

    #[test]
    fn times_come_as_iso_text_or_milliseconds() {
        let expected = Ok(DateTime::from_timestamp_millis(1_767_323_045_117));
        for json in [
            "\"2026-01-02T03:04:05.117Z\"",
            "\"2026-01-02T03:04:05/117Z\"",
            "\"2026-01-02T04:04:05.117+01:00\"",
            "1767323045117",
            "\"1767323045117\"",
        ] {
            assert_eq!(timestamp(json), expected, "{json}");
        }
        for (json, milliseconds) in [
            ("\"2026-01-02T08:34:05.117+0530\"", 1_767_323_045_117),
            ("\"2026-01-02T08:34:05/117+0530\"", 1_767_323_045_117),
            ("\"2026-01-02 03:04:05.117Z\"", 1_767_323_045_117),
            ("\"2026-01-02 04:04:05.117 +01\"", 1_767_323_045_117),
            ("\"2026-01-02T03:04Z\"", 1_767_323_040_000),
            ("\"2026-01-02\"", 1_767_312_000_000),
        ] {
            assert_eq!(timestamp(json), Ok(DateTime::from_timestamp_millis(milliseconds)), "{json}");
        }
        for json in ["\"20224-03-01T00:00:00.000Z\"", "\"+20224-03-01\"", "\"2026-01-02T03:04:05\"", "\"01/02/2026\""] {
            assert!(timestamp(json).is_err() && date(json).is_err(), "{json}");
        }
        assert_eq!(timestamp("\"\""), Ok(None));
        let misfit = timestamp("\"yesterday\"").expect_err("no time");
        assert_eq!(misfit.to_string(), "should be a timestamp, but is \"yesterday\"");
    }

    #[test]
    fn dates_come_alone_or_as_an_instant() {
        let expected = Ok(NaiveDate::from_ymd_opt(2026, 1, 2));
        assert_eq!(date("\"2026-01-02\""), expected);
        assert_eq!(date("1767323045117"), expected);
        assert!(date("\"soon\"").is_err());
    }

    #[test]
    fn what_no_database_text_can_hold_is_replaced_and_counted() {
        assert_eq!(text_of(r#""a\u0000b""#), (Some("a\u{fffd}b".into()), true));
        assert_eq!(text_of(r#""a\ud800b""#), (Some("a\u{fffd}b".into()), true));
        assert_eq!(text_of(r#""\ud83d\ude00""#), (Some("😀".into()), false));
        let mut mended = false;
        let text = json(r#"{"a":"\udc00","b":"\\u0000"}"#, &mut mended).expect("it can be held");
        assert_eq!(text.as_deref(), Some(r#"{"a":"�","b":"\\u0000"}"#));
        assert!(mended);
    }

    proptest! {
        #[test]
        fn any_text_reads_back(value in any::<String>()) {
            let json = serde_json::to_string(&value).expect("text is JSON");
            prop_assert_eq!(text_of(&json).0, Some(value.replace('\0', "\u{fffd}")));
        }

        #[test]
        fn any_instant_of_four_digit_years_reads_back(milliseconds in -62_135_596_800_000i64..253_402_300_800_000) {
            let time = DateTime::from_timestamp_millis(milliseconds).expect("a time in range");
            let iso = format!("\"{}\"", time.format("%Y-%m-%dT%H:%M:%S%.3fZ"));
            prop_assert_eq!(timestamp(&iso), Ok(Some(time)));
            prop_assert_eq!(timestamp(&milliseconds.to_string()), Ok(Some(time)));
            let spaced = format!("\"{}\"", time.format("%Y-%m-%d %H:%M:%S%.3f+0000"));
            prop_assert_eq!(timestamp(&spaced), Ok(Some(time)));
        }

        #[test]
        fn no_reader_panics(json in "\\PC{0,40}") {
            let mut mended = false;
            let _ = (text(&json, &mut mended), integer(&json), real(&json), boolean(&json), timestamp(&json), date(&json));
            let _ = super::json(&json, &mut mended);
            let _ = (without_separators(&json), has_long_number(&json));
        }
    }
}
