//! A lake: the place where the tables lie, and how one is opened or made.

use std::path::{Path, PathBuf};

use chrono_tz::Tz;
use deltalake::arrow::datatypes::SchemaRef;
use deltalake::kernel::StructType;
use deltalake::kernel::engine::arrow_conversion::{TryIntoArrow, TryIntoKernel};
use deltalake::logstore::object_store::ObjectStore;
use deltalake::{DeltaTable, DeltaTableBuilder};
use dustwatch_config::Settings;
use dustwatch_observation::ParameterSet;
use std::sync::Arc;
use url::Url;

use crate::{
    LakeError, TableKind, alarms_schema, city_bulletin_schema, dustfall_schema, enforcement_schema,
    hourly_schema, ledger_schema, observation_schema, qc_schema, rejected_schema, repair, replays_schema,
};

/// The place where the tables lie.
#[derive(Debug, Clone)]
pub struct Lake {
    uri: String,
    root: Url,
    folder: Option<PathBuf>,
    parameters: Arc<ParameterSet>,
    timezone: Tz,
    /// A store instead of the address's own.
    store: Option<Arc<dyn ObjectStore>>,
}

impl Lake {
    /// The lake of these settings. A folder is made when it is not there; nothing else is touched yet.
    ///
    /// # Errors
    /// [`LakeError::Address`] when the address cannot be used, [`LakeError::Disk`] when the folder cannot be made.
    pub fn new(settings: &Settings) -> Result<Self, LakeError> {
        Self::at(
            &settings.lake.uri,
            settings.parameters.clone(),
            settings.district.timezone,
        )
    }

    /// The lake at an address.
    ///
    /// # Errors
    /// As [`Lake::new`].
    pub fn at(uri: &str, parameters: Arc<ParameterSet>, timezone: Tz) -> Result<Self, LakeError> {
        let address = |message: String| LakeError::Address {
            uri: uri.to_owned(),
            message,
        };
        let (root, folder) = if uri.contains("://") {
            let root = Url::parse(uri).map_err(|e| address(e.to_string()))?;
            let folder = if root.scheme() == "file" {
                root.to_file_path().ok()
            } else {
                None
            };
            (root, folder)
        } else {
            let folder = Path::new(uri).to_path_buf();
            std::fs::create_dir_all(&folder).map_err(|cause| LakeError::Disk {
                path: uri.to_owned(),
                cause,
            })?;
            let folder = folder.canonicalize().map_err(|cause| LakeError::Disk {
                path: uri.to_owned(),
                cause,
            })?;
            let root = Url::from_directory_path(&folder)
                .map_err(|()| address("not an absolute folder".to_owned()))?;
            (root, Some(folder))
        };
        Ok(Self {
            uri: uri.to_owned(),
            root,
            folder,
            parameters,
            timezone,
            store: None,
        })
    }

    /// The same lake over another store, whose root the address's path is relative to: for a store that fails on
    /// purpose.
    #[doc(hidden)]
    pub fn over(mut self, store: Arc<dyn ObjectStore>) -> Self {
        self.store = Some(store);
        self
    }

    /// The address as it was given.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// The time zone of the `day` and `month` partitions.
    pub fn timezone(&self) -> Tz {
        self.timezone
    }

    /// The parameters that have columns.
    pub fn parameters(&self) -> &Arc<ParameterSet> {
        &self.parameters
    }

    /// The folder of a table, when the lake is a folder.
    pub(crate) fn table_folder(&self, kind: TableKind) -> Option<PathBuf> {
        self.folder.as_ref().map(|folder| folder.join(kind.name()))
    }

    /// The columns of a table.
    pub fn schema(&self, kind: TableKind) -> SchemaRef {
        match kind {
            TableKind::Observations => observation_schema(&self.parameters),
            TableKind::Rejected => rejected_schema(),
            TableKind::Replays => replays_schema(),
            TableKind::Hourly => hourly_schema(),
            TableKind::Qc => qc_schema(),
            TableKind::Alarms => alarms_schema(),
            TableKind::Enforcement => enforcement_schema(),
            TableKind::CityBulletin => city_bulletin_schema(),
            TableKind::Ledger => ledger_schema(),
            TableKind::Dustfall => dustfall_schema(),
        }
    }

    fn builder(&self, kind: TableKind) -> Result<DeltaTableBuilder, LakeError> {
        let address = |message: String| LakeError::Address {
            uri: self.uri.clone(),
            message,
        };
        let mut root = self.root.clone();
        if !root.path().ends_with('/') {
            root.set_path(&format!("{}/", root.path()));
        }
        let url = root
            .join(&format!("{}/", kind.name()))
            .map_err(|e| address(e.to_string()))?;
        let builder = DeltaTableBuilder::from_url(url.clone()).map_err(|e| address(e.to_string()))?;
        Ok(match &self.store {
            Some(store) => builder.with_storage_backend(store.clone(), url),
            None => builder,
        })
    }

