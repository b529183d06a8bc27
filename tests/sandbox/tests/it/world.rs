//! The world itself: repeatable, of the promised size, and as unpleasant as promised.

use std::collections::{BTreeMap, BTreeSet};

use chrono::Duration;
use desk_sandbox::{Sandbox, Settings};
use serde_json::Value;

use crate::support::{small, text, time, today, widest_tie};

pub(crate) const MODULES: [&str; 8] =
    ["tickets", "contacts", "tasks", "articles", "accounts", "calls", "events", "products"];

#[test]
fn the_same_seed_makes_the_same_world_and_the_same_changes() {
    let live = |seed| {
        let sandbox = Sandbox::new(Settings { seed, ..small() });
        sandbox.advance(Duration::seconds(9));
        let changed = [
            sandbox.edit("tickets", 5),
            sandbox.create("contacts", 2),
            sandbox.delete("tasks", 3),
            sandbox.mass_edit("articles", 4),
        ];
        (MODULES.map(|module| sandbox.records(module)), changed)
    };
    assert_eq!(live(1), live(1));
    assert_ne!(live(1).0, live(2).0);
}

#[test]
fn values_that_are_none_come_and_go_with_the_versions() {
    let sandbox = Sandbox::new(Settings { unreadable: 50, ..small() });
    let (same, plain) = (Sandbox::new(Settings { unreadable: 50, ..small() }), Sandbox::new(small()));
    assert_eq!(sandbox.records("tickets"), same.records("tickets"));
    let odd = |sandbox: &Sandbox| {
        let pairs = sandbox.records("tickets").into_iter().zip(plain.records("tickets"));
        pairs.map(|(one, other)| one["subject"] == other["subject"] && one != other).collect::<Vec<_>>()
    };
    let before = odd(&sandbox);
    let count = before.iter().filter(|odd| **odd).count();
    assert!((300..500).contains(&count), "{count} of 800");
    for (module, size) in [("tasks", 80), ("calls", 40), ("articles", 64), ("contacts", 100)] {
        assert_eq!(sandbox.records(module).len(), size);
        assert_ne!(sandbox.records(module), plain.records(module), "{module}");
    }
    for both in [&sandbox, &plain] {
        both.advance(Duration::seconds(9));
        both.edit("tickets", 400);
    }
    assert_ne!(odd(&sandbox), before, "another version, another value");
}

#[test]
fn every_module_has_its_size_and_ids_ascend() {
    let sandbox = Sandbox::new(small());
    for (module, size) in [
        ("tickets", 800),
        ("contacts", 100),
        ("tasks", 80),
        ("articles", 64),
        ("accounts", 16),
        ("calls", 40),
        ("events", 20),
        ("products", 24),
    ] {
        let records = sandbox.records(module);
        assert_eq!(records.len(), size);
        let ids: Vec<String> = records.iter().map(|row| text(row, "id")).collect();
        assert!(ids.is_sorted() && ids.iter().collect::<BTreeSet<_>>().len() == size);
        assert!(ids.iter().all(|id| id.len() == 18));
        for row in &records {
            let (created, modified) = (time(row, "createdTime"), time(row, "modifiedTime"));
            assert!(
                created <= modified && modified <= today() && created >= today() - Duration::days(4 * 365 + 1),
                "{row}"
            );
            assert!(text(row, "modifiedTime").ends_with(".000Z"));
        }
    }
    assert_eq!(Sandbox::new(Settings { tickets: 0, ..small() }).records("tasks").len(), 0);
}

#[test]
fn mass_edits_share_one_second_across_the_years() {
    let sandbox = Sandbox::new(Settings { tickets: 2_000, mass_edits: vec![350, 1_200], ..small() });
    let records = sandbox.records("tickets");
    let mut counts = BTreeMap::<String, BTreeSet<String>>::new();
    for row in &records {
        counts.entry(text(row, "modifiedTime")).or_default().insert(text(row, "createdTime"));
    }
    let mut widest: Vec<usize> = counts.values().map(BTreeSet::len).collect();
    widest.sort_unstable_by(|one, two| two.cmp(one));
    assert!(widest[0] >= 490 && widest[1] >= 345, "the second is capped to a quarter: {:?}", &widest[..3]);
    let (tie, count) = widest_tie(&records);
    assert_eq!(count, 500);
    let years: BTreeSet<&str> = counts[&tie].iter().map(|created| &created[..4]).collect();
    assert!(years.len() >= 4, "{years:?}");
}

#[test]
fn an_import_shares_both_seconds_and_spreads_over_the_departments() {
    let sandbox = Sandbox::new(Settings { same_instant: vec![120, 60], ..small() });
    let records = sandbox.records("tickets");
    let (tie, _) = widest_tie(
        &records.iter().filter(|row| row["createdTime"] == row["modifiedTime"]).cloned().collect::<Vec<_>>(),
    );
    let import: Vec<&Value> = records.iter().filter(|row| row["createdTime"] == tie.as_str()).collect();
    assert_eq!(import.len(), 120);
    assert!(import.iter().all(|row| row["modifiedTime"] == tie.as_str()));
    let mut departments = BTreeMap::<String, usize>::new();
    for row in import {
        *departments.entry(text(row, "departmentId")).or_default() += 1;
    }
    assert!(departments.len() == 5 && departments.values().all(|count| (20..=28).contains(count)), "{departments:?}");
}

