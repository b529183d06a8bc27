//! The configuration as findings: where every value comes from, or what is wrong with it.

use super::Findings;
use crate::config::{Config, Problem};
use crate::error::{Class, Error};
use crate::report;

const AREA: &str = "settings";

/// What helps with a mistake that has no advice of its own.
const ELSEWHERE: &str = "`deskhouse init --stdout` shows every setting, its default and what it is for";

/// Every setting with its value and its source; secrets are `***`.
pub fn settings(config: &Config) -> Findings {
    let mut findings = Findings::default();
    match &config.sources.file {
        Some(path) => findings.good(AREA, "file", path.display().to_string()),
        None => findings.good(AREA, "file", "none; `deskhouse init` writes one"),
    }
    for origin in &config.sources.origins {
        let found = match &origin.shown {
            Some(value) => format!("{value} ({})", origin.source),
            None => "not set".to_owned(),
        };
        findings.good(AREA, origin.setting.name(), found);
    }
    findings
}

/// What is wrong with a configuration that cannot be used.
pub fn mistakes(error: &Error) -> Findings {
    let mut findings = Findings::default();
    match error {
        Error::Config(mistakes) => {
            for problem in mistakes.problems() {
                let hint = problem.hint.clone().unwrap_or_else(|| ELSEWHERE.to_owned());
                findings.fail_as(AREA, fact(problem), Class::Usage, problem.to_string(), Some(hint));
            }
        }
        error => findings.fail_as(AREA, "file", error.class(), report::chain(error), error.hint()),
    }
    findings
}

fn fact(problem: &Problem) -> String {
    problem.key.clone().unwrap_or_else(|| "file".to_owned())
}
