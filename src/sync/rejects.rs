//! Records that an earlier version could make no row of: read once more by the readers of this one, from what was kept of
//! them. Single cells of rows are the warehouse's own business.

use serde_json::value::RawValue;

use super::context::Context;
use super::stream::Halt;
use crate::extract;
use crate::ledger::{Counts, Sight};
use crate::resource::{Feed, Resource};
use crate::transform::Mapper;
use crate::warehouse::{Found, Warehouse};

/// Records that are tried in one transaction.
const AT_ONCE: i64 = 500;

/// Lands those of them that fit by now. They are old news: a version that is held and newer stays.
pub(super) async fn read_again<W: Warehouse>(
    context: Context<'_, W>,
    resource: &'static Resource,
    counts: &mut Counts,
) -> Result<(), Halt> {
    // What belongs to a part of another record only the request for its list tells.
    if resource.feed == Feed::Children {
        return Ok(());
    }
    let mapper = Mapper::new(resource, context.plan.keep_raw);
    loop {
        let kept = context.warehouse.rejected(resource, AT_ONCE).await?;
        if kept.is_empty() {
            return Ok(());
        }
        let now = context.client.portal_now();
        // It tells nothing of what has become of the record since, its deletion above all.
        let mut found = Found { sight: Sight::Shown, ..Found::new(resource, context.run, now) };
        // What was kept as received is JSON; what could not be is a text, which makes no row either.
        let records = kept.into_iter().filter_map(|raw| RawValue::from_string(raw).ok());
        found.rows.extend(records.filter_map(|raw| mapper.row(extract::record(resource, raw)).ok()));
        for landed in context.warehouse.land_found(vec![found], None).await? {
            *counts += landed.counts;
        }
    }
}
