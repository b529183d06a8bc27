//! What a check has found: one line a fact, as a table or as JSON.

use serde_json::{Value, json};

use super::Table;

/// One fact, and whether it is as it should be.
#[derive(Debug, Clone)]
pub struct Finding {
    /// What it is about, in a word: a setting, the portal or the warehouse.
    pub area: &'static str,
    /// The fact.
    pub fact: String,
    /// How it is.
    pub verdict: Verdict,
    /// What was found. No secret, and nothing of a record.
    pub found: String,
    /// One thing to do.
    pub hint: Option<String>,
}

/// How a fact is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// As it should be.
    Good,
    /// A run can work with it, but somebody should know.
    Warning,
    /// A run would end with this exit code.
    Failed(u8),
    /// Not looked at, because of something before it.
    Skipped,
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Warning => "warning",
            Self::Failed(_) => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// All findings as one table; a hint stands in the line below.
pub fn findings(findings: &[Finding]) -> String {
    let mut table = Table::new(&["area", "fact", "state", "found"]);
    for finding in findings {
        let Finding { area, fact, verdict, found, hint } = finding;
        // Some errors list what they are about in lines of their own.
        let mut lines = found.lines();
        table.row([area, fact.as_str(), verdict.word(), lines.next().unwrap_or_default()]);
        lines.for_each(|line| table.row(["", "", "", line]));
        if let Some(hint) = hint {
            table.row(["", "", "", &format!("hint: {hint}")]);
        }
    }
    let count = |is: fn(Verdict) -> bool| findings.iter().filter(|finding| is(finding.verdict)).count();
    let failed = count(|verdict| matches!(verdict, Verdict::Failed(_)));
    let (warnings, skipped) =
        (count(|verdict| verdict == Verdict::Warning), count(|verdict| verdict == Verdict::Skipped));
    let sum = match (failed, warnings, skipped) {
        (0, 0, 0) => "everything is as it should be".to_owned(),
        _ => format!("{failed} failed, {warnings} warnings, {skipped} skipped"),
    };
    format!("{}\n\n{sum}", table.text())
}

/// All findings as one JSON document.
pub fn findings_json(findings: &[Finding], exit_code: u8) -> Value {
    let finding = |finding: &Finding| {
        json!({
            "area": finding.area,
            "fact": finding.fact,
            "state": finding.verdict.word(),
            "exit_code": match finding.verdict {
                Verdict::Failed(code) => code,
                _ => 0,
            },
            "found": finding.found,
            "hint": finding.hint,
        })
    };
    json!({"exit_code": exit_code, "findings": findings.iter().map(finding).collect::<Vec<_>>()})
}
