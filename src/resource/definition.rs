//! The words that resource definitions are written in. Plain data: what a feed, a column and a kind mean
//! to a run is decided by `extract`, `transform` and `warehouse`, which read these values.

/// One Zoho entity: where it is read, what it costs to ask, and the table it lands in.
#[derive(Debug)]
pub struct Resource {
    /// Table, command-line argument and file name: Zoho's plural, in snake case.
    pub name: &'static str,
    /// One sentence for `deskhouse resources` and the README.
    pub about: &'static str,
    /// Path below `/api/v1`.
    pub path: &'static str,
    /// How the records are read.
    pub feed: Feed,
    /// Scopes of the refresh token that the path needs.
    pub scopes: &'static [&'static str],
    /// Largest `limit` that the path is known to take; a 422 may lower it during a run.
    pub page_limit: u32,
    /// Number of the first row in `from`: Zoho counts searches from 0 and some lists from 1.
    pub first_row: u32,
    /// Filters that can cut one instant of modified time into smaller parts, in this order.
    pub splits: &'static [Split],
    /// Columns in table order; the first is the key.
    pub columns: &'static [Column],
}

/// How the records of a resource are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feed {
    /// A `/search` path: a range of modified time, ascending by it, with a `count` in each answer.
    Search {
        /// Query parameter that takes the range.
        range: &'static str,
        /// Column that says when a record last changed.
        cursor: &'static str,
    },
    /// A list with a range of modified time and no `count`.
    Filtered {
        /// Query parameter that takes the range.
        range: &'static str,
        /// Column that says when a record last changed.
        cursor: &'static str,
    },
}

impl Feed {
    /// Query parameter that takes the range of modified time.
    pub const fn range(&self) -> &'static str {
        match self {
            Self::Search { range, .. } | Self::Filtered { range, .. } => range,
        }
    }

    /// Column that says when a record last changed.
    pub const fn cursor(&self) -> &'static str {
        match self {
            Self::Search { cursor, .. } | Self::Filtered { cursor, .. } => cursor,
        }
    }
}

/// A filter that cuts records of one instant of modified time apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// `createdTimeRange`, read in order of created time.
    CreatedTime,
    /// `departmentId`, one department after the other.
    Department,
}

/// One column of a table.
#[derive(Debug)]
pub struct Column {
    /// Name in the table: the API's field in snake case.
    pub name: &'static str,
    /// JSON pointer into the record.
    pub pointer: &'static str,
    /// Type of the cell.
    pub kind: Kind,
    /// One sentence of meaning, for the data dictionary.
    pub meaning: &'static str,
    /// Table whose key this column holds.
    pub refers: Option<&'static str>,
}

/// Type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Text, ids included.
    Text,
    /// 64-bit integer.
    Integer,
    /// 64-bit floating point.
    Real,
    /// True or false.
    Boolean,
    /// Calendar date without time.
    Date,
    /// Instant in UTC with milliseconds.
    Timestamp,
    /// Object or array, as JSON.
    Json,
}

/// A column; see [`Column`] for the parts.
pub(super) const fn column(name: &'static str, pointer: &'static str, kind: Kind, meaning: &'static str) -> Column {
    Column { name, pointer, kind, meaning, refers: None }
}

impl Column {
    /// Says that the column holds the key of `table`. A name and not a reference: the table may belong to a
    /// resource that this version does not extract.
    pub(super) const fn refers(mut self, table: &'static str) -> Self {
        self.refers = Some(table);
        self
    }
}

impl Resource {
    /// Position and definition of the column that says when a record last changed.
    ///
    /// # Panics
    /// When the definition names no such column; the tests of `resource` hold every definition to it.
    pub fn cursor(&self) -> (usize, &'static Column) {
        let columns: &'static [Column] = self.columns;
        let name = self.feed.cursor();
        columns
            .iter()
            .enumerate()
            .find(|(_, column)| column.name == name)
            .unwrap_or_else(|| panic!("resource `{}` has no cursor column `{name}`", self.name))
    }
}
