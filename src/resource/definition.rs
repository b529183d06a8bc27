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
    /// Largest `limit` that the path is known to take; a 422 may lower it during a run. 0 for a list that comes whole.
    pub page_limit: u32,
    /// Number of the first row in `from`: Zoho counts searches from 0 and some lists from 1.
    pub first_row: u32,
    /// Filters that can cut one instant of modified time into smaller parts, in this order.
    pub splits: &'static [Split],
    /// Whether deleted records go to the portal's recycle bin first.
    pub has_bin: bool,
    /// The list of archived records, where the path above may leave them out.
    pub archive: Option<&'static Archive>,
    /// Path below a single record of the events that it went through, where there is one.
    pub history: Option<&'static str>,
    /// The list of what is there and not archived, newest first and one department at a time, where the path above is a search:
    /// that may go on showing what has left.
    pub plain: Option<&'static str>,
    /// Columns in table order; the first is the key.
    pub columns: &'static [Column],
}

/// A list of archived records, one department at a time.
#[derive(Debug, PartialEq, Eq)]
pub struct Archive {
    /// Its name in the ledger.
    pub name: &'static str,
    /// Path below `/api/v1`.
    pub path: &'static str,
    /// Column that is true for an archived record.
    pub flag: &'static str,
    /// Column that holds its department.
    pub department: &'static str,
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
        /// Whether the list is not all of it when it is asked for without a range.
        needs_range: bool,
    },
    /// A list that takes no range and is short: all of it each time, and what it does not have is gone.
    List(List),
    /// A short list below each record of another resource, whose key takes the place of the braces in the path: read when
    /// that record has changed, and what it does not have is gone. Which resource that is, says the column that has
    /// [`Column::is_part`].
    Children,
}

/// How a list that is read whole is asked for.
///
/// The bases of `from` differ between lists and are unknown for some, so that none is written down here: a list is begun
/// without `from`, and read on with an overlap (see `extract::pager`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct List {
    /// Name of the array of records in the answer.
    pub records: &'static str,
    /// Parameters of every request.
    pub with: &'static [(&'static str, &'static str)],
    /// A parameter that the path insists on, and its values: one list for each of them.
    pub each: Option<(&'static str, &'static [&'static str])>,
    /// Where the list leaves out so much that each record that has changed is read by itself as well: how it is known
    /// which these are.
    pub detail: Option<Detail>,
}

/// How it is known which records of a list have changed: by their time of change, and by what the list shows of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Detail {
    /// Column of the time of change.
    pub time: &'static str,
    /// The list does not tell that time, and is sorted by it, newest first: what comes after a record that is older than
    /// the last reading has not changed.
    pub newest_first: bool,
}

impl List {
    /// A list like most.
    pub const PLAIN: Self = Self { records: "data", with: &[], each: None, detail: None };
}

/// Modules as the paths of fields and layouts name them (zoho/zohodesk-oas, `Layout.json`).
pub(super) const MODULES: &[&str] =
    &["tickets", "contacts", "accounts", "tasks", "calls", "events", "timeEntry", "products", "contracts"];

impl Feed {
    /// Query parameter that takes the range of modified time; none for a list.
    pub const fn range(&self) -> Option<&'static str> {
        match self {
            Self::Search { range, .. } | Self::Filtered { range, .. } => Some(range),
            Self::List(_) | Self::Children => None,
        }
    }

    /// Whether each answer counts the records that match.
    pub const fn is_counted(&self) -> bool {
        matches!(self, Self::Search { .. })
    }

    /// Column that says when a record last changed and which of two versions is the newer one; none for a list, which is
    /// the newest there is.
    pub const fn cursor(&self) -> Option<&'static str> {
        match self {
            Self::Search { cursor, .. } | Self::Filtered { cursor, .. } => Some(cursor),
            Self::List(_) | Self::Children => None,
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
    /// `status`, by its types: `${OPEN}` and so on, of which each status has one.
    Status,
    /// `assigneeId`, one agent after the other, and those of nobody.
    Assignee,
}

