//! Everything that is wrong with a configuration, at once and with its place. The exit code is up to the top level.

use std::fmt;

/// Where a value or a mistake comes from, lowest layer first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// Nobody said anything.
    Default,
    /// A line of the configuration file; 0 means the whole file.
    File {
        /// The file, as it was named or found.
        path: String,
        /// The line, counted from 1.
        line: usize,
    },
    /// A line of `.env`.
    DotEnv {
        /// The variable.
        name: String,
    },
    /// An environment variable.
    Environment {
        /// The variable.
        name: String,
    },
    /// The command line.
    Flag,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line: 0 } => f.write_str(path),
            Self::File { path, line } => write!(f, "{path}:{line}"),
            Self::DotEnv { name } => write!(f, "{name} in .env"),
            Self::Environment { name } => write!(f, "environment variable {name}"),
            Self::Flag => f.write_str("command line"),
        }
    }
}

/// One mistake. No part of it holds the value of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where it is.
    pub source: Source,
    /// The setting that it is about, such as `zoho.org_id`; of an unknown one, the name that was given.
    pub key: Option<String>,
    /// What is wrong.
    pub fault: Fault,
    /// One thing to do about it.
    pub hint: Option<String>,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The value is not one that the setting takes.
    Value {
        /// What it takes.
        expected: String,
        /// What was there, as far as it may be shown.
        found: String,
    },
    /// There is no such setting, section or variable.
    Unknown {
        /// Which of the three.
        what: &'static str,
        /// The one that was meant, when one is near.
        nearest: Option<String>,
    },
    /// Something needed is not there.
    Missing,
    /// The file as such: not found, not readable, not TOML.
    File(String),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.source, &self.key) {
            (Source::Default, None) => {}
            (Source::Default, Some(key)) => write!(f, "`{key}` ")?,
            // An unknown variable is itself what the sentence is about.
            (Source::DotEnv { .. } | Source::Environment { .. }, None)
                if matches!(self.fault, Fault::Unknown { .. }) =>
            {
                write!(f, "{} ", self.source)?;
            }
            (source, None) => write!(f, "{source}: ")?,
            (source, Some(key)) => write!(f, "{source}: `{key}` ")?,
        }
        match &self.fault {
            Fault::Value { expected, found } => write!(f, "should be {expected}, but is {found}"),
            Fault::Unknown { what, nearest: None } => write!(f, "is not a {what}"),
            Fault::Unknown { what, nearest: Some(nearest) } => {
                write!(f, "is not a {what}; did you mean `{nearest}`?")
            }
            Fault::Missing => f.write_str("is not set"),
            Fault::File(text) => f.write_str(text),
        }
    }
}

/// All mistakes of a configuration; never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Error {
    problems: Vec<Problem>,
}

impl Error {
    /// The mistakes, in the order of the layers; none when there are none.
    pub(super) fn of(mut problems: Vec<Problem>) -> Option<Self> {
        problems.sort_by(|a, b| a.source.cmp(&b.source));
        (!problems.is_empty()).then_some(Self { problems })
    }

    /// The mistakes: by layer, and those of the file by line.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// One thing to do: the advice that a single mistake has, or all missing settings share; otherwise where to look.
    pub fn hint(&self) -> Option<String> {
        let unknown = |problem: &Problem| matches!(problem.fault, Fault::Unknown { .. });
        let several = self.problems.len() > 1 && self.problems.iter().any(|problem| problem.fault != Fault::Missing);
        let first = self.problems.iter().find_map(|problem| problem.hint.clone()).filter(|_| !several);
        first.or_else(|| {
            let text = "`deskhouse init` writes a file with every setting, its default and what it is for";
            (several || self.problems.iter().any(unknown)).then(|| text.to_owned())
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [only] = self.problems.as_slice() {
            return write!(f, "{only}");
        }
        let count = self.problems.len();
        if self.problems.iter().all(|problem| problem.fault == Fault::Missing) {
            write!(f, "{count} settings are missing")?;
        } else {
            write!(f, "the configuration has {count} mistakes")?;
        }
        self.problems.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}