    /// The table, if it has been made: its newest version.
    ///
    /// # Errors
    /// [`LakeError::Store`] when the store fails.
    pub(crate) async fn existing(&self, kind: TableKind) -> Result<Option<DeltaTable>, LakeError> {
        if self
            .table_folder(kind)
            .is_some_and(|folder| !folder.join("_delta_log").exists())
        {
            return Ok(None);
        }
        let mut table = self
            .builder(kind)?
            .build()
            .map_err(LakeError::store(kind.name()))?;
        if !table
            .verify_deltatable_existence()
            .await
            .map_err(LakeError::store(kind.name()))?
        {
            return Ok(None);
        }
        table.load().await.map_err(LakeError::store(kind.name()))?;
        Ok(Some(table))
    }

    /// The table, made when it is not there, its newest log entry repaired when a power loss tore it, and parameters
    /// that the configuration has gained added as columns.
    ///
    /// # Errors
    /// [`LakeError::Layout`] when the table has columns of other types than the configuration asks for;
    /// [`LakeError::Store`], [`LakeError::Disk`] when the store fails.
    pub(crate) async fn open_or_create(&self, kind: TableKind) -> Result<DeltaTable, LakeError> {
        if let Some(folder) = self.table_folder(kind) {
            repair::repair_log(&folder)?;
        }
        if let Some(table) = self.existing(kind).await? {
            return self.check_layout(kind, table).await;
        }
        let made = self.create(kind).await;
        match made {
            Ok(table) => Ok(table),
            // Another process may have made it in between.
            Err(error) => match self.existing(kind).await? {
                Some(table) => self.check_layout(kind, table).await,
                None => Err(error),
            },
        }
    }

    async fn create(&self, kind: TableKind) -> Result<DeltaTable, LakeError> {
        let columns: StructType = self
            .schema(kind)
            .as_ref()
            .try_into_kernel()
            .map_err(LakeError::arrow(kind.name()))?;
        if let Some(folder) = self.table_folder(kind) {
            std::fs::create_dir_all(&folder).map_err(|cause| LakeError::Disk {
                path: folder.display().to_string(),
                cause,
            })?;
        }
        let table = self
            .builder(kind)?
            .build()
            .map_err(LakeError::store(kind.name()))?;
        let table = table
            .create()
            .with_table_name(kind.name())
            .with_comment(kind.comment())
            .with_columns(columns.fields().cloned())
            .with_partition_columns(kind.partition())
            .with_configuration([
                ("delta.checkpointInterval", Some("50")),
                ("delta.logRetentionDuration", Some("interval 30 days")),
                ("delta.deletedFileRetentionDuration", Some("interval 30 days")),
            ])
            .await
            .map_err(LakeError::store(kind.name()))?;
        if let Some(folder) = self.table_folder(kind) {
            crate::durable::sync_log_entry(&folder, table.version().unwrap_or(0))?;
            crate::durable::sync_new_folder(&folder)?;
        }
        Ok(table)
    }

    /// Compares a table with the configuration; adds what the configuration has gained.
    async fn check_layout(&self, kind: TableKind, table: DeltaTable) -> Result<DeltaTable, LakeError> {
        let state = table.snapshot().map_err(LakeError::store(kind.name()))?;
        let have: deltalake::arrow::datatypes::Schema = state
            .schema()
            .as_ref()
            .try_into_arrow()
            .map_err(LakeError::arrow(kind.name()))?;
        let want = self.schema(kind);
        let mut gained = Vec::new();
        for field in want.fields() {
            match have.field_with_name(field.name()) {
                Ok(there) if there.data_type() == field.data_type() => {}
                Ok(there) => {
                    return Err(LakeError::Layout {
                        table: kind.name(),
                        message: format!(
                            "column {} is {} in the table, but the configuration asks for {}; a column never changes \
                             its type: restore `decimals`, or use another key or another lake",
                            field.name(),
                            there.data_type(),
                            field.data_type()
                        ),
                    });
                }
                Err(_) => gained.push(field.as_ref().clone()),
            }
        }
        if gained.is_empty() {
            return Ok(table);
        }
        let gained: StructType = deltalake::arrow::datatypes::Schema::new(gained)
            .try_into_kernel_struct()
            .map_err(LakeError::arrow(kind.name()))?;
        table
            .add_columns()
            .with_fields(gained.fields().cloned().collect::<Vec<_>>())
            .await
            .map_err(LakeError::store(kind.name()))
    }
}

/// Spelled out once, since the conversion is generic over what it makes.
trait IntoStruct {
    fn try_into_kernel_struct(&self) -> Result<StructType, deltalake::arrow::error::ArrowError>;
}

impl IntoStruct for deltalake::arrow::datatypes::Schema {
    fn try_into_kernel_struct(&self) -> Result<StructType, deltalake::arrow::error::ArrowError> {
        self.try_into_kernel()
    }
}
