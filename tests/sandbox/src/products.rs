//! How a product looks, in a search and alone.

use crate::cast::Cast;
use crate::record::{Made, Module, NO_AGENT, Record, id_of};
use crate::row::{Row, quoted};
use crate::words::{PRODUCTS, SENTENCES};

pub(crate) fn product(cast: &Cast, record: &Record, made: &Made, alone: bool) -> String {
    let mut fixed = cast.dice(Module::Products, made.serial, 1);
    let mut fresh = cast.dice(Module::Products, made.serial, 1_000 + made.revision);
    let generation = made.serial as usize / PRODUCTS.len();
    let name = PRODUCTS[made.serial as usize % PRODUCTS.len()];

    let mut row = Row::new();
    row.number("id", record.key);
    match generation {
        0 => row.text("productName", name),
        later => row.text("productName", &format!("{name}, series {}", later + 1)),
    }
    row.maybe("productCode", fixed.chance(80).then(|| format!("P-{:05}", made.serial)).as_deref());
    row.maybe("productCategory", fixed.pick(&[Some("Lighting"), Some("Kitchen"), Some("Garden"), None]));
    row.maybe("manufacturer", fixed.pick(&[Some("Ironbridge Tools"), Some("Lumen Lighting"), None]));
    row.text("unitPrice", &format!("{}.{}0", 10 + fresh.below(900), fresh.below(10)));
    row.maybe("description", fresh.chance(50).then(|| fresh.pick(&SENTENCES)));
    let departments = [made.department, (made.department + 1) % 5].map(|number| cast.department_id(number).to_string());
    row.array("departmentIds", departments.iter().map(|id| quoted(id)));
    row.number("ownerId", (made.agent != NO_AGENT).then(|| cast.agent_id(made.agent)));
    row.number("layoutId", id_of(10, 40));
    row.number("createdBy", cast.agent_id(made.serial as u8 % 12));
    row.number("modifiedBy", cast.agent_id((made.serial + made.revision) as u8 % 12));
    row.time("createdTime", record.created);
    row.time("modifiedTime", record.modified);
    for (object, name) in [("cf", "cf_weight"), ("customFields", "Weight")] {
        row.object(object, |fields| fields.maybe(name, made.serial.is_multiple_of(2).then_some("1.25")));
    }
    if alone {
        row.flag("isDeleted", false);
        row.object("layoutDetails", |layout| {
            layout.number("id", id_of(10, 40));
            layout.text("layoutName", "Standard");
        });
    }
    row.finish()
}
