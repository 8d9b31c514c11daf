//! Reading: a table at a pinned version, as DataFusion sees it.

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::datasource::empty::EmptyTable;

use crate::{Lake, LakeError, TableKind};

/// A table at one version: what a query reads does not move under it.
#[derive(Debug, Clone)]
pub struct TableVersion {
    /// The table.
    pub kind: TableKind,
    /// The version; `None` when the table has not been made yet and is read as empty.
    pub version: Option<u64>,
    /// What DataFusion scans.
    pub provider: Arc<dyn TableProvider>,
}

impl Lake {
    /// A table at a version, or at its newest.
    ///
    /// # Errors
    /// [`LakeError::Store`] when the store fails or has no such version.
    pub async fn read(&self, kind: TableKind, version: Option<u64>) -> Result<TableVersion, LakeError> {
        let Some(mut table) = self.existing(kind).await? else {
            let provider = Arc::new(EmptyTable::new(self.schema(kind)));
            return Ok(TableVersion {
                kind,
                version: None,
                provider,
            });
        };
        if let Some(version) = version {
            table
                .load_version(version)
                .await
                .map_err(LakeError::store(kind.name()))?;
        }
        let provider = table
            .table_provider()
            .await
            .map_err(LakeError::scan(kind.name()))?;
        Ok(TableVersion {
            kind,
            version: table.version(),
            provider,
        })
    }
}
