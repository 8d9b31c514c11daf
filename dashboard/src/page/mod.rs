//! Pages: one file each. A page asks its questions, and writes the answers down in Chinese or English.

mod dustfall;
mod now;
mod parts;
mod pipeline;
mod ranking;
mod sites;
mod station;
mod supervision;
mod township;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{StatusCode, Uri};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use dustwatch_analytics::Period;
use maud::{DOCTYPE, Markup, html};
use serde::Deserialize;

use crate::error::AskError;
use crate::figures::Figures;
use crate::lang::Lang;

type Shared = State<Arc<Figures>>;

/// What a page may be asked for.
#[derive(Debug, Deserialize)]
struct Asked {
    #[serde(default)]
    lang: Lang,
    period: Option<String>,
    parameter: Option<String>,
}

impl Asked {
    /// The period that was asked for; an empty field of a form is none.
    fn period(&self, otherwise: Period) -> Result<Period, AskError> {
        match self
            .period
            .as_deref()
            .map(str::trim)
            .filter(|text| !text.is_empty())
        {
            None => Ok(otherwise),
            Some(text) => text
                .parse()
                .map_err(|error: dustwatch_analytics::PeriodError| AskError::Request(error.to_string())),
        }
    }

    fn parameter(&self) -> &str {
        self.parameter.as_deref().unwrap_or("tsp")
    }
}

pub(crate) fn routes() -> Router<Arc<Figures>> {
    Router::new()
        .route("/", get(now::page))
        .route("/ranking", get(ranking::page))
        .route("/dustfall", get(dustfall::page))
        .route("/townships/{code}", get(township::page))
        .route("/stations/{device}", get(station::page))
        .route("/sites", get(sites::page))
        .route("/supervision", get(supervision::page))
        .route("/pipeline", get(pipeline::page))
}

/// The pages of the navigation: path, Chinese and English name.
const PAGES: [(&str, &str, &str); 6] = [
    ("/", "实时", "Now"),
    ("/ranking", "排名", "Ranking"),
    ("/dustfall", "降尘", "Dustfall"),
    ("/sites", "工地与热点", "Sites"),
    ("/supervision", "约谈问责", "Supervision"),
    ("/pipeline", "数据链路", "Pipeline"),
];

/// A whole page.
struct Page<'a> {
    figures: &'a Figures,
    /// What it was asked for, for the same page in the other language.
    asked: Option<&'a Asked>,
    lang: Lang,
    /// Path of the page, to mark it in the navigation.
    path: &'a str,
    title: String,
    /// Version of the observations, for the foot.
    version: Option<u64>,
    body: Markup,
}

impl Page<'_> {
    /// The query of the same page in the other language.
    fn other_language(&self) -> String {
        let fields = self
            .asked
            .map(|asked| [("period", &asked.period), ("parameter", &asked.parameter)]);
        let rest: String = fields
            .into_iter()
            .flatten()
            .filter_map(|(name, value)| Some(format!("&{name}={}", parts::escaped(value.as_deref()?))))
            .collect();
        format!("?lang={}{rest}", self.lang.of("en", "zh"))
    }

    fn render(self) -> Html<String> {
        let lang = self.lang;
        let settings = &self.figures.settings;
        let other = self.other_language();
        let markup = html! {
            (DOCTYPE)
            html lang=(lang.tag()) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    title { (self.title) " · " (settings.district.name) }
                    link rel="stylesheet" href="/style.css";
                    link rel="icon" href="data:,";
                    script src="/live.js" defer {}
                }
                body {
                    a.skip href="#main" { (lang.of("跳到正文", "Skip to content")) }
                    header {
                        span.title { (settings.district.name) (lang.of("大气环境监测", " air monitoring")) }
                        nav aria-label=(lang.of("页面", "Pages")) {
                            @for (path, chinese, english) in PAGES {
                                a href={(path) "?lang=" (lang.key())} aria-current=[(path == self.path).then_some("page")] {
                                    (lang.of(chinese, english))
                                }
                            }
                        }
                        a href=(other) lang=(lang.of("en", "zh-CN")) { (lang.of("English", "中文")) }
                    }
                    main id="main" {
                        h1 { (self.title) }
                        (self.body)
                    }
                    footer {
                        // The script puts this in place of the old one too: figures and version belong together.
                        span #version {
                            @if let Some(version) = self.version {
                                (lang.of("观测数据版本 ", "version of the observations ")) (version) " · "
                            }
                        }
                        span #live data-on=(lang.of("自动更新", "live")) data-off=(lang.of("连接中断", "not live")) {}
                        noscript { (lang.of("未启用脚本，页面不自动更新", "no script: reload for newer figures")) }
                    }
                }
            }
        };
        Html(markup.into_string())
    }
}

/// What became of a page: itself, or a page that says why not.
fn finish(result: Result<Html<String>, AskError>, figures: &Figures, lang: Lang) -> Response {
    match result {
        Ok(page) => page.into_response(),
        Err(error) => (error.status(), refusal(figures, lang, &error)).into_response(),
    }
}

fn refusal(figures: &Figures, lang: Lang, error: &AskError) -> Html<String> {
    let title = match error {
        AskError::Unknown(_) => lang.of("没有此页", "There is no such page"),
        AskError::Request(_) => lang.of("无法按此查询", "This cannot be asked"),
        AskError::Failed => lang.of("暂时无法计算", "The answer could not be computed"),
    };
    // What is wrong is said in the words of the commands, which are English.
    let hint = match error {
        AskError::Request(_) => lang.of(
            "周期写作 2019-W32（周）、2019-08-06（日）、2019-08（月）、2019-08-H1（上半月）、2019（年）或 \
             2019-08-01..2019-08-07（起止日期）；指标为 tsp、pm25 或 pm10。",
            "",
        ),
        AskError::Unknown(_) => lang.of("请检查网址，或从上方导航进入。", ""),
        AskError::Failed => lang.of("请稍后重试；原因见程序日志。", ""),
    };
    let hint = Some(hint).filter(|hint| !hint.is_empty());
    Page {
        figures,
        asked: None,
        lang,
        path: "",
        title: title.to_owned(),
        version: None,
        body: html! {
            @if let Some(hint) = hint { p { (hint) } }
            p lang="en" { (error) }
            p { a href={"/?lang=" (lang.key())} { (lang.of("回到首页", "to the first page")) } }
        },
    }
    .render()
}

pub(crate) async fn not_found(State(figures): Shared, uri: Uri) -> Response {
    let asked = Query::<Asked>::try_from_uri(&uri);
    let lang = asked.map_or(Lang::Zh, |asked| asked.lang);
    let error = AskError::Unknown(uri.path().chars().take(200).collect());
    (StatusCode::NOT_FOUND, refusal(&figures, lang, &error)).into_response()
}
