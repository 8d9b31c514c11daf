//! Lines of a file as samples: cells read, units and dates checked.
//!
//! Invariant: a sample is what the line says, exactly; what cannot be one is refused with the reason.

use chrono_tz::Tz;
use dustwatch_config::{DustfallSettings, is_collector_area, is_collector_diameter};
use dustwatch_observation::{Decimal, Rescaled, Time};

use super::layout::Layout;
use super::moment::{self, Moment};
use super::note::void_word;
use crate::{Period, PeriodKind, Refusal, SheetLine};

/// A crucible weighs less, in g; more is milligrams.
const CRUCIBLE_MAX_G: f64 = 1000.0;
/// A blank leaves less, in g; more is milligrams.
const BLANK_MAX_G: f64 = 1.0;
/// The collector of an automatic monitor weighs less, in g; more is milligrams.
const TARE_MAX_G: f64 = 20_000.0;

const DAY_MICROS: f64 = 86_400e6;

/// A line that can be calculated: a row of `dustfall_samples`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Sample {
    pub(super) line: u64,
    pub(super) source: String,
    pub(super) site: String,
    pub(super) sample: String,
    pub(super) replicate: String,
    pub(super) is_automatic: bool,
    pub(super) is_weighed: bool,
    pub(super) from: Time,
    pub(super) to: Time,
    pub(super) days: Option<Decimal>,
    pub(super) m1: Option<Decimal>,
    pub(super) m1_second: Option<Decimal>,
    pub(super) m0: Option<Decimal>,
    pub(super) m0_second: Option<Decimal>,
    pub(super) m2: Option<Decimal>,
    pub(super) diameter: Option<Decimal>,
    pub(super) area: Option<Decimal>,
    pub(super) result: Option<Decimal>,
    pub(super) is_below: bool,
    pub(super) is_void: bool,
    pub(super) flag: Option<String>,
    pub(super) note: Option<String>,
}

/// Reads the lines of one file.
pub(super) struct Reader<'a> {
    pub(super) settings: &'a DustfallSettings,
    pub(super) timezone: Tz,
    pub(super) now: Time,
    pub(super) layout: Layout,
}

