//! The configuration file: where it is looked for, and from its text to raw values with their lines.
//! The only file here that reads the disk; what a value means is up to `layers` and the sections.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    error::{Fault, Problem, Source},
    setting::{self, Setting},
};

/// The variable that names the file.
pub(super) const FILE_VARIABLE: &str = "DESKHOUSE_CONFIG";

/// A configuration file that was read.
pub(super) struct Text {
    /// Where it is.
    pub(super) path: PathBuf,
    /// How messages name it.
    pub(super) shown: String,
    pub(super) text: String,
}

/// Finds and reads the file; none when nobody named one and none lies where it is looked for.
pub(super) fn read(
    flag: Option<&Path>,
    environment: &BTreeMap<String, String>,
    working_dir: &Path,
) -> Result<Option<Text>, Box<Problem>> {
    let variable = environment.get(FILE_VARIABLE).map(|name| name.trim()).filter(|name| !name.is_empty());
    if let Some(named) = flag {
        return open(working_dir, named).map_err(|error| unreadable(Source::Flag, named, &error));
    }
    if let Some(named) = variable.map(Path::new) {
        let source = Source::Environment { name: FILE_VARIABLE.to_owned() };
        return open(working_dir, named).map_err(|error| unreadable(source, named, &error));
    }
    let mut places = vec![PathBuf::from("deskhouse.toml"), PathBuf::from("config/deskhouse.toml")];
    places.extend(config_dir(environment).map(|dir| dir.join("deskhouse.toml")));
    for place in places {
        match open(working_dir, &place) {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
            Err(error) => {
                let source = Source::File { path: place.display().to_string(), line: 0 };
                return Err(unreadable(source, &place, &error));
            }
            found => return Ok(found.unwrap_or_default()),
        }
    }
    Ok(None)
}

fn open(working_dir: &Path, named: &Path) -> io::Result<Option<Text>> {
    let path = working_dir.join(named);
    let text = std::fs::read_to_string(&path)?;
    Ok(Some(Text { path, shown: named.display().to_string(), text }))
}

fn unreadable(source: Source, path: &Path, error: &io::Error) -> Box<Problem> {
    let path = path.display();
    let (text, hint) = match error.kind() {
        io::ErrorKind::NotFound => {
            (format!("the file `{path}` does not exist"), Some("`deskhouse init` writes a file to start from"))
        }
        io::ErrorKind::InvalidData => (format!("the file `{path}` is not UTF-8 text"), None),
        _ => (format!("the file `{path}` cannot be read: {error}"), None),
    };
    Box::new(Problem { source, key: None, fault: Fault::File(text), hint: hint.map(str::to_owned) })
}

/// The user's folder for deskhouse's configuration.
fn config_dir(environment: &BTreeMap<String, String>) -> Option<PathBuf> {
    user_dir(environment, "XDG_CONFIG_HOME", ".config", "APPDATA")
}

/// The user's folder for what deskhouse remembers.
pub(super) fn state_dir(environment: &BTreeMap<String, String>) -> Option<PathBuf> {
    user_dir(environment, "XDG_STATE_HOME", ".local/state", "LOCALAPPDATA")
}

/// The user's home folder.
pub(super) fn home(environment: &BTreeMap<String, String>) -> Option<PathBuf> {
    absolute(environment, "HOME").or_else(|| absolute(environment, "USERPROFILE"))
}

// By the rules of the XDG base directories, on every Unix; APPDATA is where the same things go on Windows. Asked of the
// environment that was handed in, not of the process (as `etcetera` does), so that a test cannot meet the real home.
fn user_dir(environment: &BTreeMap<String, String>, xdg: &str, below_home: &str, windows: &str) -> Option<PathBuf> {
    absolute(environment, xdg)
        .or_else(|| absolute(environment, "HOME").map(|home| home.join(below_home)))
        .or_else(|| absolute(environment, windows))
        .map(|dir| dir.join("deskhouse"))
}

fn absolute(environment: &BTreeMap<String, String>, name: &str) -> Option<PathBuf> {
    environment.get(name).map(PathBuf::from).filter(|path| path.is_absolute())
}

