//! Good answers that are not true: an empty or a short page where there is more. No source says that Zoho gives them; people
//! who copied portals found gaps that look as if it did.

use std::collections::HashSet;

use serde_json::Value;

use crate::answer::{Answer, Content};
use crate::record::key_of;

/// How a page lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Falsehood {
    /// 204, as if there were nothing.
    NoContent,
    /// An empty list.
    Empty,
    /// Fewer records than there are, and the true count where the list has one.
    Short,
    /// Fewer records than there are, and as many counted.
    Miscounted,
}

/// Which answers are not true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Falsehoods {
    /// How.
    pub how: Falsehood,
    /// Every n-th page of records, and never the same question twice.
    pub every: Option<u32>,
    /// Each page that would hold one of these records, whoever asks and however often.
    pub at: Vec<String>,
    /// Each page of a search has half of the rows that it should have, and tells the true count.
    pub halves: bool,
}

impl Default for Falsehoods {
    fn default() -> Self {
        Self { how: Falsehood::NoContent, every: None, at: Vec::new(), halves: false }
    }
}

/// What has been told so far.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pages: u32,
    questions: HashSet<String>,
}

impl Falsehoods {
    /// The answer to a question for a page of records, as it is told.
    pub(crate) fn tell(&self, told: &mut Told, question: impl FnOnce() -> String, mut answer: Answer) -> Answer {
        if answer.status != 200 || (self.every.is_none() && self.at.is_empty() && !self.halves) {
            return answer;
        }
        if self.halves {
            let rows = rows(&answer);
            cut(&mut answer, rows.div_ceil(2), false);
        }
        if let Some(place) = self.place_of_hidden(&answer) {
            return self.lie(answer, place);
        }
        told.pages += 1;
        if self.every.is_some_and(|every| told.pages.is_multiple_of(every.max(1))) && told.questions.insert(question())
        {
            let rows = rows(&answer);
            return self.lie(answer, rows / 2);
        }
        answer
    }

    /// Where the first of the records stands that are not to be shown.
    fn place_of_hidden(&self, answer: &Answer) -> Option<usize> {
        if self.at.is_empty() {
            return None;
        }
        match &answer.content {
            Content::Rows(rows) => {
                rows.rows.iter().position(|record| self.at.iter().any(|id| key_of(id) == record.key))
            }
            Content::Text(text) => {
                let body: Value = serde_json::from_str(text).unwrap_or_default();
                let list = body.as_object()?.values().find_map(Value::as_array)?;
                list.iter().position(|row| row["id"].as_str().is_some_and(|id| self.at.iter().any(|at| at == id)))
            }
        }
    }

    fn lie(&self, mut answer: Answer, keep: usize) -> Answer {
        match self.how {
            Falsehood::NoContent => Answer::nothing(),
            Falsehood::Empty => Answer::json(200, r#"{"data":[]}"#),
            Falsehood::Short | Falsehood::Miscounted => {
                cut(&mut answer, keep, self.how == Falsehood::Miscounted);
                answer
            }
        }
    }
}

/// Rows of an answer.
pub(crate) fn rows(answer: &Answer) -> usize {
    match &answer.content {
        Content::Rows(rows) => rows.rows.len(),
        Content::Text(text) => {
            let body: Value = serde_json::from_str(text).unwrap_or_default();
            body.as_object().and_then(|body| body.values().find_map(Value::as_array)).map_or(0, Vec::len)
        }
    }
}

/// Leaves so many rows; with `recount`, counts no more than those.
fn cut(answer: &mut Answer, keep: usize, recount: bool) {
    match &mut answer.content {
        Content::Rows(rows) => {
            rows.rows.truncate(keep);
            if recount {
                rows.count = rows.count.map(|_| keep);
            }
        }
        Content::Text(text) => {
            let mut body: Value = serde_json::from_str(text).unwrap_or_default();
            if let Some(list) = body.as_object_mut().and_then(|body| body.values_mut().find_map(Value::as_array_mut)) {
                list.truncate(keep);
            }
            *text = body.to_string();
        }
    }
}
