//! How fast records become rows: reading the keys that paging needs, then typing every column.
//!
//!     cargo bench --bench transform -- --tickets 20000 --runs 5

mod support;

use deskhouse::record::Record;
use deskhouse::resource;
use deskhouse::transform::Mapper;
use serde_json::value::RawValue;
use support::{Figures, argument, tickets, timed};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let (count, runs) = (argument("--tickets", 20_000), argument("--runs", 5));
    let texts = tickets(count);
    let mapper = Mapper::new(resource::find("tickets").expect("a resource"), true);
    let mut figures = Figures::default();
    for _ in 0..runs {
        let raws: Vec<_> = texts.iter().map(|text| RawValue::from_string(text.clone()).expect("JSON")).collect();
        let (records, taken) = timed(async { raws.into_iter().map(Record::new).collect::<Vec<_>>() }).await;
        figures.add("keys", "records/s", count as f64 / taken.as_secs_f64());
        let (rows, typed) =
            timed(async { records.into_iter().map(|record| mapper.row(record)).collect::<Vec<_>>() }).await;
        assert!(rows.iter().all(Result::is_ok), "every ticket fits");
        figures.add("cells", "records/s", count as f64 / typed.as_secs_f64());
        figures.add("keys and cells", "records/s", count as f64 / (taken + typed).as_secs_f64());
    }
    figures.report("transform");
}
