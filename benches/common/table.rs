//! Looks into the table that a measured ingester has written.

use std::path::Path;

use arrow::array::{Array, AsArray};
use arrow::datatypes::Int64Type;
use dustwatch_analytics::Session;
use dustwatch_config::Settings;
use dustwatch_lake::Lake;
use dustwatch_observation::Time;

use super::process::Fallible;

/// Each observation must be in the table, once.
pub(crate) fn expect_rows(folder: &Path, want: u64) -> Fallible<()> {
    let runtime = tokio::runtime::Runtime::new().map_err(|e| e.to_string())?;
    runtime.block_on(async {
        let fail = |e: &dyn std::fmt::Display| e.to_string();
        let settings = Settings::load(Some(&folder.join("dustwatch.toml"))).map_err(|e| fail(&e))?;
        let lake = Lake::new(&settings).map_err(|e| fail(&e))?;
        let session = Session::open(&lake, &settings).await.map_err(|e| fail(&e))?;
        let sql = "SELECT 1 FROM observations_rows";
        let frame = session.context().sql(sql).await.map_err(|e| fail(&e))?;
        let rows = frame.count().await.map_err(|e| fail(&e))? as u64;
        if rows == want {
            Ok(())
        } else {
            Err(format!("{want} observations were sent, the table has {rows}"))
        }
    })
}

/// When the newest observation of the table was made; `None` while there is no table, or nothing in it.
pub(crate) fn newest(folder: &Path) -> Fallible<Option<Time>> {
    let runtime = tokio::runtime::Runtime::new().map_err(|e| e.to_string())?;
    runtime.block_on(async {
        let fail = |e: &dyn std::fmt::Display| e.to_string();
        let settings = Settings::load(Some(&folder.join("dustwatch.toml"))).map_err(|e| fail(&e))?;
        let lake = Lake::new(&settings).map_err(|e| fail(&e))?;
        let session = Session::open(&lake, &settings).await.map_err(|e| fail(&e))?;
        let sql = "SELECT CAST(max(observed_at) AS BIGINT) FROM observations_rows";
        let frame = session.context().sql(sql).await.map_err(|e| fail(&e))?;
        let batches = frame.collect().await.map_err(|e| fail(&e))?;
        let column = batches.first().map(|batch| batch.column(0).clone());
        let newest = column.as_ref().and_then(|column| {
            let micros = column.as_primitive_opt::<Int64Type>()?;
            micros.is_valid(0).then(|| Time::from_micros(micros.value(0)))
        });
        Ok(newest)
    })
}
