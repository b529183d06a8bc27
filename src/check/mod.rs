//! What stands between a configuration and a run: facts about settings, portal and warehouse, gathered without changing
//! anything. Each failed fact carries the exit code with which a run would end; printing is left to `report`.

mod portal;
mod settings;
mod warehouse;

pub use portal::{Portal, unasked};
pub use settings::{mistakes, settings};
pub use warehouse::{absent, place, warehouse};

use crate::error::{Class, Error};
use crate::report::{self, Finding, Verdict};

/// Findings in the order in which they are shown, and the gravest end among them.
#[derive(Debug, Default)]
pub struct Findings {
    list: Vec<Finding>,
    worst: Option<Class>,
}

impl Findings {
    /// All of them.
    pub fn list(&self) -> &[Finding] {
        &self.list
    }

    /// The end that is to be mended first; done when nothing failed.
    pub fn class(&self) -> Class {
        self.worst.unwrap_or(Class::Done)
    }

    /// Adds those of another area.
    pub fn append(&mut self, other: Self) {
        self.list.extend(other.list);
        self.worst = [self.worst, other.worst].into_iter().flatten().max_by_key(|class| class.gravity());
    }

    fn add(
        &mut self,
        area: &'static str,
        fact: impl Into<String>,
        verdict: Verdict,
        found: String,
        hint: Option<String>,
    ) {
        self.list.push(Finding { area, fact: fact.into(), verdict, found, hint });
    }

    fn good(&mut self, area: &'static str, fact: impl Into<String>, found: impl Into<String>) {
        self.add(area, fact, Verdict::Good, found.into(), None);
    }

    fn warn(&mut self, area: &'static str, fact: impl Into<String>, found: impl Into<String>, hint: &str) {
        self.add(area, fact, Verdict::Warning, found.into(), Some(hint.to_owned()));
    }

    fn skip(&mut self, area: &'static str, fact: impl Into<String>, why: &str) {
        self.add(area, fact, Verdict::Skipped, why.to_owned(), None);
    }

    fn fail(&mut self, area: &'static str, fact: impl Into<String>, error: impl Into<Error>) {
        let error = error.into();
        self.fail_as(area, fact, error.class(), report::chain(&error), error.hint());
    }

    fn fail_as(
        &mut self,
        area: &'static str,
        fact: impl Into<String>,
        class: Class,
        found: String,
        hint: Option<String>,
    ) {
        self.worst = [self.worst, Some(class)].into_iter().flatten().max_by_key(|class| class.gravity());
        self.add(area, fact, Verdict::Failed(class.exit_code()), found, hint);
    }
}
