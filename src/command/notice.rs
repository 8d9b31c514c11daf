//! `notice weekly`: the official notice of a week.
//!
//! Beside the documents lies a register with everything that they print, `weekly-2019-W32.json`. Made again from other
//! figures, a notice becomes a revision with files of its own; made again from the same figures, it is the same.
//! Invariant: no document is ever overwritten.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use chrono::NaiveDate;
use dustwatch_analytics::notice::{
    Issued, Register, WeeklyRequest, html, markdown, settle, weekly, weekly_inputs,
};
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

/// Writes the notice of a week in some formats; the documents' paths.
pub(crate) async fn write_weekly(
    settings: &Settings,
    week: Period,
    issued_on: NaiveDate,
    out: &Path,
    formats: &[NoticeFormat],
) -> anyhow::Result<Vec<PathBuf>> {
    let lake = Lake::new(settings)?;
    let inputs = weekly_inputs(&lake, settings, &WeeklyRequest::new(week, issued_on))
        .await
        .context("notice")?;
    std::fs::create_dir_all(out).with_context(|| format!("making {}", out.display()))?;
    let last = last_register(out, &format!("weekly-{week}"))?;
    let (inputs, issued) = settle(inputs, last.as_ref());
    say(issued, &inputs.issued_on, inputs.revision);
    let notice = weekly(&inputs);
    let register = Register::of(&inputs);
    let stem = notice.file_stem();
    if issued != Issued::Unchanged {
        refuse_to_overwrite(out, &stem)?;
        write_new(&out.join(format!("{stem}.json")), &register.to_json())?;
    }
    let mut files = Vec::new();
    for format in formats {
        let (ending, text) = match format {
            NoticeFormat::Html => ("html", html(&notice)),
            NoticeFormat::Md => ("md", markdown(&notice)),
        };
        let file = out.join(format!("{stem}.{ending}"));
        if !file.exists() {
            write_new(&file, &text)?;
        }
        files.push(file);
    }
    Ok(files)
}

fn say(issued: Issued, issued_on: &NaiveDate, revision: Option<u32>) {
    match issued {
        Issued::First => {}
        Issued::Unchanged => eprintln!("nothing has changed since the issue of {issued_on}: it stands"),
        Issued::Revised => eprintln!(
            "figures have changed since the last issue: this is revision {}",
            revision.unwrap_or(0)
        ),
    }
}

/// The register of the newest issue: `STEM.json`, or the `STEM-rN.json` with the highest number.
fn last_register(out: &Path, stem: &str) -> anyhow::Result<Option<Register>> {
    let mut last: Option<(u32, PathBuf)> = None;
    for entry in out
        .read_dir()
        .with_context(|| format!("listing {}", out.display()))?
    {
        let path = entry?.path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let Some(rest) = name
            .strip_prefix(stem)
            .and_then(|rest| rest.strip_suffix(".json"))
        else {
            continue;
        };
        let revision = match rest.strip_prefix("-r") {
            None if rest.is_empty() => Some(0),
            None => None,
            Some(number) => number.parse().ok(),
        };
        if let Some(revision) = revision
            && last.as_ref().is_none_or(|(newest, _)| revision > *newest)
        {
            last = Some((revision, path));
        }
    }
    let Some((_, path)) = last else {
        return Ok(None);
    };
    let text = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let register = Register::parse(&text).with_context(|| format!("reading {}", path.display()))?;
    Ok(Some(register))
}

/// A document without a register was not made by this program, or by one that kept none.
fn refuse_to_overwrite(out: &Path, stem: &str) -> anyhow::Result<()> {
    for ending in ["html", "md", "json"] {
        let file = out.join(format!("{stem}.{ending}"));
        if file.exists() {
            bail!(
                "{} is there, but not the register of its issue; move it away, or name another folder with --out",
                file.display()
            );
        }
    }
    Ok(())
}

/// Writes a file whole or not at all.
fn write_new(path: &Path, text: &str) -> anyhow::Result<()> {
    let folder = path.parent().context("a file lies in a folder")?;
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let unfinished = folder.join(format!(".{name}.unfinished"));
    let write = || -> std::io::Result<()> {
        let mut file = std::fs::File::create(&unfinished)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&unfinished, path)
    };
    write().with_context(|| format!("writing {}", path.display()))
}
