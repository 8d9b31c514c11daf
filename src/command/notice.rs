//! `notice weekly`: the official notice of a week.

use std::path::{Path, PathBuf};

use anyhow::Context;
use chrono::NaiveDate;
use dustwatch_analytics::notice::{html, markdown, weekly_notice};
use dustwatch_analytics::{Period, PeriodKind};
use dustwatch_config::Settings;
use dustwatch_lake::Lake;
use dustwatch_observation::{Clock, SystemClock};

use super::Usage;
use crate::cli::{NoticeArgs, NoticeFormat};

/// Makes a notice and says where it is.
pub(crate) async fn run(settings: &Settings, args: NoticeArgs) -> anyhow::Result<()> {
    let period: Period = args
        .period
        .parse()
        .map_err(dustwatch_analytics::AnalyticsError::from)?;
    if period.kind() != PeriodKind::Week {
        return Err(Usage(format!(
            "a weekly notice is about a week like 2019-W32, not {period}"
        ))
        .into());
    }
    let now = SystemClock
        .now()
        .to_chrono()
        .context("the clock is out of the calendar")?;
    let today = now.with_timezone(&settings.district.timezone).date_naive();
    let issued_on = match &args.date {
        None => today,
        Some(text) => text
            .parse()
            .map_err(|_| Usage(format!("date {text:?} is not like 2019-08-12")))?,
    };
    if period.first() > today {
        return Err(Usage(format!("week {period} lies in the future")).into());
    }
    for file in write_weekly(settings, period, issued_on, &args.out, &args.format).await? {
        println!("{}", file.display());
    }
    Ok(())
}

/// Writes the notice of a week in some formats; the files' paths.
pub(crate) async fn write_weekly(
    settings: &Settings,
    week: Period,
    issued_on: NaiveDate,
    out: &Path,
    formats: &[NoticeFormat],
) -> anyhow::Result<Vec<PathBuf>> {
    let lake = Lake::new(settings)?;
    let notice = weekly_notice(&lake, settings, week, issued_on)
        .await
        .context("notice")?;
    std::fs::create_dir_all(out).with_context(|| format!("making {}", out.display()))?;
    let mut files = Vec::new();
    for format in formats {
        let (ending, text) = match format {
            NoticeFormat::Html => ("html", html(&notice)),
            NoticeFormat::Md => ("md", markdown(&notice)),
        };
        let file = out.join(format!("weekly-{week}.{ending}"));
        std::fs::write(&file, text).with_context(|| format!("writing {}", file.display()))?;
        files.push(file);
    }
    Ok(files)
}
