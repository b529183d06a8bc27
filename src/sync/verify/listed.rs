//! Comparing a list that is read whole: the reading of it is the comparison.

use crate::ledger::Counts;
use crate::sync::list::Listing;
use crate::warehouse::Warehouse;

use super::{Compared, Early, Hand, Reason};

/// Reads the list and mends what differs, or only tells of it.
pub(super) async fn compare<W: Warehouse>(
    listing: &Listing<'_, W>,
    hand: Hand,
    counts: &mut Counts,
) -> (Compared, Option<Early>) {
    let mut compared = Compared { ranges: 1, ..Compared::default() };
    let early = match hand {
        Hand::Mend => listing.read_and_land(counts).await,
        Hand::Look => match listing.look().await {
            Ok((surplus, lacking)) => {
                (compared.surplus, compared.lacking) = (surplus, lacking);
                compared.differing = u64::from(surplus + lacking > 0);
                Ok(())
            }
            Err(halt) => Err(halt),
        },
    };
    if counts.deleted > 0 {
        compared.marked.push((Reason::Gone, counts.deleted));
    }
    (compared, early.err().map(Early::Halt))
}
