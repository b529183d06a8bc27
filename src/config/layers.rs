//! The layers of values, lowest first: defaults, file, environment, flags. Gathers them, reads one setting at a time
//! from the highest layer that has it, and notes every mistake instead of stopping at the first.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    error::{Fault, Problem, Source},
    file::{self, FILE_VARIABLE, Raw, Shape},
    setting::{self, Kind, Setting},
    value::Refused,
};

/// A mistake was noted; there is no value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Noted;

/// What the layers say, and what is wrong with it so far.
pub(super) struct Layers {
    values: BTreeMap<String, (Raw, Source)>,
    problems: Vec<Problem>,
}

impl Layers {
    /// The defaults, under everything else.
    pub(super) fn new() -> Self {
        let mut layers = Self { values: BTreeMap::new(), problems: Vec::new() };
        for setting in setting::ALL {
            if let Some(text) = setting.default {
                layers.put(setting, text_of(text), Source::Default);
            }
        }
        layers
    }

    /// Lays the file's values over what is there.
    pub(super) fn add_file(&mut self, file: &file::Text) {
        for entry in file::entries(file, &mut self.problems) {
            self.put(entry.setting, entry.raw, entry.source);
        }
    }

    /// Lays the environment over what is there, and notes names that look like ours and are not.
    /// What is also in `dot_env` came from that file.
    pub(super) fn add_environment(&mut self, environment: &BTreeMap<String, String>, dot_env: &BTreeSet<String>) {
        let source = |name: String| match dot_env.contains(&name) {
            true => Source::DotEnv { name },
            false => Source::Environment { name },
        };
        for setting in setting::ALL {
            // The alias first, so that our own name lies above it.
            for name in setting.alias.map(str::to_owned).into_iter().chain([setting.variable()]) {
                if let Some(text) = environment.get(&name) {
                    self.put(setting, text_of(text), source(name));
                }
            }
        }
        for name in environment.keys().filter(|name| name.starts_with("DESKHOUSE_") && *name != FILE_VARIABLE) {
            let known = setting::ALL.iter().any(|setting| setting.variable() == *name);
            let nearest = setting::nearest_variable(name);
            // Without `__` it may be meant for something else, so only what comes near one of ours is a mistake.
            if !known && (name.contains("__") || nearest.is_some()) {
                self.note(source(name.clone()), None, Fault::Unknown { what: "setting", nearest }, None);
            }
        }
    }

    /// Lays the flags over what is there.
    pub(super) fn add_flags(&mut self, flags: &[(&'static str, String)]) {
        for (name, text) in flags {
            match Setting::named(name) {
                Some(setting) => self.put(setting, text_of(text), Source::Flag),
                None => {
                    let fault = Fault::Unknown { what: "setting", nearest: None };
                    self.note(Source::Flag, Some((*name).to_owned()), fault, None);
                }
            }
        }
    }

    /// An empty text is as good as none, in every layer: it leaves the layer below in force.
    fn put(&mut self, setting: &'static Setting, raw: Raw, source: Source) {
        let empty = matches!(&raw, Raw::One { text, .. } if text.trim().is_empty());
        if !empty {
            self.values.insert(setting.name(), (raw, source));
        }
    }

    /// The value of a setting that may be unset.
    pub(super) fn read<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, Refused>,
    ) -> Result<Option<T>, Noted> {
        let setting = Setting::named(name).expect("sections read settings of the table");
        let Some((raw, source)) = self.values.get(name).cloned() else { return Ok(None) };
        match raw {
            Raw::One { text, shape } if takes(setting.kind, shape) => match parse(&text) {
                Ok(value) => Ok(Some(value)),
                Err(refused) => {
                    let shown = setting.show(&text);
                    let found = if shown == "***" { HIDDEN.to_owned() } else { format!("`{shown}`") };
                    Err(self.refuse(setting, source, refused, found))
                }
            },
            Raw::One { shape, .. } => Err(self.refuse_shape(setting, source, shape_words(shape))),
            Raw::Many(_) => Err(self.refuse_shape(setting, source, "a list")),
            Raw::Other(found) => Err(self.refuse_shape(setting, source, found)),
        }
    }

    /// The value of a setting that has a default.
    pub(super) fn must<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, Refused>) -> Result<T, Noted> {
        Ok(self.read(name, parse)?.expect("a setting that must be there has a default in the table"))
    }