impl Reader<'_> {
    /// The sample that a line describes.
    pub(super) fn read(&self, line: &SheetLine<'_>) -> Result<Sample, Refusal> {
        match self.layout {
            Layout::Weighings => self.weighings(line),
            Layout::Results => self.result(line),
            Layout::Automatic => self.automatic(line),
        }
    }

    fn weighings(&self, line: &SheetLine<'_>) -> Result<Sample, Refusal> {
        let (from, to) = self.exposure(line)?;
        let crucible = |column| grams(line, column, CRUCIBLE_MAX_G);
        let sample = Sample {
            is_weighed: true,
            sample: line.required("sample")?.to_owned(),
            days: self.days(line, from, to)?,
            m1: Some(needed(line, "m1_g", crucible("m1_g")?)?),
            m1_second: crucible("m1_second_g")?,
            m0: Some(needed(line, "m0_g", crucible("m0_g")?)?),
            m0_second: crucible("m0_second_g")?,
            m2: Some(needed(line, "m2_g", grams(line, "m2_g", BLANK_MAX_G)?)?),
            diameter: collector(line, "diameter_cm", 2, is_collector_diameter)?,
            area: collector(line, "area_cm2", 4, is_collector_area)?,
            ..self.sample(line, from, to)?
        };
        let is_known = |p: &dustwatch_config::DustfallPoint| p.area_cm2.is_some() || p.diameter_cm.is_some();
        let is_given = sample.diameter.is_some() || sample.area.is_some();
        if !is_given && !self.settings.entries(&sample.site).any(is_known) {
            let detail = "neither the line nor dustfall_points.csv says the collector's diameter or area";
            return Err(line.refuse("no_collector", detail));
        }
        Ok(sample)
    }

    fn result(&self, line: &SheetLine<'_>) -> Result<Sample, Refusal> {
        let (from, to) = match line.text("month") {
            Some(text) => self.month(line, text)?,
            None => self.exposure(line)?,
        };
        let (result, is_below) = self.value(line)?;
        let mut sample = Sample {
            days: self.days(line, from, to)?,
            result,
            is_below,
            ..self.sample(line, from, to)?
        };
        sample.sample = match line.text("sample") {
            Some(number) => number.to_owned(),
            None => {
                let day = from
                    .time
                    .to_chrono()
                    .map(|t| t.with_timezone(&self.timezone).date_naive());
                let day = day.map(|d| d.to_string()).unwrap_or_default();
                format!("{}@{day}/{}", sample.site, sample.replicate)
            }
        };
        Ok(sample)
    }

    fn automatic(&self, line: &SheetLine<'_>) -> Result<Sample, Refusal> {
        let mn = line.required("mn")?;
        let to = self.moment(line, "time")?;
        let day = to
            .time
            .to_chrono()
            .map(|t| t.with_timezone(&self.timezone).date_naive());
        let mut points = self.settings.points.iter();
        let stands = |p: &&dustwatch_config::DustfallPoint| {
            p.mn.as_deref() == Some(mn) && day.is_some_and(|day| p.covers(day))
        };
        let point = points.find(stands).ok_or_else(|| {
            line.refuse(
                "unknown_site",
                format!("no point of dustfall_points.csv has the monitor {mn:?} on that day"),
            )
        })?;
        let from = match (line.text("exposed_from"), point.exposure_days) {
            (Some(_), _) => self.moment(line, "exposed_from")?,
            (None, Some(days)) => Moment {
                time: Time::from_micros(to.time.as_micros() - (days.to_f64() * DAY_MICROS) as i64),
                is_day: false,
            },
            (None, None) => {
                let detail = format!(
                    "exposed_from is empty, and dustfall_points.csv says no exposure_days for the monitor {mn:?}"
                );
                return Err(line.refuse("no_exposure", detail));
            }
        };
        self.check_order(line, from, to)?;
        let gain = needed(line, "gain_g", signed(line, "gain_g", 6)?)?;
        let tare = grams(line, "tare_g", TARE_MAX_G)?;
        let m1 = tare.map_or(Some(gain), |tare| plus(tare, gain));
        let number = to
            .time
            .to_chrono()
            .map(|t| t.with_timezone(&self.timezone).format("%Y%m%d%H%M%S").to_string());
        Ok(Sample {
            line: line.number,
            source: line.source(),
            site: point.site.clone(),
            sample: format!("{mn}@{}", number.unwrap_or_default()),
            replicate: "1".to_owned(),
            is_automatic: true,
            is_weighed: true,
            from: from.time,
            to: to.time,
            m1: Some(m1.ok_or_else(|| line.refuse("bad_cell", "gain_g and tare_g do not add up"))?),
            m0: tare,
            flag: line.text("flag").map(str::to_uppercase),
            ..self.noted(line)
        })
    }

    /// What both layouts of a laboratory have.
    fn sample(&self, line: &SheetLine<'_>, from: Moment, to: Moment) -> Result<Sample, Refusal> {
        let named = line.required("site")?;
        let site = self.settings.entries(named).next().ok_or_else(|| {
            line.refuse(
                "unknown_site",
                format!("{named:?} is neither a site nor a name in dustfall_points.csv"),
            )
        })?;
        Ok(Sample {
            line: line.number,
            source: line.source(),
            site: site.site.clone(),
            replicate: line.text("replicate").unwrap_or("1").to_owned(),
            from: from.time,
            to: to.time,
            ..self.noted(line)
        })
    }

    fn noted(&self, line: &SheetLine<'_>) -> Sample {
        let note = line.text("note");
        Sample {
            is_void: note.is_some_and(|note| void_word(note, &self.settings.void_notes).is_some()),
            note: note.map(str::to_owned),
            ..Sample::default()
        }
    }

    fn moment(&self, line: &SheetLine<'_>, column: &str) -> Result<Moment, Refusal> {
        let text = line.required(column)?;
        moment::parse(text, self.timezone)
            .ok_or_else(|| line.refuse("bad_cell", format!("{column} {text:?} is not {}", moment::LOOKS)))
    }

    fn exposure(&self, line: &SheetLine<'_>) -> Result<(Moment, Moment), Refusal> {
        let (from, to) = (
            self.moment(line, "exposed_from")?,
            self.moment(line, "exposed_to")?,
        );
        self.check_order(line, from, to)?;
        Ok((from, to))
    }

    fn month(&self, line: &SheetLine<'_>, text: &str) -> Result<(Moment, Moment), Refusal> {
        let month = text
            .parse::<Period>()
            .ok()
            .filter(|p| p.kind() == PeriodKind::Month);
        let span = month.and_then(|month| month.instants(self.timezone));
        let span = span
            .ok_or_else(|| line.refuse("bad_cell", format!("month {text:?} is not a month like 2019-08")))?;
        let moment = |time| Moment { time, is_day: true };
        let (from, to) = (moment(span.start), moment(span.end));
        self.check_order(line, from, to)?;
        Ok((from, to))
    }

    fn check_order(&self, line: &SheetLine<'_>, from: Moment, to: Moment) -> Result<(), Refusal> {
        if to.time.as_micros() <= from.time.as_micros() {
            return Err(line.refuse("reversed_dates", "the exposure ends before it begins"));
        }
        if to.time.as_micros() > self.now.as_micros() {
            return Err(line.refuse("future_date", "the exposure is not over yet"));
        }
        Ok(())
    }

    /// The days that the line says, if they can be those between its dates: a date alone hides up to a day.
    fn days(&self, line: &SheetLine<'_>, from: Moment, to: Moment) -> Result<Option<Decimal>, Refusal> {
        let Some(days) = fixed(line, "exposure_days", 1)? else {
            return Ok(None);
        };
        let between = (to.time.as_micros() - from.time.as_micros()) as f64 / DAY_MICROS;
        let tolerance = if from.is_day || to.is_day { 1.0 } else { 0.1 };
        if (days.to_f64() - between).abs() > tolerance + 1e-9 {
            let detail = format!("exposure_days says {days}, but between the dates lie {between:.1} days");
            return Err(line.refuse("days_disagree", detail));
        }
        Ok(Some(days))
    }

    /// A laboratory's own result; none when it measured nothing, or only that there is less than the detection limit.
    fn value(&self, line: &SheetLine<'_>) -> Result<(Option<Decimal>, bool), Refusal> {
        let limit = self.settings.detection_limit;
        let text = match line.text("value_t_km2_30d") {
            None | Some("—" | "-" | "/" | "NA" | "未测") => return Ok((None, false)),
            Some("ND" | "未检出") => return Ok((None, true)),
            Some(text) => text,
        };
        if let Some(below) = text.strip_prefix(['<', '＜']) {
            return match Decimal::parse(below.trim().as_bytes()) {
                Ok(below) if below == limit => Ok((None, true)),
                _ => Err(line.refuse(
                    "bad_cell",
                    format!("{text:?} is not below the detection limit of {limit}"),
                )),
            };
        }
        let value = needed(line, "value_t_km2_30d", fixed(line, "value_t_km2_30d", 9)?)?;
        // No collector stays without any dust: a zero says that nothing was measured.
        Ok((Some(value).filter(|v| v.mantissa() != 0), false))
    }
}

