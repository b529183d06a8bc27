//! The portal's own short lists, such as departments and agents: what each path takes, and its rows, which a test may
//! change. What the rows look like at the beginning is in `portal`.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value};

use crate::answer::Answer;
use crate::cast::{AGENTS, Cast, DEPARTMENTS};
use crate::portal;
use crate::query::Query;
use crate::record::millis;
use crate::settings::Settings;
use crate::setup;

/// A path that gives a list.
#[derive(Debug)]
pub(crate) struct Shape {
    pub(crate) path: &'static str,
    /// Name of the array in the answer.
    wrapper: &'static str,
    /// Field by which a row is known.
    key: &'static str,
    /// Number of the first row; none where the vendor does not say, which [`Settings::list_base`] settles.
    base: Option<u32>,
    /// Smallest, largest and usual `limit`; none where the list comes whole.
    limit: Option<(u32, u32, u32)>,
    /// Fields that it can be sorted by; the direction is a `-` or none.
    sorts: &'static [&'static str],
    /// Parameter that takes a range of times, and the field that it is one of. Without it the list is that of the last
    /// seven days.
    range: Option<(&'static str, &'static str)>,
    /// Filters and the like, which are taken and change nothing.
    params: &'static [&'static str],
    /// A parameter that has to be there, and its values.
    pub(crate) each: Option<(&'static str, &'static [&'static str])>,
    /// Objects that are shown only if `include` names them.
    include: &'static [&'static str],
    /// Fields that only a single record shows.
    alone: &'static [&'static str],
    /// Scopes of which one is needed.
    pub(crate) scopes: &'static [&'static str],
}

const PLAIN: Shape = Shape {
    path: "",
    wrapper: "data",
    key: "id",
    base: Some(0),
    limit: None,
    sorts: &[],
    range: None,
    params: &[],
    each: None,
    include: &[],
    alone: &[],
    scopes: &["Desk.basic.READ", "Desk.settings.READ"],
};