/// What stands at a key, before anyone asks what it should be.
#[derive(Clone)]
pub(super) enum Raw {
    /// One value, as text, and the shape that it had.
    One { text: String, shape: Shape },
    /// A list of texts.
    Many(Vec<String>),
    /// Something that no setting takes, in a few words.
    Other(&'static str),
}

/// The shape of a value in the file. The environment and flags know text only.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Text,
    Number,
    Boolean,
    Moment,
}

/// A value of the file, and its line.
pub(super) struct Entry {
    pub(super) setting: &'static Setting,
    pub(super) raw: Raw,
    pub(super) source: Source,
}

/// The values in the file's text; mistakes of the text are added to `problems`.
///
/// When the text is not TOML nothing is taken from it: what the parser makes of the rest is guessed, and mistakes in
/// guesses would only distract.
pub(super) fn entries(file: &Text, problems: &mut Vec<Problem>) -> Vec<Entry> {
    let line = |at: usize| 1 + file.text.as_bytes()[..at.min(file.text.len())].iter().filter(|b| **b == b'\n').count();
    let source = |at: usize| Source::File { path: file.shown.clone(), line: line(at) };
    let (table, errors) = DeTable::parse_recoverable(&file.text);
    if !errors.is_empty() {
        let mut found: Vec<Problem> = errors
            .iter()
            .map(|error| Problem {
                source: source(error.span().map_or(0, |span| span.start)),
                key: None,
                fault: Fault::File(format!("not valid TOML: {}", error.message().replace('\n', ", "))),
                hint: None,
            })
            .collect();
        found.sort_by(|a, b| a.source.cmp(&b.source));
        // One slip makes several complaints about its line; the first says the most.
        found.dedup_by(|a, b| a.source == b.source);
        problems.extend(found);
        return Vec::new();
    }
    let mut entries = Vec::new();
    for (section, value) in table.get_ref() {
        let name = section.get_ref().as_ref();
        if !setting::sections().any(|known| known == name) {
            let (what, nearest) = match (value.get_ref(), setting::nearest_section(name)) {
                (DeValue::Table(_), nearest) => ("section", nearest.map(|known| format!("[{known}]"))),
                (_, _) => ("setting", setting::nearest(None, name)),
            };
            problems.push(unknown(source(section.span().start), name.to_owned(), what, nearest));
            continue;
        }
        let DeValue::Table(keys) = value.get_ref() else {
            let found = words(value.get_ref()).to_owned();
            let fault = Fault::Value { expected: format!("a section `[{name}]`"), found };
            problems.push(Problem {
                source: source(section.span().start),
                key: Some(name.to_owned()),
                fault,
                hint: None,
            });
            continue;
        };
        for (key, value) in keys {
            let (source, full) = (source(key.span().start), format!("{name}.{}", key.get_ref()));
            match Setting::named(&full) {
                Some(setting) => entries.push(Entry { setting, raw: raw(value), source }),
                None => {
                    let nearest = setting::nearest(Some(name), key.get_ref());
                    problems.push(unknown(source, full, "setting", nearest));
                }
            }
        }
    }
    entries
}

fn unknown(source: Source, name: String, what: &'static str, nearest: Option<String>) -> Problem {
    Problem { source, key: Some(name), fault: Fault::Unknown { what, nearest }, hint: None }
}

fn raw(value: &Spanned<DeValue<'_>>) -> Raw {
    let one = |text: String, shape| Raw::One { text, shape };
    match value.get_ref() {
        DeValue::String(text) => one(text.to_string(), Shape::Text),
        DeValue::Boolean(yes) => one(yes.to_string(), Shape::Boolean),
        DeValue::Datetime(moment) => one(moment.to_string(), Shape::Moment),
        DeValue::Integer(number) => match i128::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => one(number.to_string(), Shape::Number),
            Err(_) => Raw::Other("a number too large"),
        },
        DeValue::Array(items) => {
            let texts: Option<Vec<_>> = items.iter().map(|item| item.get_ref().as_str().map(str::to_owned)).collect();
            texts.map_or(Raw::Other("a list of other things than names"), Raw::Many)
        }
        other => Raw::Other(words(other)),
    }
}

/// What a value is, without saying which.
fn words(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a section",
    }
}