fn needed(line: &SheetLine<'_>, column: &str, value: Option<Decimal>) -> Result<Decimal, Refusal> {
    value.ok_or_else(|| line.refuse("empty_cell", format!("{column} is empty")))
}

/// A number with at most so many places.
fn signed(line: &SheetLine<'_>, column: &str, places: u8) -> Result<Option<Decimal>, Refusal> {
    let Some(value) = line.decimal(column)? else {
        return Ok(None);
    };
    match value.rescale(places) {
        Rescaled::Exact(_) if value.to_f64().abs() < 100_000.0 => Ok(Some(value)),
        Rescaled::Rounded(_) => Err(line.refuse(
            "bad_cell",
            format!("{column} {value} has more than {places} places"),
        )),
        _ => Err(line.refuse("bad_cell", format!("{column} {value} is too large"))),
    }
}

/// A number of at least 0 with at most so many places.
fn fixed(line: &SheetLine<'_>, column: &str, places: u8) -> Result<Option<Decimal>, Refusal> {
    let value = signed(line, column, places)?;
    match value {
        Some(value) if value.mantissa() < 0 => {
            Err(line.refuse("bad_cell", format!("{column} {value} is negative")))
        }
        value => Ok(value),
    }
}

/// A mass in g that is less than `max`.
fn grams(line: &SheetLine<'_>, column: &str, max: f64) -> Result<Option<Decimal>, Refusal> {
    if let Some(value) = line.decimal(column)?
        && value.to_f64() >= max
    {
        let detail = format!("{column} {value} can only be milligrams: grams are less than {max}");
        return Err(line.refuse("unit_mg", detail));
    }
    fixed(line, column, 6)
}

/// A length or an area of a collector.
fn collector(
    line: &SheetLine<'_>,
    column: &str,
    places: u8,
    is_right: fn(Decimal) -> bool,
) -> Result<Option<Decimal>, Refusal> {
    match fixed(line, column, places)? {
        Some(value) if !is_right(value) => {
            let detail = format!("{column} {value} is that of no collector: is it in another unit?");
            Err(line.refuse("bad_collector", detail))
        }
        value => Ok(value),
    }
}

/// The exact sum of two masses with at most six places; `None` when it does not fit.
fn plus(a: Decimal, b: Decimal) -> Option<Decimal> {
    let millionths = |value: Decimal| match value.rescale(6) {
        Rescaled::Exact(number) => Some(number),
        _ => None,
    };
    Some(Decimal::new(millionths(a)?.checked_add(millionths(b)?)?, 6))
}