/// One column of a table.
#[derive(Debug)]
pub struct Column {
    /// Name in the table: the API's field in snake case.
    pub name: &'static str,
    /// JSON pointer into the record; `?name` for a value that only the request holds, in its parameter of that name.
    pub pointer: &'static str,
    /// Type of the cell.
    pub kind: Kind,
    /// One sentence of meaning, for the data dictionary.
    pub meaning: &'static str,
    /// Table whose key this column holds.
    pub refers: Option<&'static str>,
    /// Whether the record is a part of that one, and goes when it goes.
    pub is_part: bool,
    /// Whether only the record read alone has it: null unless details are asked for.
    pub is_detail: bool,
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

/// API credits that a request for a single record takes (the vendor's table of API credits, 2026).
pub const CREDITS_OF_ONE: u64 = 1;

/// What definitions of short lists have in common, to be completed.
pub(super) const LIST: Resource = Resource {
    name: "",
    about: "",
    path: "",
    feed: Feed::List(List::PLAIN),
    scopes: &[],
    page_limit: 0,
    first_row: 0,
    splits: &[],
    has_bin: false,
    archive: None,
    history: None,
    plain: None,
    columns: &[],
};

/// A column; see [`Column`] for the parts.
pub(super) const fn column(name: &'static str, pointer: &'static str, kind: Kind, meaning: &'static str) -> Column {
    Column { name, pointer, kind, meaning, refers: None, is_part: false, is_detail: false }
}

impl Column {
    /// Says that the column holds the key of `table`. A name and not a reference: the table may belong to a
    /// resource that this version does not extract.
    pub(super) const fn refers(mut self, table: &'static str) -> Self {
        self.refers = Some(table);
        self
    }

    /// Says that only the record read alone has the column.
    pub(super) const fn of_detail(mut self) -> Self {
        self.is_detail = true;
        self
    }

    /// Says that the column holds the key of a record of `table` that this one is a part of: it goes when that one goes.
    pub(super) const fn part_of(mut self, table: &'static str) -> Self {
        self.is_part = true;
        self.refers(table)
    }
}

impl Resource {
    /// Pages that so many rows take, about: each begins with the last row of the one before.
    pub const fn pages_of(&self, rows: u64) -> u64 {
        let new = self.page_limit.saturating_sub(1);
        rows / (if new == 0 { 1 } else { new as u64 }) + 1
    }

    /// API credits that a request takes for as long as it reaches no deeper than 2,000 rows: a call that gives a range of
    /// records costs 3, whatever its limit (the vendor's table of API credits, 2026). What it did cost comes with each
    /// answer.
    pub const fn credits_per_request(&self) -> u32 {
        match self.feed {
            Feed::Search { .. } | Feed::Filtered { .. } | Feed::List(_) | Feed::Children => 3,
        }
    }

    /// Field of a record that holds its key.
    pub fn key_field(&self) -> &'static str {
        self.columns[0].pointer.trim_start_matches('/')
    }

    /// Field of a record that says when it last changed, and by which a search or a list sorts it.
    pub fn time_field(&self) -> &'static str {
        self.cursor().map_or("modifiedTime", |(_, column)| column.pointer.trim_start_matches('/'))
    }

    /// Field of a record that says whether it is archived, where some are.
    pub fn archive_field(&self) -> Option<&'static str> {
        let (columns, archive): (&'static [Column], _) = (self.columns, self.archive?);
        columns.iter().find(|column| column.name == archive.flag).map(|column| column.pointer.trim_start_matches('/'))
    }

    /// Path of the list below a record of the parent.
    pub fn path_below(&self, parent: &str) -> String {
        let (before, rest) = self.path.split_once('{').unwrap_or((self.path, ""));
        format!("{before}{parent}{}", rest.split_once('}').map_or("", |(_, after)| after))
    }

    /// Path of a single record: beside the search, or below the list.
    pub fn record_path(&self, id: &str) -> String {
        format!("{}/{id}", self.path.strip_suffix("/search").unwrap_or(self.path))
    }

    /// Whether a record read alone has columns that the search or list lacks.
    pub fn has_detail(&self) -> bool {
        self.columns.iter().any(|column| column.is_detail)
    }

    /// Column that holds the key of the record that a record of this resource is a part of.
    pub fn part(&self) -> Option<&'static Column> {
        let columns: &'static [Column] = self.columns;
        columns.iter().find(|column| column.is_part)
    }

    /// Position and definition of the column that says when a record last changed; none for a list.
    ///
    /// # Panics
    /// When the definition names a column that it does not have; the tests of `resource` hold every definition to it.
    pub fn cursor(&self) -> Option<(usize, &'static Column)> {
        let columns: &'static [Column] = self.columns;
        let name = self.feed.cursor()?;
        let found = columns.iter().enumerate().find(|(_, column)| column.name == name);
        Some(found.unwrap_or_else(|| panic!("resource `{}` has no cursor column `{name}`", self.name)))
    }
}
