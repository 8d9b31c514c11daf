//! Tables that people hand in: each entry once, corrections win, whatever is handed in again.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, AsArray, Date32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use datafusion::prelude::SessionContext;
use dustwatch_config::Settings;
use dustwatch_lake::{Lake, TableKind, enforcement_schema};
use proptest::prelude::*;

fn lake(folder: &Path) -> Lake {
    let settings = Settings::load(None).unwrap();
    Lake::at(
        folder.to_str().unwrap(),
        settings.parameters,
        settings.district.timezone,
    )
    .unwrap()
}

/// Entries of one day: (township, inspections), imported at an instant.
fn entries(list: &[(&str, i64)], imported_at: i64) -> RecordBatch {
    let n = list.len();
    let text = |value: &str| -> ArrayRef { Arc::new(StringArray::from(vec![value; n])) };
    let none = || -> ArrayRef { Arc::new(Int64Array::from(vec![0; n])) };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Date32Array::from(vec![18_114; n])),
        text("城管"),
        Arc::new(StringArray::from_iter_values(list.iter().map(|(t, _)| t))),
        text("construction_dust"),
        Arc::new(Int64Array::from_iter_values(list.iter().map(|(_, i)| *i))),
        none(),
        none(),
        none(),
        text("2019-08"),
        text("list.csv:2"),
        Arc::new(TimestampMicrosecondArray::from(vec![imported_at; n]).with_timezone("UTC")),
    ];
    RecordBatch::try_new(enforcement_schema(), columns).unwrap()
}

/// Every stored row: (township, imported_at, inspections).
async fn stored(lake: &Lake) -> Vec<(String, i64, i64)> {
    let table = lake.read(TableKind::Enforcement, None).await.unwrap();
    let frame = SessionContext::new().read_table(table.provider).unwrap();
    let mut out = Vec::new();
    for batch in frame.collect().await.unwrap() {
        let text = datafusion::arrow::compute::cast(
            batch.column_by_name("township").unwrap(),
            &datafusion::arrow::datatypes::DataType::Utf8,
        )
        .unwrap();
        let at = batch.column_by_name("imported_at").unwrap();
        let inspections = batch.column_by_name("inspections").unwrap();
        for row in 0..batch.num_rows() {
            out.push((
                text.as_string::<i32>().value(row).to_owned(),
                at.as_primitive::<TimestampMicrosecondType>().value(row),
                inspections.as_primitive::<Int64Type>().value(row),
            ));
        }
    }
    out.sort();
    out
}

#[tokio::test]
async fn an_entry_is_added_once_and_a_correction_wins_over_a_clock_that_was_put_back() {
    let folder = tempfile::tempdir().unwrap();
    let lake = lake(folder.path());
    let kind = TableKind::Enforcement;
    let first = lake
        .add_rows(kind, &entries(&[("a", 1), ("b", 2)], 1_000))
        .await
        .unwrap();
    assert_eq!((first.new, first.corrected, first.unchanged), (2, 0, 0));
    let again = lake
        .add_rows(kind, &entries(&[("a", 1), ("b", 2)], 2_000))
        .await
        .unwrap();
    assert_eq!((again.new, again.corrected, again.unchanged), (0, 0, 2));
    assert_eq!(again.version, first.version);
    let corrected = lake
        .add_rows(kind, &entries(&[("a", 7), ("c", 3)], 500))
        .await
        .unwrap();
    assert_eq!(
        (corrected.new, corrected.corrected, corrected.unchanged),
        (1, 1, 0)
    );
    let rows = stored(&lake).await;
    assert_eq!(rows.len(), 4, "nothing is taken away: {rows:?}");
    let newest = rows.iter().filter(|row| row.0 == "a").max_by_key(|row| row.1);
    assert_eq!(newest.unwrap().2, 7);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// After any imports, the newest row of each entry says what was handed in last, and no row is there in vain.
    #[test]
    fn imports_in_any_order_leave_the_last_word(
        imports in prop::collection::vec(
            (prop::collection::vec((0usize..4, 0i64..3), 1..6), 0i64..50),
            1..6,
        )
    ) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let lake = lake(folder.path());
            let names = ["a", "b", "c", "d"];
            let mut last: BTreeMap<&str, i64> = BTreeMap::new();
            let mut changes = 0;
            for (list, clock) in &imports {
                let list: Vec<(&str, i64)> = list.iter().map(|(t, i)| (names[*t], *i)).collect();
                let added = lake.add_rows(TableKind::Enforcement, &entries(&list, *clock)).await.unwrap();
                let wanted: BTreeMap<&str, i64> = list.into_iter().collect();
                let mut expected = (0, 0, 0);
                for (name, value) in wanted {
                    match last.insert(name, value) {
                        None => expected.0 += 1,
                        Some(before) if before == value => expected.2 += 1,
                        Some(_) => expected.1 += 1,
                    }
                }
                assert_eq!((added.new, added.corrected, added.unchanged), expected);
                changes += expected.0 + expected.1;
            }
            let rows = stored(&lake).await;
            assert_eq!(rows.len() as u64, changes);
            let mut said: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
            for (name, at, value) in &rows {
                let newest = said.entry(name).or_insert((i64::MIN, 0));
                *newest = (*newest).max((*at, *value));
            }
            let said: BTreeMap<&str, i64> = said.into_iter().map(|(name, (_, value))| (name, value)).collect();
            assert_eq!(said, last);
        });
    }
}
