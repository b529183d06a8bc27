//! How an article looks, in a list and alone.

use crate::cast::Cast;
use crate::record::{Made, Module, Record, id_of};
use crate::row::{Row, quoted};
use crate::words::{ARTICLE_STATUSES, ARTICLES, PRODUCTS, SENTENCES};

const CATEGORIES: [&str; 4] = ["Getting started", "Orders & delivery", "Troubleshooting", "About us"];

pub(crate) fn article(cast: &Cast, record: &Record, made: &Made, alone: bool) -> String {
    let mut fixed = cast.dice(Module::Articles, made.serial, 1);
    let mut fresh = cast.dice(Module::Articles, made.serial, 1_000 + made.revision);
    let status = ARTICLE_STATUSES[usize::from(made.status)];
    let version = format!("{}.0", 1 + made.revision);
    let title = format!("{}: {}", fixed.pick(&PRODUCTS), fixed.pick(&ARTICLES));
    let permalink = format!("article-{}", made.serial + 1);
    let (author, modifier) = (made.serial as u8 % 12, (made.serial + made.revision) as u8 % 12);
    let category = made.serial % CATEGORIES.len() as u32;
    let translation = id_of(15, made.serial);
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
    row.text("locale", "en-us");
    row.text("sourceLocale", "en-us");
    row.number("translationId", translation);
    row.text("translationState", "UP-TO-DATE");
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
    let mut locale = Row::new();
    locale.number("translationId", translation);
    locale.text("locale", "en-us");
    locale.text("status", status);
    locale.flag("isTrashed", false);
    locale.flag("isLocked", false);
    locale.text("latestVersion", &version);
    locale.number("authorId", cast.agent_id(author));
    locale.text("translationState", "UP-TO-DATE");
    row.array("availableLocaleTranslations", [locale.finish()]);
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
