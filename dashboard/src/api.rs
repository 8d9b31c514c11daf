//! The JSON interface: `/api/v1/…`, a path a question, described by `/api/v1/openapi.json`.
//!
//! Every answer is `{"data": [ … ], "meta": { … }}`, its rows as the commands and the SQL page tell them. An `ETag` says
//! which answer it is; whoever sends it back in `If-None-Match` gets 304 as long as it is the same. `?format=csv` gives the
//! rows as a table. Paths and fields are only ever added to.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use dustwatch_analytics::Period;
use serde::Deserialize;
use serde_json::json;

use crate::error::AskError;
use crate::figures::{Figures, Question, days_before, last_month, last_week};
use crate::table;

const OPENAPI: &str = include_str!("../assets/openapi.json");

/// What a request may say beside its path.
#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    period: Option<String>,
    parameter: Option<String>,
    format: Option<String>,
}

impl Asked {
    fn period(&self, otherwise: Period) -> Result<Period, AskError> {
        match &self.period {
            None => Ok(otherwise),
            Some(text) => text
                .parse()
                .map_err(|error: dustwatch_analytics::PeriodError| AskError::Request(error.to_string())),
        }
    }

    fn parameter(&self) -> String {
        self.parameter.clone().unwrap_or_else(|| "tsp".to_owned())
    }
}

type Shared = State<Arc<Figures>>;

pub(crate) fn routes() -> Router<Arc<Figures>> {
    Router::new()
        .route("/latest", get(latest))
        .route("/ranking", get(ranking))
        .route("/townships/{code}/days", get(township_days))
        .route("/stations/{device}/hours", get(station_hours))
        .route("/alarms", get(alarms))
        .route("/hotspots", get(hotspots))
        .route("/dustfall", get(dustfall))
        .route("/supervision", get(supervision))
        .route("/rejected", get(rejected))
        .route(
            "/openapi.json",
            get(async || ([(header::CONTENT_TYPE, "application/json")], OPENAPI)),
        )
        .fallback(async || {
            refuse(&AskError::Unknown(
                "there is no such path; see /api/v1/openapi.json".to_owned(),
            ))
        })
}

async fn latest(State(figures): Shared, Query(asked): Query<Asked>, headers: HeaderMap) -> Response {
    answer(&figures, Ok(Question::Latest), &asked, &headers).await
}

async fn ranking(State(figures): Shared, Query(asked): Query<Asked>, headers: HeaderMap) -> Response {
    let question = async {
        let period = asked.period(last_week(figures.day().await?))?;
        Ok(Question::Ranking {
            parameter: asked.parameter(),
            period,
        })
    };
    answer(&figures, question.await, &asked, &headers).await
}

async fn township_days(
    State(figures): Shared,
    Path(township): Path<String>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    let question = async {
        let period = asked.period(days_before(figures.day().await?, 31))?;
        Ok(Question::TownshipDays {
            township,
            parameter: asked.parameter(),
            period,
        })
    };
    answer(&figures, question.await, &asked, &headers).await
}

async fn station_hours(
    State(figures): Shared,
    Path(device): Path<String>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    let question = async {
        let period = asked.period(days_before(figures.day().await?, 7))?;
        Ok(Question::StationHours {
            device,
            parameter: asked.parameter(),
            period,
        })
    };
    answer(&figures, question.await, &asked, &headers).await
}

async fn alarms(State(figures): Shared, Query(asked): Query<Asked>, headers: HeaderMap) -> Response {
    let question = async {
        let period = asked.period(days_before(figures.day().await?, 7))?;
        Ok(Question::Alarms { period })
    };
    answer(&figures, question.await, &asked, &headers).await
}

async fn hotspots(State(figures): Shared, Query(asked): Query<Asked>, headers: HeaderMap) -> Response {
    let question = async {
        let period = asked.period(last_week(figures.day().await?))?;
        Ok(Question::Hotspots {
            parameter: asked.parameter(),
            period,
        })
    };
    answer(&figures, question.await, &asked, &headers).await
}

async fn dustfall(State(figures): Shared, Query(asked): Query<Asked>, headers: HeaderMap) -> Response {
    let question = async {
        let period = asked.period(last_month(figures.day().await?))?;
        Ok(Question::Dustfall { period })
    };
    answer(&figures, question.await, &asked, &headers).await
}

async fn supervision(State(figures): Shared, Query(asked): Query<Asked>, headers: HeaderMap) -> Response {
    let question = async {
        let month = asked.period(last_month(figures.day().await?))?;
        Ok(Question::Supervision { month })
    };
    answer(&figures, question.await, &asked, &headers).await
}

async fn rejected(State(figures): Shared, Query(asked): Query<Asked>, headers: HeaderMap) -> Response {
    let question = async {
        let period = asked.period(days_before(figures.day().await?, 7))?;
        Ok(Question::Rejected { period })
    };
    answer(&figures, question.await, &asked, &headers).await
}

async fn answer(
    figures: &Figures,
    question: Result<Question, AskError>,
    asked: &Asked,
    headers: &HeaderMap,
) -> Response {
    let question = match question {
        Ok(question) => question,
        Err(error) => return refuse(&error),
    };
    let answer = match figures.ask(question).await {
        Ok(answer) => answer,
        Err(error) => return refuse(&error),
    };
    match asked.format.as_deref() {
        None | Some("json") => {
            let meta = json!({ "observations_version": answer.observations_version, "rows": answer.table.rows.len() });
            let body = json!({ "data": table::json(&answer.table), "meta": meta }).to_string();
            tagged(headers, "application/json", body.into_bytes())
        }
        Some("csv") => match table::csv(&answer.table) {
            Ok(body) => tagged(headers, "text/csv; charset=utf-8", body),
            Err(error) => {
                tracing::error!(%error, "an answer could not be written as CSV");
                refuse(&AskError::Failed)
            }
        },
        Some(other) => refuse(&AskError::Request(format!(
            "format {other:?} is neither json nor csv"
        ))),
    }
}

/// The body, or 304 when whoever asks has it.
fn tagged(headers: &HeaderMap, kind: &'static str, body: Vec<u8>) -> Response {
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    let tag = format!("\"{:016x}\"", hasher.finish());
    let known = headers
        .get(header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok());
    let has_it =
        known.is_some_and(|known| known.split(',').any(|one| one.trim() == tag || one.trim() == "*"));
    let head = [
        (header::ETAG, tag),
        (header::CACHE_CONTROL, "no-cache".to_owned()),
    ];
    if has_it {
        return (StatusCode::NOT_MODIFIED, head).into_response();
    }
    (head, [(header::CONTENT_TYPE, kind)], body).into_response()
}

fn refuse(error: &AskError) -> Response {
    let body = json!({ "error": error.to_string() }).to_string();
    (error.status(), [(header::CONTENT_TYPE, "application/json")], body).into_response()
}
