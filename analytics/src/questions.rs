//! The published questions as table functions: `ranking(…)`, `compliance(…)`, `aqi_days(…)`.
//!
//! Each is the text of its SQL file with the values of its arguments, planned as a view is. Invariant: a function gives
//! the figures that the command of the same name prints, since both bind the same text; in no order, as any table.

use std::sync::Arc;

use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::{Result, ScalarValue, plan_datafusion_err, plan_err};
use datafusion::datasource::ViewTable;
use datafusion::execution::SessionState;
use datafusion::logical_expr::Expr;
use datafusion::prelude::SessionContext;
use dustwatch_config::Settings;
use futures::FutureExt;

use crate::aqi::{AqiRequest, aqi_text};
use crate::compliance::{ComplianceRequest, compliance_text};
use crate::ranking::ranking_text;
use crate::{AnalyticsError, Period, RankRequest};

/// The text of a question out of its arguments.
type Binding = fn(&Settings, &[String]) -> std::result::Result<String, AnalyticsError>;

/// A question as a table function.
#[derive(Debug)]
struct Question {
    usage: &'static str,
    settings: Arc<Settings>,
    arguments: std::ops::RangeInclusive<usize>,
    bind: Binding,
}

/// Makes the questions known to a session.
pub(crate) fn register(context: &SessionContext, settings: &Settings) {
    let settings = Arc::new(settings.clone());
    let add = |name: &str, usage: &'static str, arguments: std::ops::RangeInclusive<usize>, bind: Binding| {
        let settings = settings.clone();
        let question = Question {
            usage,
            settings,
            arguments,
            bind,
        };
        context.register_udtf(name, Arc::new(question));
    };
    add(
        "ranking",
        "ranking(parameter, period[, scope])",
        2..=3,
        |settings, texts| {
            let mut request = RankRequest::new(&texts[0], texts[1].parse::<Period>()?);
            if let Some(scope) = texts.get(2) {
                request.scope = scope.parse()?;
            }
            ranking_text(settings, &request)
        },
    );
    add(
        "compliance",
        "compliance(parameter, period[, scope])",
        2..=3,
        |settings, texts| {
            let mut request = ComplianceRequest::new(&texts[0], texts[1].parse::<Period>()?);
            if let Some(scope) = texts.get(2) {
                request.scope = scope.parse()?;
            }
            compliance_text(settings, &request)
        },
    );
    add("aqi_days", "aqi_days(period[, by])", 1..=2, |settings, texts| {
        let mut request = AqiRequest::new(texts[0].parse::<Period>()?);
        if let Some(by) = texts.get(1) {
            request.by = by.parse()?;
        }
        aqi_text(settings, &request)
    });
}

impl TableFunctionImpl for Question {
    fn call_with_args(&self, args: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        let texts: Option<Vec<String>> = args.exprs().iter().map(text).collect();
        let texts = match texts {
            Some(texts) if self.arguments.contains(&texts.len()) => texts,
            _ => return plan_err!("{} takes texts", self.usage),
        };
        let question = (self.bind)(&self.settings, &texts).map_err(|e| plan_datafusion_err!("{e}"))?;
        let Some(state) = args.session().as_any().downcast_ref::<SessionState>() else {
            return plan_err!("{} can be asked in a session of this program only", self.usage);
        };
        // The tables of a session are in memory, so that planning never waits.
        match state.create_logical_plan(&question).now_or_never() {
            Some(plan) => Ok(Arc::new(ViewTable::new(plan?, Some(question)))),
            None => plan_err!("{} cannot be planned here", self.usage),
        }
    }
}

fn text(argument: &Expr) -> Option<String> {
    match argument.as_literal()? {
        ScalarValue::Utf8(text) | ScalarValue::Utf8View(text) | ScalarValue::LargeUtf8(text) => text.clone(),
        _ => None,
    }
}