pub(crate) static SHAPES: &[Shape] = &[
    Shape {
        path: "departments",
        limit: Some((0, 200, 10)),
        params: &["chatStatus", "searchStr", "isEnabled"],
        scopes: &["Desk.basic.READ", "Desk.departments.READ", "Desk.settings.READ"],
        ..PLAIN
    },
    Shape {
        path: "agents",
        limit: Some((0, 200, 10)),
        params: &[
            "roleIds",
            "profileIds",
            "departmentIds",
            "searchStr",
            "cfSearchStr",
            "cfFieldName",
            "fieldName",
            "isLightAgent",
            "sortOrder",
            "rolePermissionType",
            "isConfirmed",
            "status",
        ],
        include: &["profile", "role"],
        scopes: &["Desk.agents.READ", "Desk.basic.READ", "Desk.settings.READ"],
        ..PLAIN
    },
    // A limit of 0 is none here.
    Shape {
        path: "teams",
        wrapper: "teams",
        limit: Some((0, 200, 0)),
        scopes: &["Desk.basic.READ", "Desk.settings.READ", "Desk.teams.READ"],
        ..PLAIN
    },
    Shape {
        path: "roles",
        limit: Some((0, 500, 10)),
        params: &["isDefault", "searchStr", "isVisible"],
        scopes: &["Desk.basic.READ", "Desk.permissions.READ", "Desk.settings.READ"],
        ..PLAIN
    },
    Shape {
        path: "profiles",
        limit: Some((1, 250, 250)),
        params: &["default", "visible", "searchStr", "fields"],
        scopes: &["Desk.basic.READ", "Desk.permissions.READ", "Desk.settings.READ"],
        ..PLAIN
    },
    Shape {
        path: "kbRootCategories",
        base: Some(1),
        limit: Some((1, 700, 50)),
        params: &["isReviewEnabled", "departmentId", "locale", "searchValue", "status", "isTrashed", "visibility"],
        scopes: &["Desk.articles.READ"],
        ..PLAIN
    },
    Shape {
        path: "businessHours",
        base: None,
        limit: Some((1, 50, 10)),
        params: &["businessHourIds", "status"],
        scopes: &["Desk.automations.READ", "Desk.settings.READ"],
        ..PLAIN
    },
    Shape {
        path: "holidayList",
        base: None,
        limit: Some((1, 50, 10)),
        params: &["status"],
        alone: &["holidays"],
        scopes: &["Desk.automations.READ", "Desk.settings.READ"],
        ..PLAIN
    },
    Shape {
        path: "contracts",
        limit: Some((1, 100, 10)),
        sorts: &["accountName", "contractName", "contractEndDate", "contractStartDate", "createdTime", "modifiedTime"],
        params: &["viewId", "accountId", "ownerIds", "contractName", "departmentIds", "fields", "filters", "filterId"],
        alone: &[
            "contractNumber",
            "description",
            "notifyOn",
            "notifyBefore",
            "notificationAgentIds",
            "layoutId",
            "cf",
            "customFields",
            "createdTime",
            "modifiedTime",
            "createdBy",
            "modifiedBy",
        ],
        scopes: &["Desk.contracts.READ", "Desk.settings.READ"],
        ..PLAIN
    },
    Shape {
        path: "articleFeedbacks",
        base: Some(1),
        limit: Some((1, 50, 10)),
        sorts: &["createdTime"],
        range: Some(("timeRange", "createdTime")),
        params: &["locale", "rootCategoryIds", "departmentIds"],
        scopes: &["Desk.articles.READ"],
        ..PLAIN
    },
    Shape { path: "channels", key: "code", scopes: &["Desk.basic.READ"], ..PLAIN },
    Shape {
        path: "organizationModules",
        wrapper: "modules",
        scopes: &["Desk.basic.READ", "Desk.modules.READ", "Desk.settings.READ"],
        ..PLAIN
    },
    Shape {
        path: "fields",
        params: &["apiNames", "filter", "associatedDepartments"],
        each: Some(("module", setup::MODULES)),
        scopes: &["Desk.basic.READ", "Desk.fields.READ"],
        ..PLAIN
    },
    Shape {
        path: "layouts",
        limit: Some((1, 99, 99)),
        params: &["status", "layoutName", "departmentId", "id"],
        each: Some(("module", setup::MODULES)),
        scopes: &["Desk.basic.READ", "Desk.layouts.READ"],
        ..PLAIN
    },
];

