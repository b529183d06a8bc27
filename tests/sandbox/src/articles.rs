//! How an article looks, in a list and alone, and how its translations do.

use crate::cast::Cast;
use crate::record::{Made, Module, Record, id_of};
use crate::row::{Row, quoted};
use crate::words::{ARTICLE_STATUSES, ARTICLES, PRODUCTS, SENTENCES};

const CATEGORIES: [&str; 4] = ["Getting started", "Orders & delivery", "Troubleshooting", "About us"];

/// Locales that articles are translated into, the one first that all are written in. Each with the kind of its ids.
const LOCALES: [(&str, u64); 3] = [("en-us", 15), ("de", 20), ("fr", 21)];

/// Who sees the text: the list of articles or of translations, or the reader of one article.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Face {
    Row,
    Alone,
    Translation,
}

pub(crate) fn article(cast: &Cast, record: &Record, made: &Made, alone: bool) -> String {
    text(cast, record, made, 0, if alone { Face::Alone } else { Face::Row })
}

/// All translations of an article, its own locale first.
pub(crate) fn translations(cast: &Cast, record: &Record, made: &Made) -> Vec<String> {
    locales(made).map(|locale| text(cast, record, made, locale, Face::Translation)).collect()
}

/// The locales that an article has at this revision: an edit may bring one or take one away.
fn locales(made: &Made) -> impl Iterator<Item = usize> {
    let (serial, revision) = (made.serial, made.revision);
    let translated = [true, serial.is_multiple_of(3), serial % 8 == 1 && revision.is_multiple_of(2)];
    (0..LOCALES.len()).filter(move |locale| translated[*locale])
}

fn text(cast: &Cast, record: &Record, made: &Made, locale: usize, face: Face) -> String {
    let alone = face == Face::Alone;
    let mut fixed = cast.dice(Module::Articles, made.serial, 1);
    let mut fresh = cast.dice(Module::Articles, made.serial, 1_000 + made.revision);
    let status = ARTICLE_STATUSES[usize::from(made.status)];
    let version = format!("{}.0", 1 + made.revision);
    let translation_of = |locale: usize| id_of(LOCALES[locale].1, made.serial);
    let mut title = format!("{}: {}", fixed.pick(&PRODUCTS), fixed.pick(&ARTICLES));
    if locale > 0 {
        title.push_str(&format!(" ({})", LOCALES[locale].0));
    }
    let permalink = format!("article-{}", made.serial + 1);
    let (author, modifier) = (made.serial as u8 % 12, (made.serial + made.revision) as u8 % 12);
    let category = made.serial % CATEGORIES.len() as u32;
    let published = status == "Published";

    let mut row = Row::new();
    row.number("id", record.key);
    row.text("title", &title);
    row.maybe("summary", fixed.chance(80).then(|| fixed.pick(&SENTENCES)));
    row.text("permalink", &permalink);
    row.text("status", status);
    row.text("permission", fixed.pick(&["ALL", "ALL", "REGISTEREDUSERS", "AGENTS"]));
    row.time("createdTime", record.created);
    row.time("modifiedTime", record.modified);
    row.text("webUrl", &format!("https://desk.example/agent/portal/kb/articles/{permalink}"));
    row.text("portalUrl", &format!("https://help.example/portal/en/kb/articles/{permalink}"));
    row.text("latestVersion", &version);
    row.text("latestVersionStatus", status);
    row.maybe("latestPublishedVersion", published.then_some(version.as_str()));
    row.number("departmentId", cast.department_id(made.department));
    for name in ["authorId", "creatorId", "ownerId"] {
        row.number(name, cast.agent_id(author));
    }
    for name in ["modifierId", "latestVersionModifierId"] {
        row.number(name, cast.agent_id(modifier));
    }
    row.text("locale", LOCALES[locale].0);
    row.text("sourceLocale", LOCALES[0].0);
    row.number("translationId", translation_of(locale));
    row.text(
        "translationState",
        if locale > 0 && !made.revision.is_multiple_of(2) { "OUTDATED" } else { "UP-TO-DATE" },
    );
    row.object("translationSource", |source| {
        source.text("locale", "en-us");
        source.text("version", &version);
    });
    for flag in ["isTrashed", "isTemplate", "isLocked"] {
        row.flag(flag, false);
    }
    row.number("templateUsageCount", 0);
    row.number("templateUsedUsersCount", 0);
    row.null("templateLastUpdatedTime");
    for name in ["likeCount", "dislikeCount", "viewCount", "usageCount", "commentCount"] {
        row.number(name, fresh.below(500));
    }
    row.number("feedbackCount", fresh.below(9));
    row.number("attachmentCount", fixed.below(3));
    row.plain_number("position", u64::from(made.serial));
    row.number("rootCategoryId", id_of(14, 100));
    row.number("categoryId", id_of(14, category));
    row.object("category", |inner| {
        inner.number("id", id_of(14, category));
        inner.text("name", CATEGORIES[category as usize]);
        inner.text("locale", "en-us");
    });
    for (name, number) in [
        ("createdBy", author),
        ("modifiedBy", modifier),
        ("owner", author),
        ("author", author),
        ("latestVersionModifiedBy", modifier),
    ] {
        row.object(name, |inner| agent(cast, inner, number));
    }
    if face == Face::Translation {
        row.array("secondaryTitles", None);
        return row.finish();
    }
    let available = locales(made).map(|locale| {
        let mut row = Row::new();
        row.number("translationId", translation_of(locale));
        row.text("locale", LOCALES[locale].0);
        row.text("status", status);
        row.flag("isTrashed", false);
        row.flag("isLocked", false);
        row.text("latestVersion", &version);
        row.number("authorId", cast.agent_id(author));
        row.text("translationState", "UP-TO-DATE");
        row.finish()
    });
    row.array("availableLocaleTranslations", available);
    row.text("articleNumber", &format!("KB-{}", made.serial + 1));
    row.object("secondaryTitles", |titles| titles.array("secondaryTitles", None));
    if alone {
        row.text(
            "answer",
            &format!("<h1>{title}</h1>\n<p>{}</p><p>{}</p>", fixed.pick(&SENTENCES), fresh.pick(&SENTENCES)),
        );
        row.array("tags", [quoted("returns"), quoted("warranty & repair")]);
        row.array("attachments", None);
        row.text("currentVersion", &version);
        row.object("metrics", |metrics| metrics.number("viewCount", 1));
        row.object("seo", |seo| {
            seo.maybe("title", title.as_str());
            seo.flag("isEnabled", true);
        });
        row.flag("isFollowing", false);
        for name in ["reviewedBy", "reviewedTime", "myVote", "expiryDate"] {
            row.null(name);
        }
    }
    row.finish()
}

fn agent(cast: &Cast, row: &mut Row, number: u8) {
    let agent = cast.agent(number);
    row.number("id", agent.id);
    row.text("name", &format!("{} {}", agent.first.unwrap_or_default(), agent.last));
    row.null("photoURL");
    row.text("status", "ACTIVE");
    row.number("zuid", cast.zuid(number));
}
