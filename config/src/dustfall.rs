//! `[dustfall]`: where dustfall (降尘) is collected, and how results are judged.
//!
//! The method is HJ 1221-2021; where it leaves room, each reading is a key here with its recommended default.
//! Invariants: every point's township is listed; two entries of one point, or of one monitor, never cover the same day.

use std::path::Path;

use chrono::NaiveDate;
use dustwatch_observation::Decimal;

use crate::raw::RawDustfall;
use crate::registry::{Row, rows};
use crate::{ConfigError, Registry};

/// Inner diameters of collectors that are believed, in cm. HJ 1221 says 15 ± 0.5; automatic monitors have larger ones.
const DIAMETER_CM: (i64, i64) = (5, 50);

/// Mouth areas of collectors that are believed, in cm²: those of the diameters.
const AREA_CM2: (i64, i64) = (19, 1964);

/// Notes of a laboratory that void a sample (HJ 1221: the collector overflowed, or something else fell into it).
const VOID_NOTES: [&str; 11] = [
    "溢出", "满溢", "鸟粪", "藻", "破损", "倾倒", "丢失", "作废", "overflow", "bird", "algae",
];

/// `[dustfall]`: points, checks and readings of the rules.
#[derive(Debug, Clone, PartialEq)]
pub struct DustfallSettings {
    /// The points, in the file's order.
    pub points: Vec<DustfallPoint>,
    /// Shortest exposure that gives a valid result, in days (28.0).
    pub exposure_min_days: Decimal,
    /// Longest exposure that gives a valid result, in days (32.0).
    pub exposure_max_days: Decimal,
    /// Detection limit in t/(km²·30 d) (0.3; HJ 1221-2021).
    pub detection_limit: Decimal,
    /// What a result below the detection limit counts for in means.
    pub nd_policy: NdPolicy,
    /// Largest relative deviation of parallel samples from their mean, in percent (15).
    pub parallel_max_percent: Decimal,
    /// Two weighings of a crucible must differ by less, in mg (0.4; HJ 1221-2021).
    pub crucible_max_difference_mg: Decimal,
    /// Collectors are exchanged within so many last days of a month (5).
    pub exchange_last_days: u32,
    /// Largest residue in a collector that is believed, in g (5).
    pub net_max_g: Decimal,
    /// Words in a note that void a sample.
    pub void_notes: Vec<String>,
    /// What the district's value is the mean of.
    pub district_dustfall: DistrictDustfall,
    /// Months with a value that a year needs (12).
    pub year_min_months: u32,
}

/// What a result below the detection limit counts for in means; it is published as `<0.3` all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NdPolicy {
    /// Half of the detection limit.
    Half,
    /// Nothing.
    Zero,
    /// What was measured.
    Value,
}

impl NdPolicy {
    const ALL: [NdPolicy; 3] = [NdPolicy::Half, NdPolicy::Zero, NdPolicy::Value];

    /// The word in `dustwatch.toml`.
    pub fn as_str(self) -> &'static str {
        match self {
            NdPolicy::Half => "half",
            NdPolicy::Zero => "zero",
            NdPolicy::Value => "value",
        }
    }
}

/// What the district's value is the mean of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DistrictDustfall {
    /// Its townships' values, each counting the same.
    MeanOfTownships,
    /// All its points.
    MeanOfPoints,
}

impl DistrictDustfall {
    const ALL: [DistrictDustfall; 2] = [DistrictDustfall::MeanOfTownships, DistrictDustfall::MeanOfPoints];

    /// The word in `dustwatch.toml`.
    pub fn as_str(self) -> &'static str {
        match self {
            DistrictDustfall::MeanOfTownships => "mean_of_townships",
            DistrictDustfall::MeanOfPoints => "mean_of_points",
        }
    }
}

/// A point (采样点): one collector at one place for one span of time; one that moves has several entries.
#[derive(Debug, Clone, PartialEq)]
pub struct DustfallPoint {
    /// Its code, as laboratories write it.
    pub site: String,
    /// Name as printed; a laboratory may write it instead of the code.
    pub name: String,
    /// Code of the township it stands in.
    pub township: String,
    /// Id (MN) of the automatic monitor that stands here, if one does.
    pub mn: Option<String>,
    /// Inner diameter of the collector in cm, where a result does not say it.
    pub diameter_cm: Option<Decimal>,
    /// Area of its mouth in cm², where a result does not say it; wins over the diameter.
    pub area_cm2: Option<Decimal>,
    /// Days of an exposure of an automatic monitor.
    pub exposure_days: Option<Decimal>,
    /// Latitude in degrees, WGS-84.
    pub lat: Option<f64>,
    /// Longitude in degrees, WGS-84.
    pub lon: Option<f64>,
    /// First local day; open when absent.
    pub valid_from: Option<NaiveDate>,
    /// Last local day; open when absent.
    pub valid_to: Option<NaiveDate>,
}