#[test]
fn rows_are_as_varied_as_real_ones() {
    let sandbox = Sandbox::new(Settings { tickets: 3_000, ..small() });
    let rows = sandbox.records("tickets");
    let size = rows.iter().map(|row| row.to_string().len()).sum::<usize>() / rows.len();
    assert!((1_700..3_200).contains(&size), "{size}");
    let some = |test: &dyn Fn(&Value) -> bool| assert!(rows.iter().any(test));
    some(&|row| row["description"].as_str().is_some_and(|text| text.contains("<p>")));
    some(&|row| row["description"].is_null());
    some(&|row| row["description"].as_str().is_some_and(|text| text.contains('\n')));
    some(&|row| text(row, "subject").contains('😕'));
    some(&|row| text(row, "subject").contains('ط'));
    some(&|row| text(row, "subject").contains('"'));
    some(&|row| row["isEscalated"].is_string());
    some(&|row| row["isEscalated"].is_boolean());
    some(&|row| row.get("accountId").is_none());
    some(&|row| row["isArchived"] == true);
    some(&|row| row["isSpam"] == true);
    some(&|row| row["priority"].is_null());
    some(&|row| row["cf"]["cf_gift"].is_boolean());
    some(&|row| row["cf"]["cf_order_number"].is_string());
    some(&|row| row["cf"]["cf_wishes"].as_array().is_some_and(|wishes| wishes.len() > 1));
    some(&|row| {
        !text(row, "modifiedTime").is_empty()
            && row["customerResponseTime"].as_str().is_some_and(|time| !time.ends_with("000Z"))
    });
    assert!(rows.iter().all(|row| row["threadCount"].is_string()));
    let types: BTreeSet<String> = rows.iter().map(|row| text(row, "statusType")).collect();
    assert_eq!(types.into_iter().collect::<Vec<_>>(), ["Closed", "On Hold", "Open"]);
}

/// The shapes of the vendor's specification, as far as rows show them.
#[test]
fn every_field_of_the_specification_occurs() {
    let sandbox = Sandbox::new(Settings { tickets: 3_000, ..small() });
    for (module, names) in [
        (
            "tickets",
            "id ticketNumber subject description resolution status statusType classification category subCategory channel language priority \
             email phone webUrl cf customFields departmentId contactId accountId productId assigneeId teamId slaId layoutId createdBy \
             modifiedBy createdTime modifiedTime customerResponseTime dueDate responseDueDate onholdTime closedTime lockedTime isArchived \
             isSpam isRead isEscalated isOverDue threadCount commentCount childTicketCount relationshipType contact assignee department team \
             product lastThread parentTicket sourceTicket sharedDepartments secondaryContacts entitySkills",
        ),
        (
            "contacts",
            "id firstName lastName email secondaryEmail phone mobile type title accountId account ownerId owner layoutId photoURL webUrl \
             description street city state country zip facebook twitter isEndUser zohoCRMContact customerHappiness cf customFields \
             createdTime modifiedTime",
        ),
        (
            "tasks",
            "id subject status statusType priority category description activityType departmentId department ownerId creatorId modifiedBy \
             assignee contactId contact ticketId ticket layoutId reminder isCommented dueDate completedTime createdTime modifiedTime webUrl \
             cf customFields",
        ),
        (
            "accounts",
            "id accountName website email phone fax code industry annualrevenue description street city state country ownerId owner \
             layoutId webUrl cf customFields createdTime modifiedTime",
        ),
        (
            "calls",
            "id subject status statusType direction priority description activityType duration startTime completedTime departmentId \
             department ownerId creatorId modifiedBy assignee contactId contact ticketId ticket layoutId reminder isCommented createdTime \
             modifiedTime webUrl cf customFields",
        ),
        (
            "events",
            "id subject status statusType priority category description activityType duration startTime completedTime departmentId \
             department ownerId creatorId modifiedBy assignee contactId contact ticketId ticket reminder isCommented createdTime modifiedTime \
             webUrl cf customFields",
        ),
        (
            "products",
            "id productName productCode productCategory manufacturer unitPrice description departmentIds ownerId layoutId createdBy \
             modifiedBy createdTime modifiedTime cf customFields",
        ),
        (
            "articles",
            "id title summary permalink status permission createdTime modifiedTime authorId webUrl portalUrl latestVersion \
             latestVersionStatus latestPublishedVersion departmentId creatorId modifierId ownerId latestVersionModifierId locale \
             sourceLocale translationId translationState translationSource isTrashed isTemplate isLocked templateUsageCount \
             templateUsedUsersCount templateLastUpdatedTime likeCount dislikeCount viewCount usageCount commentCount feedbackCount \
             attachmentCount position rootCategoryId categoryId category createdBy modifiedBy owner author latestVersionModifiedBy \
             availableLocaleTranslations articleNumber secondaryTitles",
        ),
    ] {
        let rows = sandbox.records(module);
        let shown: BTreeSet<&str> =
            rows.iter().filter_map(Value::as_object).flat_map(|row| row.keys()).map(String::as_str).collect();
        assert_eq!(shown, names.split_whitespace().collect(), "{module}");
    }
}
