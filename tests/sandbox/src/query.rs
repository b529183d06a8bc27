//! Reads query parameters as strictly as the vendor does: whatever is unknown or out of range fails the call.

use std::ops::RangeInclusive;

use chrono::NaiveDateTime;

use crate::answer::Answer;

/// The decoded parameters of a request.
#[derive(Debug)]
pub(crate) struct Query(pub(crate) Vec<(String, String)>);

impl Query {
    /// Refuses every parameter that is not in one of the lists.
    pub(crate) fn allow<'a>(&self, known: impl IntoIterator<Item = &'a str> + Clone) -> Result<(), Answer> {
        match self.0.iter().find(|(name, _)| !known.clone().into_iter().any(|known| known == name)) {
            None => Ok(()),
            Some((name, _)) => {
                Err(Answer::unprocessable(&format!("Extra query parameter '{name}' is present in the input.")))
            }
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// The values of a comma-separated parameter.
    pub(crate) fn list(&self, name: &str) -> Vec<&str> {
        self.get(name).map_or(Vec::new(), |value| value.split(',').collect())
    }

    pub(crate) fn number(&self, name: &str, range: RangeInclusive<u32>, default: u32) -> Result<u32, Answer> {
        let Some(text) = self.get(name) else { return Ok(default) };
        let number: i64 = text.parse().map_err(|_| invalid(name))?;
        u32::try_from(number).ok().filter(|number| range.contains(number)).ok_or_else(|| {
            let (start, end) = (range.start(), range.end());
            match *end {
                u32::MAX => invalid(name),
                _ => Answer::unprocessable(&format!(
                    "The value passed for field '{name}' exceeds the range of '{start}-{end}'."
                )),
            }
        })
    }

    /// A time range in milliseconds, both ends as given.
    pub(crate) fn range(&self, name: &str) -> Result<Option<(i64, i64)>, Answer> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let ends = text.split_once(',').and_then(|(from, to)| Some((instant(from)?, instant(to)?)));
        ends.map(Some).ok_or_else(|| invalid(name))
    }

    /// The name to sort by, and whether it is to descend.
    pub(crate) fn sort(&self, names: &[&'static str]) -> Result<Option<(&'static str, bool)>, Answer> {
        let Some(text) = self.get("sortBy") else { return Ok(None) };
        let (name, descending) = text.strip_prefix('-').map_or((text, false), |name| (name, true));
        let known = names.iter().find(|known| **known == name).ok_or_else(|| invalid("sortBy"))?;
        Ok(Some((known, descending)))
    }
}

fn invalid(name: &str) -> Answer {
    Answer::unprocessable(&format!("The value passed for the '{name}' query parameter is invalid."))
}

/// `2026-05-04T03:02:01Z` with up to three digits of a second and a literal `Z`, in milliseconds.
fn instant(text: &str) -> Option<i64> {
    let (seconds, rest) = text.split_at_checked(19)?;
    let fraction = match rest.strip_suffix('Z')? {
        "" => "",
        fraction => fraction.strip_prefix('.')?,
    };
    if fraction.len() > 3 || !fraction.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let time = NaiveDateTime::parse_from_str(seconds, "%Y-%m-%dT%H:%M:%S").ok()?;
    let millis: i64 = format!("{fraction:0<3}").parse().ok()?;
    Some(time.and_utc().timestamp_millis() + millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_have_a_literal_z_and_at_most_three_digits() {
        assert_eq!(instant("1970-01-01T00:00:01Z"), Some(1_000));
        assert_eq!(instant("1970-01-01T00:00:01.Z"), Some(1_000));
        assert_eq!(instant("1970-01-01T00:00:01.5Z"), Some(1_500));
        assert_eq!(instant("1970-01-01T00:00:01.052Z"), Some(1_052));
        for wrong in [
            "",
            "1970-01-01",
            "1970-01-01T00:00:01",
            "1970-01-01T00:00:01+00:00",
            "1970-01-01T00:00:01.0001Z",
            "1970-13-01T00:00:01Z",
            "é",
        ] {
            assert_eq!(instant(wrong), None, "{wrong}");
        }
    }
}
