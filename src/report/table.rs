//! Plain tables: aligned columns that read without colour and without lines, for terminals, mails and logs.

use comfy_table::{CellAlignment, ContentArrangement};

/// A table that is filled row by row and printed as text.
#[derive(Debug)]
pub struct Table(comfy_table::Table);

impl Table {
    /// A table with a head; heads that begin with `>` stand over numbers and are aligned to the right.
    pub fn new(head: &[&str]) -> Self {
        let mut table = comfy_table::Table::new();
        table.load_style(comfy_table::presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(head.iter().map(|name| name.trim_start_matches('>')));
        for (column, name) in table.column_iter_mut().zip(head) {
            column.set_padding((0, 2));
            if name.starts_with('>') {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        Self(table)
    }

    /// Adds a row.
    pub fn row<T: Into<String>>(&mut self, cells: impl IntoIterator<Item = T>) {
        self.0.add_row(cells.into_iter().map(Into::into));
    }

    /// The table as lines without trailing blanks.
    pub fn text(&self) -> String {
        let lines: Vec<_> = self.0.lines().map(|line| line.trim_end().to_owned()).collect();
        lines.join("\n")
    }
}
