//! Lenient readers of single JSON values: Zoho sends counters as text, booleans as words and times as milliseconds,
//! depending on the endpoint and the year. Each takes the JSON text of one value; what to do with a misfit is left to
//! the caller.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDate, SubsecRound, Utc};

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
    fn new(expected: &'static str, json: &str) -> Self {
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

/// Text; numbers and booleans are taken as they are written, objects as their JSON. `None` for null.
///
/// NUL and lone surrogates fit no Postgres text: each becomes U+FFFD and sets `mended`.
pub fn text<'a>(json: &'a str, mended: &mut bool) -> Option<Cow<'a, str>> {
    let Some(inner) = json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return self::json(json, mended);
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

/// Integer; text that holds one and numbers without a fraction count too. `None` for null and empty text.
pub fn integer(json: &str) -> Result<Option<i64>, Misfit> {
    let Some(plain) = plain(json) else { return Ok(None) };
    if let Ok(value) = plain.parse::<i64>() {
        return Ok(Some(value));
    }
    // Beyond 2^53 a float no longer tells neighbouring integers apart.
    match plain.parse::<f64>() {
        Ok(value) if value.fract() == 0.0 && value.abs() <= 9_007_199_254_740_992.0 => Ok(Some(value as i64)),
        _ => Err(Misfit::new("an integer", json)),
    }
}

/// Real number; text that holds one counts too. `None` for null and empty text.
pub fn real(json: &str) -> Result<Option<f64>, Misfit> {
    let Some(plain) = plain(json) else { return Ok(None) };
    match plain.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(Some(value)),
        _ => Err(Misfit::new("a number", json)),
    }
}

/// Boolean; the words and the digits 0 and 1 count too. `None` for null and empty text.
pub fn boolean(json: &str) -> Result<Option<bool>, Misfit> {
    let Some(plain) = plain(json) else { return Ok(None) };
    if plain.eq_ignore_ascii_case("true") || plain == "1" {
        Ok(Some(true))
    } else if plain.eq_ignore_ascii_case("false") || plain == "0" {
        Ok(Some(false))
    } else {
        Err(Misfit::new("a boolean", json))
    }
}

/// Instant in whole milliseconds: ISO 8601 with a zone, or milliseconds since 1970 as number or text. `None` for null
/// and empty text.
///
/// The vendor's pattern allows `/` before the fraction, its examples show milliseconds, live answers show
/// `2026-01-02T03:04:05.000Z` (zoho/zohodesk-oas, v1.0).
pub fn timestamp(json: &str) -> Result<Option<DateTime<Utc>>, Misfit> {
    let Some(plain) = plain(json) else { return Ok(None) };
    let misfit = || Misfit::new("a timestamp", json);
    let time = if let Ok(milliseconds) = plain.parse::<i64>() {
        DateTime::from_timestamp_millis(milliseconds).ok_or_else(misfit)?
    } else {
        let iso: Cow<'_, str> =
            if plain.contains('/') { Cow::Owned(plain.replace('/', ".")) } else { Cow::Borrowed(&plain) };
        DateTime::parse_from_rfc3339(&iso).map_err(|_| misfit())?.with_timezone(&Utc)
    };
    // Both databases and the ISO text of four-digit years can hold this range.
    if (1..=9999).contains(&chrono::Datelike::year(&time)) { Ok(Some(time.trunc_subsecs(3))) } else { Err(misfit()) }
}

/// Calendar date: `yyyy-MM-dd`, or an instant of which the date in UTC is taken. `None` for null and empty text.
pub fn date(json: &str) -> Result<Option<NaiveDate>, Misfit> {
    let Some(plain) = plain(json) else { return Ok(None) };
    if let Ok(date) = NaiveDate::parse_from_str(&plain, "%Y-%m-%d") {
        return Ok(Some(date));
    }
    match timestamp(json) {
        Ok(time) => Ok(time.map(|time| time.date_naive())),
        Err(_) => Err(Misfit::new("a date", json)),
    }
}

/// Any JSON, as its text. `None` for null.
///
/// `jsonb` refuses `\u0000` and lone surrogates: each becomes `\ufffd` and sets `mended`.
pub fn json<'a>(json: &'a str, mended: &mut bool) -> Option<Cow<'a, str>> {
    if json == "null" { None } else { Some(mend_escapes(json, mended)) }
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
    fn booleans_come_as_words_and_digits() {
        for yes in ["true", "\"true\"", "\"TRUE\"", "1", "\"1\""] {
            assert_eq!(boolean(yes), Ok(Some(true)), "{yes}");
        }
        assert_eq!(boolean("\"false\""), Ok(Some(false)));
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
        assert_eq!(json(r#"{"a":"\udc00","b":"\\u0000"}"#, &mut mended).as_deref(), Some(r#"{"a":"�","b":"\\u0000"}"#));
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
        }

        #[test]
        fn no_reader_panics(json in "\\PC{0,40}") {
            let mut mended = false;
            let _ = (text(&json, &mut mended), integer(&json), real(&json), boolean(&json), timestamp(&json), date(&json));
            let _ = super::json(&json, &mut mended);
        }
    }
}