impl DustfallPoint {
    /// Whether the collector stood here on a local day.
    pub fn covers(&self, day: NaiveDate) -> bool {
        self.valid_from.is_none_or(|from| from <= day) && self.valid_to.is_none_or(|to| day <= to)
    }

    fn meets(&self, other: &DustfallPoint) -> bool {
        let from = |point: &Self| point.valid_from.unwrap_or(NaiveDate::MIN);
        let to = |point: &Self| point.valid_to.unwrap_or(NaiveDate::MAX);
        from(self) <= to(other) && from(other) <= to(self)
    }
}

/// Whether a diameter in cm can be that of a collector; one in mm or m cannot.
pub fn is_collector_diameter(cm: Decimal) -> bool {
    is_within(cm, DIAMETER_CM)
}

/// Whether an area in cm² can be that of a collector's mouth; one in mm² or m² cannot.
pub fn is_collector_area(cm2: Decimal) -> bool {
    is_within(cm2, AREA_CM2)
}

fn is_within(value: Decimal, (low, high): (i64, i64)) -> bool {
    let unit = 10i128.pow(value.scale().into());
    (i128::from(low) * unit..=i128::from(high) * unit).contains(&value.mantissa().into())
}

/// The points that a text in the form of `dustfall_points.csv` describes; the path is for messages only.
pub(crate) fn points(
    file: &Path,
    text: &str,
    registry: &Registry,
) -> Result<Vec<DustfallPoint>, ConfigError> {
    let mut points: Vec<DustfallPoint> = Vec::new();
    for row in rows(file, text, &["site", "name", "township"])? {
        let point = point(&row, registry)?;
        for other in points.iter().filter(|other| other.meets(&point)) {
            if other.site == point.site || other.name == point.name {
                return Err(row.fault(format!("point {} is listed twice for the same day", point.site)));
            }
            if let Some(mn) = other.mn.as_ref().filter(|mn| Some(*mn) == point.mn.as_ref()) {
                return Err(row.fault(format!("monitor {mn} stands at two points at the same time")));
            }
        }
        points.push(point);
    }
    Ok(points)
}

fn point(row: &Row<'_>, registry: &Registry) -> Result<DustfallPoint, ConfigError> {
    let decimal = |column: &str, what: &str, is_right: &dyn Fn(Decimal) -> bool| {
        let Some(text) = row.text(column) else {
            return Ok(None);
        };
        let value = Decimal::parse(text.as_bytes()).ok().filter(|v| is_right(*v));
        value
            .map(Some)
            .ok_or_else(|| row.fault(format!("{column} {text:?} is not {what}")))
    };
    let township = row.required("township")?.to_owned();
    if registry.township(&township).is_none() {
        return Err(row.fault(format!("township {township:?} is not in the list of townships")));
    }
    let point = DustfallPoint {
        site: row.required("site")?.to_owned(),
        name: row.required("name")?.to_owned(),
        township,
        mn: row.text("mn").map(str::to_owned),
        diameter_cm: decimal(
            "diameter_cm",
            "a diameter of 5 to 50 cm with at most two places",
            &|v| v.scale() <= 2 && is_collector_diameter(v),
        )?,
        area_cm2: decimal(
            "area_cm2",
            "an area of 19 to 1964 cm² with at most four places",
            &|v| v.scale() <= 4 && is_collector_area(v),
        )?,
        exposure_days: decimal("exposure_days", "a number of days with at most one place", &|v| {
            v.scale() <= 1 && v.mantissa() > 0 && v.to_f64() <= 366.0
        })?,
        lat: row.parsed("lat", "a latitude in degrees")?,
        lon: row.parsed("lon", "a longitude in degrees")?,
        valid_from: row.parsed("valid_from", "a date like 2019-08-01")?,
        valid_to: row.parsed("valid_to", "a date like 2019-08-01")?,
    };
    if point.mn.is_some() && point.area_cm2.is_none() && point.diameter_cm.is_none() {
        return Err(row.fault("an automatic monitor needs area_cm2 or diameter_cm".to_owned()));
    }
    Ok(point)
}