    /// A whole number within the bounds that the table gives.
    pub(super) fn number(&mut self, name: &str) -> Result<u32, Noted> {
        let number = self.number_if_set(name)?;
        Ok(number.expect("a setting that must be there has a default in the table"))
    }

    /// The same of a setting that may be unset.
    pub(super) fn number_if_set(&mut self, name: &str) -> Result<Option<u32>, Noted> {
        let Some(Kind::Number { least, most }) = Setting::named(name).map(|setting| setting.kind) else {
            unreachable!("{name} is a number in the table")
        };
        self.read(name, |text| {
            let number = text.trim().parse().ok().filter(|number| (least..=most).contains(number));
            number.ok_or_else(|| Refused::new(format!("a whole number from {least} to {most}")))
        })
    }

    /// Names, each once and in the order given.
    pub(super) fn names(&mut self, name: &str) -> Result<Option<Vec<String>>, Noted> {
        let (given, source) = match self.values.get(name) {
            None => return Ok(None),
            Some((Raw::One { text, shape: Shape::Text }, source)) => {
                (text.split(',').map(str::to_owned).collect(), source.clone())
            }
            Some((Raw::Many(names), source)) => (names.clone(), source.clone()),
            Some(_) => return self.read(name, |_| Err(Refused::new(shape_expected(Kind::Names)))),
        };
        let mut names: Vec<String> = Vec::new();
        for name in given.iter().map(|name| name.trim()).filter(|name| !name.is_empty()) {
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
        if names.is_empty() {
            let setting = Setting::named(name).expect("sections read settings of the table");
            let refused = Refused::new("at least one name").with_hint("leave the key out for what holds without it");
            return Err(self.refuse(setting, source, refused, "an empty list".to_owned()));
        }
        Ok(Some(names))
    }

    /// Notes a value that a section refuses only beside another one.
    pub(super) fn refuse(&mut self, setting: &Setting, source: Source, refused: Refused, found: String) -> Noted {
        let fault = Fault::Value { expected: refused.expected().to_owned(), found };
        self.note(source, Some(setting.name()), fault, refused.hint().map(str::to_owned))
    }

    fn refuse_shape(&mut self, setting: &Setting, source: Source, found: &str) -> Noted {
        self.refuse(setting, source, Refused::new(shape_expected(setting.kind)), found.to_owned())
    }

    fn note(&mut self, source: Source, key: Option<String>, fault: Fault, hint: Option<String>) -> Noted {
        self.problems.push(Problem { source, key, fault, hint });
        Noted
    }

    /// Notes a mistake found elsewhere.
    pub(super) fn add_problem(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Where the value in force comes from.
    pub(super) fn source(&self, name: &str) -> Source {
        self.values.get(name).map_or(Source::Default, |(_, source)| source.clone())
    }

    /// The value in force, as far as it may be seen.
    pub(super) fn shown(&self, setting: &Setting) -> Option<String> {
        match &self.values.get(&setting.name())?.0 {
            Raw::One { text, .. } => Some(setting.show(text.trim())),
            Raw::Many(names) => Some(setting.show(&names.join(", "))),
            Raw::Other(_) => None,
        }
    }

    /// All mistakes so far.
    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.problems
    }

    /// Whether there is no mistake so far.
    pub(super) fn is_clean(&self) -> bool {
        self.problems.is_empty()
    }
}

const HIDDEN: &str = "something else (not shown)";

fn text_of(text: &str) -> Raw {
    Raw::One { text: text.to_owned(), shape: Shape::Text }
}

/// Text is taken everywhere, because it is all that the environment has, and one reader serves all layers.
fn takes(kind: Kind, shape: Shape) -> bool {
    match shape {
        Shape::Text => true,
        Shape::Number => matches!(kind, Kind::TextOrNumber | Kind::Number { .. }),
        Shape::Boolean => kind == Kind::Boolean,
        Shape::Moment => kind == Kind::Moment,
    }
}

fn shape_expected(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "text in quotes",
        Kind::TextOrNumber => "text in quotes or a whole number",
        Kind::Number { .. } => "a whole number",
        Kind::Boolean => "true or false",
        Kind::Moment => "a date or a time with its offset",
        Kind::Names => "a list of names",
    }
}

fn shape_words(shape: Shape) -> &'static str {
    match shape {
        Shape::Text => "text",
        Shape::Number => "a number",
        Shape::Boolean => "true or false",
        Shape::Moment => "a date",
    }
}
