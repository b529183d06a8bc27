//! A few questions that an analyst would ask, as SQL that reads the same on every database. The demo shows them with
//! their answers.

use super::dialect::Dialect;
use super::error::Error;
use super::sql::SqlWarehouse;
use crate::resource::Kind;
use crate::transform::Cell;

/// A question and its answer.
#[derive(Debug, Clone)]
pub struct Sample {
    /// The question.
    pub title: &'static str,
    /// The statement that was run.
    pub sql: &'static str,
    /// Names of the columns; `>` stands before those that hold numbers.
    pub columns: &'static [&'static str],
    /// The answer.
    pub rows: Vec<Vec<String>>,
}

struct Question {
    title: &'static str,
    sql: &'static str,
    columns: &'static [&'static str],
    kinds: &'static [Kind],
}

const QUESTIONS: [Question; 3] = [
    Question {
        title: "tickets by status",
        sql: "select status_type, status, count(*) from tickets
where _deleted_at is null group by status_type, status order by count(*) desc",
        columns: &["status type", "status", ">tickets"],
        kinds: &[Kind::Text, Kind::Text, Kind::Integer],
    },
    Question {
        title: "tickets by department and month",
        sql: "select substr(cast(created_time as text), 1, 7), department ->> 'name', count(*) from tickets
where _deleted_at is null group by 1, 2 order by 1 desc, 3 desc limit 10",
        columns: &["month", "department", ">tickets"],
        kinds: &[Kind::Text, Kind::Text, Kind::Integer],
    },
    Question {
        title: "slowest open tickets",
        sql: "select ticket_number, substr(cast(created_time as text), 1, 10), priority, substr(subject, 1, 60) from tickets
where status_type = 'Open' and not is_spam and _deleted_at is null order by created_time limit 10",
        columns: &[">ticket", "open since", "priority", "subject"],
        kinds: &[Kind::Integer, Kind::Text, Kind::Text, Kind::Text],
    },
];

impl<D: Dialect> SqlWarehouse<D> {
    /// Asks the sample questions.
    pub async fn samples(&self) -> Result<Vec<Sample>, Error> {
        let doing = Error::doing("ask a sample question");
        let mut open = self.begin("ask a sample question").await?;
        let mut samples = Vec::with_capacity(QUESTIONS.len());
        for Question { title, sql, columns, kinds } in QUESTIONS {
            // The statement is shown as people type it; here the table needs its schema.
            let qualified = sql.replace("from tickets", "from {tickets}");
            let rows = self.dialect.fetch(&mut open, &qualified, Vec::new(), kinds).await.map_err(&doing)?;
            let rows = rows.into_iter().map(|row| row.into_iter().map(shown).collect()).collect();
            samples.push(Sample { title, sql, columns, rows });
        }
        D::commit(open).await.map_err(&doing)?;
        Ok(samples)
    }
}

fn shown(cell: Cell) -> String {
    match cell {
        Cell::Text(text) => text.to_string(),
        Cell::Integer(value) => value.to_string(),
        _ => String::new(),
    }
}
