//! A monitor: where it stands, its hours, and what is missing of them.

use axum::extract::{Path, Query, State};
use axum::response::{Html, Response};
use maud::html;

use super::parts::{form, link, named, word};
use super::{Asked, Page, Shared, finish};
use crate::chart::line;
use crate::error::AskError;
use crate::figures::{Answer, Figures, Question, days_before};
use crate::table::rows;

pub(super) async fn page(
    State(figures): Shared,
    Path(device): Path<String>,
    Query(asked): Query<Asked>,
) -> Response {
    finish(write(&figures, &device, &asked).await, &figures, asked.lang)
}

async fn write(figures: &Figures, device: &str, asked: &Asked) -> Result<Html<String>, AskError> {
    let lang = asked.lang;
    let station = figures.station(device)?;
    let period = asked.period(days_before(figures.day().await?, 7))?;
    let parameter = asked.parameter().to_owned();
    let question = Question::StationHours {
        device: device.to_owned(),
        parameter: parameter.clone(),
        period,
    };
    let hours = figures.ask(question).await?;
    let (shown, unit) = named(figures, lang, &parameter);
    let points = points(&hours, period);
    let valid = points.iter().filter(|point| point.1.is_some()).count();
    let heading = format!("{shown} · {unit}");
    let township = figures.township(&station.township).unwrap_or(&station.township);
    let place = station
        .lat
        .zip(station.lon)
        .map(|(lat, lon)| format!("{lat:.4}, {lon:.4}"));
    let body = html! {
        section.card {
            dl.facts {
                div { dt { (lang.of("设备", "Device")) } dd { (device) } }
                div { dt { (lang.of("镇街", "Township")) } dd { a href=(link("townships", &station.township, lang)) { (township) } } }
                div { dt { (lang.of("类型", "Kind")) } dd { (word(lang, station.kind.as_str())) } }
                div { dt { (lang.of("位置", "Place")) } dd { (place.unwrap_or_else(|| "–".to_owned())) } }
                div { dt { (lang.of("有效小时", "Valid hours")) } dd { (valid) " / " (points.len()) } }
            }
        }
        (form(figures, lang, period, Some(&parameter)))
        section.card {
            h2 { (heading) " · " (lang.of("小时均值", "hourly means")) }
            figure {
                (line(&heading, &points, None))
                figcaption { (lang.of("断开处该小时无效或缺测。", "A gap is an hour that is missing or not valid.")) }
            }
        }
    };
    let title = station.name.clone();
    let page = Page {
        figures,
        asked: Some(asked),
        lang,
        path: "",
        title,
        version: hours.observations_version,
        body,
    };
    Ok(page.render())
}

/// Every hour of the period with its valid mean.
fn points(hours: &Answer, period: dustwatch_analytics::Period) -> Vec<(String, Option<f64>)> {
    let valid: std::collections::HashMap<&str, f64> = rows(&hours.table)
        .filter(|row| row.is("valid"))
        .filter_map(|row| Some((row.text("hour"), row.number("value")?)))
        .collect();
    let days = period.first().iter_days().take_while(|day| *day <= period.last());
    days.flat_map(|day| (0..24).map(move |hour| format!("{day} {hour:02}:00")))
        .map(|hour| {
            let value = valid.get(hour.as_str()).copied();
            (hour[5..].to_owned(), value)
        })
        .collect()
}
