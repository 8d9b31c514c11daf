//! `notice weekly|monthly`: the official notice of a week, the dispatch of a month.
//!
//! Beside the documents lies a register with everything that they print, `weekly-2019-W32.json`. Made again from other
//! figures, a notice becomes a revision with files of its own; made again from the same figures, it is the same.
//! Invariant: no document is ever overwritten.

mod files;
mod formats;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use chrono::NaiveDate;
use dustwatch_analytics::Period;
use dustwatch_analytics::notice::{
    Issued, NoticeKind, NoticeRequest, Register, assemble, notice_inputs, settle,
};
use dustwatch_config::Settings;
use dustwatch_document::Template;
use dustwatch_lake::Lake;
use dustwatch_observation::{Clock, SystemClock};

use super::Usage;
use crate::cli::{NoticeArgs, NoticeFormat};
pub(crate) use files::{issues, write_whole};
use files::{last_register, refuse_to_overwrite};
use formats::Formats;

/// Makes a notice and says where it is.
pub(crate) async fn run(settings: &Settings, kind: NoticeKind, args: NoticeArgs) -> anyhow::Result<()> {
    let written = match (&args.as_of, &args.period) {
        (Some(register), _) => write_again(settings, register, &args.out, &args.format).await?,
        (None, Some(period)) => {
            let (period, issued_on) = asked(settings, kind, period, args.date.as_deref())?;
            write_issue(settings, period, issued_on, &args.out, &args.format).await?
        }
        (None, None) => return Err(Usage("--period or --as-of is needed".to_owned()).into()),
    };
    for file in written {
        println!("{}", file.display());
    }
    Ok(())
}

/// `notice template`.
pub(crate) fn print_template() -> anyhow::Result<()> {
    print!("{}", Template::built_in().text());
    Ok(())
}

/// The period and the date of issue that a command line means.
fn asked(
    settings: &Settings,
    kind: NoticeKind,
    period: &str,
    date: Option<&str>,
) -> anyhow::Result<(Period, NaiveDate)> {
    let period: Period = period
        .parse()
        .map_err(dustwatch_analytics::AnalyticsError::from)?;
    if NoticeKind::of(period) != Some(kind) {
        let like = match kind {
            NoticeKind::Weekly => "a week like 2019-W32",
            NoticeKind::Monthly => "a month like 2019-08",
        };
        return Err(Usage(format!(
            "a {} notice is about {like}, not {period}",
            kind.as_str()
        ))
        .into());
    }
    let now = SystemClock
        .now()
        .to_chrono()
        .context("the clock is out of the calendar")?;
    let today = now.with_timezone(&settings.district.timezone).date_naive();
    let issued_on = match date {
        None => today,
        Some(text) => text
            .parse()
            .map_err(|_| Usage(format!("date {text:?} is not like 2019-08-12")))?,
    };
    if period.first() > today {
        return Err(Usage(format!("{period} lies in the future")).into());
    }
    // Its list of names has consequences, and only final values may have those.
    if kind == NoticeKind::Monthly && period.last() >= today {
        return Err(Usage(format!(
            "{period} is not over: who is called in is told of whole months only"
        ))
        .into());
    }
    Ok((period, issued_on))
}

/// Writes the notice of a week or a month in some formats; the documents' paths.
pub(crate) async fn write_issue(
    settings: &Settings,
    period: Period,
    issued_on: NaiveDate,
    out: &Path,
    formats: &[NoticeFormat],
) -> anyhow::Result<Vec<PathBuf>> {
    // What a format needs is looked for first: a notice is issued in all its formats or not at all.
    let formats = Formats::prepare(settings, formats)?;
    let lake = Lake::new(settings)?;
    let inputs = notice_inputs(&lake, settings, &NoticeRequest::new(period, issued_on))
        .await
        .context("notice")?;
    std::fs::create_dir_all(out).with_context(|| format!("making {}", out.display()))?;
    let last = last_register(out, &Register::of(&inputs).file_stem())?;
    let (inputs, issued) = settle(inputs, last.as_ref());
    say(issued, &inputs.issued_on, inputs.revision);
    let notice = assemble(&inputs);
    let register = Register::of(&inputs);
    let stem = notice.file_stem();
    let is_there =
        |ending: &str| issued == Issued::Unchanged && out.join(format!("{stem}.{ending}")).exists();
    // Typesetting takes seconds: other tasks of the process go on meanwhile.
    let documents = tokio::task::block_in_place(|| formats.make(&notice, is_there))?;
    if issued != Issued::Unchanged {
        refuse_to_overwrite(out, &stem)?;
        write_whole(&out.join(format!("{stem}.json")), register.to_json().as_bytes())?;
    }
    for (ending, bytes) in documents {
        write_whole(&out.join(format!("{stem}.{ending}")), &bytes)?;
    }
    Ok(formats.paths(out, &stem))
}

/// Makes the notice of a register again from the table versions that it names. Files that are there must be the same.
pub(crate) async fn write_again(
    settings: &Settings,
    register: &Path,
    out: &Path,
    formats: &[NoticeFormat],
) -> anyhow::Result<Vec<PathBuf>> {
    let formats = Formats::prepare(settings, formats)?;
    let text =
        std::fs::read_to_string(register).with_context(|| format!("reading {}", register.display()))?;
    let printed = Register::parse(&text).with_context(|| format!("reading {}", register.display()))?;
    let request = printed
        .request()
        .with_context(|| format!("reading {}", register.display()))?;
    if printed.provenance.district != settings.district.code.to_string() {
        bail!(
            "{} is a notice of district {}, the settings are of {}",
            register.display(),
            printed.provenance.district,
            settings.district.code
        );
    }
    let lake = Lake::new(settings)?;
    let inputs = notice_inputs(&lake, settings, &request)
        .await
        .with_context(|| format!("making {} again", register.display()))?;
    let (inputs, issued) = settle(inputs, Some(&printed));
    if issued != Issued::Unchanged {
        bail!(
            "the same table versions give other figures now, so {} cannot be made again: {}; \
             stations, townships or settings have changed since, or the tables were not what they are",
            register.display(),
            differences(&inputs.correction)
        );
    }
    let notice = assemble(&inputs);
    let stem = notice.file_stem();
    std::fs::create_dir_all(out).with_context(|| format!("making {}", out.display()))?;
    let mut made = tokio::task::block_in_place(|| formats.make(&notice, |_| false))?;
    made.push(("json", Register::of(&inputs).to_json().into_bytes()));
    for (ending, bytes) in made {
        let file = out.join(format!("{stem}.{ending}"));
        match std::fs::read(&file) {
            Ok(there) if there == bytes => {}
            Ok(_) => bail!(
                "{} is there and differs from what its register gives; it was changed, or made by another \
                 version of the program, its template or its fonts",
                file.display()
            ),
            Err(_) => write_whole(&file, &bytes)?,
        }
    }
    Ok(formats.paths(out, &stem))
}

fn differences(correction: &Option<dustwatch_analytics::notice::Correction>) -> String {
    let Some(correction) = correction else {
        return "no figure is named".to_owned();
    };
    let changes = correction.changes.iter().map(|change| {
        let (old, new) = &change.value;
        format!("{} {} {old} is {new}", change.parameter, change.name)
    });
    let others = (correction.others > 0).then(|| format!("{} other figures", correction.others));
    changes.chain(others).collect::<Vec<_>>().join(", ")
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
