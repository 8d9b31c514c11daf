//! Districts: whose topics are asked for.
//!
//! Place on the way: before receive and confirm. They are the ones of the registry's townships and the configured one.
//! A registry that is exchanged while the ingester runs may bring new ones, whose topics are then asked for on the
//! connection that stands. Invariant: they only become more; one that has gone is asked for until the next start, and
//! what still comes from it is told as a rejection.

use std::collections::BTreeSet;
use std::sync::Arc;

use dustwatch_config::{Registry, Settings};
use dustwatch_observation::{DistrictCode, Topic, TopicKind};
use tokio::sync::watch;

/// The districts that are known, and a way to hear of more.
#[derive(Debug, Clone)]
pub(crate) struct Districts {
    codes: BTreeSet<String>,
    registry: watch::Receiver<Arc<Registry>>,
}

impl Districts {
    pub(crate) fn new(settings: &Settings, mut registry: watch::Receiver<Arc<Registry>>) -> Self {
        let mut codes = codes_of(&registry.borrow_and_update());
        codes.insert(settings.district.code.as_str().to_owned());
        Self { codes, registry }
    }

    /// A filter for each district.
    pub(crate) fn filters(&self, kind: TopicKind) -> Vec<String> {
        self.codes
            .iter()
            .filter_map(|code| DistrictCode::new(code).ok())
            .map(|code| Topic::filter(Some(&code), kind))
            .collect()
    }

    /// Waits until there are more. May be dropped at any time without missing one.
    pub(crate) async fn grown(&mut self) {
        while self.registry.changed().await.is_ok() {
            let before = self.codes.len();
            let codes = codes_of(&self.registry.borrow_and_update());
            self.codes.extend(codes);
            if self.codes.len() > before {
                tracing::info!(districts = ?self.codes, "the registry has a new district");
                return;
            }
        }
        std::future::pending().await
    }
}

fn codes_of(registry: &Registry) -> BTreeSet<String> {
    let townships = registry.townships().iter();
    townships.map(|t| t.district.as_str().to_owned()).collect()
}