impl DustfallSettings {
    pub(crate) fn resolve(
        raw: RawDustfall,
        points: Vec<DustfallPoint>,
        error: &dyn Fn(&str, String) -> ConfigError,
    ) -> Result<Self, ConfigError> {
        // Three places, without those that say nothing.
        let amount = |key: &str, value: Option<f64>, default: f64| {
            let amount =
                Decimal::from_f64(value.unwrap_or(default), 3).and_then(|a| a.times(Decimal::new(1, 0)));
            match amount {
                Ok(amount) if amount.mantissa() >= 0 && amount.to_f64() <= 1000.0 => Ok(amount),
                _ => Err(error(key, "must be a number from 0 to 1000".to_owned())),
            }
        };
        let count = |key: &str, value: Option<u32>, default: u32, high: u32| {
            let value = value.unwrap_or(default);
            if (1..=high).contains(&value) {
                Ok(value)
            } else {
                Err(error(key, format!("must be 1 to {high}")))
            }
        };
        let settings = Self {
            points,
            exposure_min_days: amount("exposure_min_days", raw.exposure_min_days, 28.0)?,
            exposure_max_days: amount("exposure_max_days", raw.exposure_max_days, 32.0)?,
            detection_limit: amount("detection_limit", raw.detection_limit, 0.3)?,
            nd_policy: word(
                "nd_policy",
                raw.nd_policy,
                &NdPolicy::ALL,
                NdPolicy::as_str,
                error,
            )?,
            parallel_max_percent: amount("parallel_max_percent", raw.parallel_max_percent, 15.0)?,
            crucible_max_difference_mg: amount(
                "crucible_max_difference_mg",
                raw.crucible_max_difference_mg,
                0.4,
            )?,
            exchange_last_days: count("exchange_last_days", raw.exchange_last_days, 5, 28)?,
            net_max_g: amount("net_max_g", raw.net_max_g, 5.0)?,
            void_notes: raw
                .void_notes
                .unwrap_or_else(|| VOID_NOTES.map(str::to_owned).to_vec()),
            district_dustfall: word(
                "district_dustfall",
                raw.district_dustfall,
                &DistrictDustfall::ALL,
                DistrictDustfall::as_str,
                error,
            )?,
            year_min_months: count("year_min_months", raw.year_min_months, 12, 12)?,
        };
        if settings.exposure_min_days.to_f64() > settings.exposure_max_days.to_f64() {
            let message = "must not be more than exposure_max_days".to_owned();
            return Err(error("exposure_min_days", message));
        }
        if settings.net_max_g.to_f64() > 100.0 {
            return Err(error("net_max_g", "must not be more than 100".to_owned()));
        }
        if settings.void_notes.iter().any(|note| note.trim().is_empty()) {
            return Err(error(
                "void_notes",
                "an empty word would void every note".to_owned(),
            ));
        }
        Ok(settings)
    }

    /// The entries of a point, by its code or its name.
    pub fn entries<'a>(&'a self, site: &'a str) -> impl Iterator<Item = &'a DustfallPoint> {
        let is_code = self.points.iter().any(|point| point.site == site);
        self.points.iter().filter(move |point| {
            if is_code {
                point.site == site
            } else {
                point.name == site
            }
        })
    }

    /// Every key of the section with the value in force.
    pub(crate) fn describe(&self, add: &mut dyn FnMut(&str, String)) {
        add("dustfall.points", format!("{} points", self.points.len()));
        add("dustfall.exposure_min_days", self.exposure_min_days.to_string());
        add("dustfall.exposure_max_days", self.exposure_max_days.to_string());
        add("dustfall.detection_limit", self.detection_limit.to_string());
        add("dustfall.nd_policy", self.nd_policy.as_str().to_owned());
        add(
            "dustfall.parallel_max_percent",
            self.parallel_max_percent.to_string(),
        );
        add(
            "dustfall.crucible_max_difference_mg",
            self.crucible_max_difference_mg.to_string(),
        );
        add("dustfall.exchange_last_days", self.exchange_last_days.to_string());
        add("dustfall.net_max_g", self.net_max_g.to_string());
        add("dustfall.void_notes", self.void_notes.join(" "));
        add(
            "dustfall.district_dustfall",
            self.district_dustfall.as_str().to_owned(),
        );
        add("dustfall.year_min_months", self.year_min_months.to_string());
    }
}

/// The choice that a word names; the first one when it is left out.
fn word<T: Copy>(
    key: &str,
    value: Option<String>,
    all: &[T],
    as_str: fn(T) -> &'static str,
    error: &dyn Fn(&str, String) -> ConfigError,
) -> Result<T, ConfigError> {
    let Some(value) = value else {
        return Ok(all[0]);
    };
    all.iter()
        .copied()
        .find(|one| as_str(*one) == value)
        .ok_or_else(|| {
            let words: Vec<&str> = all.iter().map(|one| as_str(*one)).collect();
            error(key, format!("{value:?} is none of {}", words.join(", ")))
        })
}