/// The rows of every list, each with the value that its list was asked for with; empty where none is.
#[derive(Debug)]
pub(crate) struct Directory(Vec<Vec<(&'static str, Map<String, Value>)>>);

impl Shape {
    pub(crate) fn of(path: &str) -> Option<&'static Self> {
        SHAPES.iter().find(|shape| shape.path == path)
    }

    fn shown(&self, row: &Map<String, Value>, include: &[String]) -> Value {
        let mut row = row.clone();
        let is_extra = |name: &str| self.include.contains(&name) && !include.iter().any(|asked| asked == name);
        row.retain(|name, _| !self.alone.contains(&name.as_str()) && !is_extra(name));
        Value::Object(row)
    }

    fn place(&self) -> usize {
        SHAPES.iter().position(|shape| shape.path == self.path).unwrap_or_default()
    }
}

impl Directory {
    pub(crate) fn new(cast: &Cast) -> Self {
        Self(SHAPES.iter().map(|shape| rows(cast, shape)).collect())
    }

    /// The rows of a list, of every value, without what `include` adds and with what only a single record shows.
    pub(crate) fn rows(&self, shape: &Shape) -> Vec<Value> {
        let mut rows = self.0[shape.place()].iter().map(|(_, row)| row.clone()).collect::<Vec<_>>();
        rows.iter_mut().for_each(|row| row.retain(|name, _| !shape.include.contains(&name.as_str())));
        rows.into_iter().map(Value::Object).collect()
    }

    /// A single record.
    pub(crate) fn one(&self, shape: &Shape, key: &str) -> Option<Value> {
        self.rows(shape).into_iter().find(|row| row[shape.key] == key)
    }

    /// Replaces the row with the same key, or adds one at the end.
    pub(crate) fn put(&mut self, shape: &Shape, value: &str, row: Map<String, Value>) {
        let value = shape.each.and_then(|(_, values)| values.iter().find(|known| **known == value)).map_or("", |v| v);
        let rows = &mut self.0[shape.place()];
        match rows.iter_mut().find(|(_, held)| held[shape.key] == row[shape.key]) {
            Some(held) => *held = (value, row),
            None => rows.push((value, row)),
        }
    }

    pub(crate) fn remove(&mut self, shape: &Shape, key: &str) {
        self.0[shape.place()].retain(|(_, row)| row[shape.key] != key);
    }

    pub(crate) fn answer(
        &self,
        settings: &Settings,
        shape: &Shape,
        query: &Query,
        now: DateTime<Utc>,
    ) -> Result<Answer, Answer> {
        let paged: &[&str] = if shape.limit.is_some() { &["limit", "from"] } else { &[] };
        let included: &[&str] = if shape.include.is_empty() { &[] } else { &["include"] };
        let each = shape.each.map(|(name, _)| name);
        let sorted: &[&str] = if shape.sorts.is_empty() { &[] } else { &["sortBy"] };
        let range = shape.range.map(|(name, _)| name);
        query
            .allow(shape.params.iter().chain(paged).chain(included).chain(sorted).copied().chain(each).chain(range))?;
        let value = match shape.each {
            None => "",
            Some((name, values)) => match query.get(name) {
                Some(value) if values.contains(&value) => value,
                Some(_) => return Err(Answer::unprocessable(&invalid(name))),
                None => return Err(Answer::unprocessable(&format!("The parameter '{name}' is missing."))),
            },
        };
        let shown = crate::lists::include(query, shape.include)?;
        let mut rows: Vec<_> = self.0[shape.place()].iter().filter(|(of, _)| *of == value).collect();
        if let Some((name, field)) = shape.range {
            let week = ((now - TimeDelta::days(7)).timestamp_millis(), now.timestamp_millis());
            let (from, to) = query.range(name)?.unwrap_or(week);
            rows.retain(|(_, row)| millis(&row[field]).is_some_and(|time| (from..=to).contains(&time)));
        }
        if let Some((field, descending)) = query.sort(shape.sorts)? {
            // Times and names as texts, which sort as they should.
            rows.sort_by_key(|(_, row)| row.get(field).and_then(Value::as_str));
            if descending {
                rows.reverse();
            }
        }
        if let Some((least, most, usual)) = shape.limit {
            let base = shape.base.unwrap_or(settings.list_base);
            let limit = query.number("limit", least..=most, usual)?;
            let limit = if limit == 0 && usual == 0 { most } else { limit };
            let from = query.number("from", base..=u32::MAX, base)?;
            rows.drain(..((from - base) as usize).min(rows.len()));
            rows.truncate(limit.min(settings.list_cap) as usize);
        }
        let rows: Vec<String> = rows.into_iter().map(|(_, row)| shape.shown(row, &shown).to_string()).collect();
        Ok(Answer::list_in(shape.wrapper, &rows))
    }
}

fn invalid(name: &str) -> String {
    format!("The value passed for the '{name}' query parameter is invalid.")
}

fn rows(cast: &Cast, shape: &Shape) -> Vec<(&'static str, Map<String, Value>)> {
    let read = |text: String| serde_json::from_str(&text).unwrap_or_default();
    let values = shape.each.map_or(&[""] as &[_], |(_, values)| values);
    let rows = |value: &'static str| -> Vec<Value> {
        match shape.path {
            "departments" => (0..DEPARTMENTS).map(|number| read(portal::department(cast, number))).collect(),
            "agents" => (0..AGENTS).map(|number| read(portal::agent(cast, number, shape.include))).collect(),
            path => setup::rows(cast, path, value),
        }
    };
    let mut all = Vec::new();
    for value in values {
        all.extend(rows(value).into_iter().filter_map(|row| Some((*value, row.as_object()?.clone()))));
    }
    all
}
