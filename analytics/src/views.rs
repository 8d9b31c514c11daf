//! The views of a session, planned when a question first names them.
//!
//! Place on the way: the session defines them from the SQL texts; the engine looks them up here as the tables of its
//! schema. Planning all of them for each question would take longer than most questions. Invariant: a view means the
//! same whether it has been planned before or not, since the tables of a session do not change.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use datafusion::catalog::{MemorySchemaProvider, SchemaProvider, TableProvider};
use datafusion::common::{DataFusionError, Result, exec_err};
use datafusion::datasource::ViewTable;
use datafusion::execution::SessionState;
use datafusion::logical_expr::TableType;
use datafusion::prelude::SessionContext;

use crate::AnalyticsError;

/// The schema of a session: its tables, and the texts of its views.
pub(crate) struct Views {
    tables: MemorySchemaProvider,
    texts: Mutex<BTreeMap<String, String>>,
    /// The state of the session while it lives; it holds this schema, so this must not hold it.
    state: Box<dyn Fn() -> Option<SessionState> + Send + Sync>,
}

impl fmt::Debug for Views {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Views")
            .field("tables", &self.table_names())
            .finish()
    }
}

impl Views {
    /// Makes itself the schema of a session that has no tables yet.
    pub(crate) fn install(context: &SessionContext) -> std::result::Result<Arc<Self>, AnalyticsError> {
        let weak = context.state_weak_ref();
        let views = Arc::new(Self {
            tables: MemorySchemaProvider::new(),
            texts: Mutex::default(),
            state: Box::new(move || weak.upgrade().map(|state| state.read().clone())),
        });
        let names = context.copied_config().options().catalog.clone();
        let catalog = context
            .catalog(&names.default_catalog)
            .ok_or_else(|| AnalyticsError::Defect("the session has no catalog".to_owned()))?;
        catalog.register_schema(&names.default_schema, views.clone())?;
        Ok(views)
    }

    /// Defines a view by its text.
    pub(crate) fn define(&self, name: &str, text: String) {
        self.texts().insert(name.to_owned(), text);
    }

    fn texts(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, String>> {
        self.texts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl SchemaProvider for Views {
    fn table_names(&self) -> Vec<String> {
        let mut names = self.tables.table_names();
        names.extend(
            self.texts()
                .keys()
                .filter(|name| !self.tables.table_exist(name))
                .cloned(),
        );
        names
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        if let Some(table) = self.tables.table(name).await? {
            return Ok(Some(table));
        }
        let Some(text) = self.texts().get(name).cloned() else {
            return Ok(None);
        };
        let Some(state) = (self.state)() else {
            return exec_err!("the session of view {name} has ended");
        };
        let plan = state.create_logical_plan(&text).await?;
        let view: Arc<dyn TableProvider> = Arc::new(ViewTable::new(plan, Some(text)));
        // Another question may have planned it meanwhile; either will do.
        let _ = self.tables.register_table(name.to_owned(), view.clone());
        Ok(Some(view))
    }

    async fn table_type(&self, name: &str) -> Result<Option<TableType>> {
        if self.tables.table_exist(name) {
            return self.tables.table_type(name).await;
        }
        Ok(self.texts().contains_key(name).then_some(TableType::View))
    }

    fn register_table(
        &self,
        name: String,
        table: Arc<dyn TableProvider>,
    ) -> Result<Option<Arc<dyn TableProvider>>> {
        self.tables.register_table(name, table)
    }

    fn deregister_table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        self.texts().remove(name);
        self.tables.deregister_table(name)
    }

    fn table_exist(&self, name: &str) -> bool {
        self.tables.table_exist(name) || self.texts().contains_key(name)
    }
}
