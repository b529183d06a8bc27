//! Lines of a `.env` file: puts values into a text and takes them out, and leaves every other byte as it was. Pure; files
//! are written by `storage`, and read as configuration by the command line.

use std::collections::BTreeMap;

/// Why a text cannot be changed. Does not repeat it: it holds secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unchangeable {
    /// The text is no `.env` file.
    NotDotEnv,
    /// The value cannot be written on one line.
    Value,
}

/// The line that gives `name` this value.
pub(super) fn line(name: &str, value: &str) -> Result<String, Unchangeable> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-~:/@+,".contains(&byte);
    if value.bytes().all(is_plain) {
        return Ok(format!("{name}={value}"));
    }
    // In single quotes nothing has a meaning but the quote itself.
    if value.contains(['\'', '\\']) || value.chars().any(char::is_control) {
        return Err(Unchangeable::Value);
    }
    Ok(format!("{name}='{value}'"))
}

/// The text with these values, each where its name stands or at the end. An empty value takes the lines of its name out.
///
/// The result is read again and compared before it is given back, so that no odd text (a value over several lines, say)
/// can lose another value.
pub(super) fn with(text: &str, values: &[(String, String)]) -> Result<String, Unchangeable> {
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    for (name, value) in values {
        let mut line = if value.is_empty() { None } else { Some(line(name, value)? + "\n") };
        lines.retain_mut(|old| {
            if !assigns(old, name) {
                return true;
            }
            // The first one counts when the file is read, so a later one would only mislead people.
            line.take().map(|line| *old = line).is_some()
        });
        if let Some(line) = line {
            if let Some(last) = lines.last_mut().filter(|last| !last.ends_with('\n')) {
                last.push('\n');
            }
            lines.push(line);
        }
    }
    let changed = lines.concat();
    let mut expected = read(text)?;
    for (name, value) in values {
        expected.remove(name);
        if !value.is_empty() {
            expected.insert(name.clone(), value.clone());
        }
    }
    if read(&changed)? == expected { Ok(changed) } else { Err(Unchangeable::NotDotEnv) }
}

/// Whether the text gives the name a value.
pub(super) fn has(text: &str, name: &str) -> bool {
    read(text).is_ok_and(|values| values.contains_key(name))
}

fn read(text: &str) -> Result<BTreeMap<String, String>, Unchangeable> {
    let mut values = BTreeMap::new();
    for pair in dotenvy::from_read_iter(text.as_bytes()) {
        let (name, value) = pair.map_err(|_| Unchangeable::NotDotEnv)?;
        values.entry(name).or_insert(value);
    }
    Ok(values)
}

fn assigns(line: &str, name: &str) -> bool {
    let line = line.trim_start();
    let line = line.strip_prefix("export ").map_or(line, str::trim_start);
    line.strip_prefix(name).is_some_and(|rest| rest.trim_start().starts_with('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(text: &str, values: &[(&str, &str)]) -> Result<String, Unchangeable> {
        let values: Vec<_> = values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        with(text, &values)
    }

    #[test]
    fn a_value_takes_the_place_of_the_old_one_and_other_lines_stay() {
        let text = "# mine\nA=1\n\nexport TOKEN = \"old\" # why\nB='2 # 3'\nTOKEN=older\nTOKENS=x";
        assert_eq!(
            put(text, &[("TOKEN", "1000.a.b"), ("NEW", "a b")]),
            Ok("# mine\nA=1\n\nTOKEN=1000.a.b\nB='2 # 3'\nTOKENS=x\nNEW='a b'\n".into())
        );
        assert_eq!(put("", &[("TOKEN", "x")]), Ok("TOKEN=x\n".into()));
        assert_eq!(put("A=1", &[("TOKEN", "x")]), Ok("A=1\nTOKEN=x\n".into()));
    }

    #[test]
    fn an_empty_value_takes_the_line_out() {
        assert_eq!(put("A=1\nTOKEN=x\nB=2\nTOKEN=y\n", &[("TOKEN", "")]), Ok("A=1\nB=2\n".into()));
        assert_eq!(put("A=1\n", &[("TOKEN", "")]), Ok("A=1\n".into()));
    }

    #[test]
    fn what_was_written_is_what_is_read() {
        for value in ["1000.ab.cd", "a b", "$HOME", "#", "a\"b", "ü", "a=b", " x "] {
            let text = put("A=1\n", &[("TOKEN", value)]).expect(value);
            assert_eq!(read(&text).expect(value).get("TOKEN").map(String::as_str), Some(value), "{text}");
        }
        for value in ["it's", "a\nb", "a\\b"] {
            assert_eq!(put("", &[("TOKEN", value)]), Err(Unchangeable::Value), "{value}");
        }
    }

    #[test]
    fn a_text_that_would_lose_something_is_refused() {
        for text in ["A='1\n", "what is this\n", "A=\"x\nTOKEN=old\ny\"\n"] {
            assert_eq!(put(text, &[("TOKEN", "new")]), Err(Unchangeable::NotDotEnv), "{text}");
        }
    }
}
