//! The three layouts of files that dustfall comes in, and their columns.
//!
//! Invariant: masses are in grams, and a header that names milligrams refuses the file.

use std::path::Path;

use crate::{AnalyticsError, SheetColumn};

/// How a file is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// A laboratory's weighings, one line a sample.
    Weighings,
    /// A laboratory's results, already calculated, one line a sample or month.
    Results,
    /// An automatic monitor's grams, one line an exposure.
    Automatic,
}

/// Columns that a laboratory's file may have in either layout: name, aliases.
const SITE: (&str, &[&str]) = ("site", &["点位", "点位编号", "点位名称", "采样点"]);
const SAMPLE: (&str, &[&str]) = ("sample", &["样品编号", "样品号"]);
const REPLICATE: (&str, &[&str]) = ("replicate", &["平行", "平行样", "平行样编号"]);
const FROM: (&str, &[&str]) = ("exposed_from", &["开始时间", "采样开始时间", "放置时间"]);
const TO: (&str, &[&str]) = ("exposed_to", &["结束时间", "采样结束时间", "收回时间"]);
const DAYS: (&str, &[&str]) = ("exposure_days", &["采样天数(d)", "n(d)"]);
const NOTE: (&str, &[&str]) = ("note", &["备注"]);
const VALUE: (&str, &[&str]) = ("value_t_km2_30d", &["value", "降尘量", "降尘量(t/(km2·30d))"]);

impl Layout {
    /// The layout of a laboratory's file: one with a column of results is one of results.
    pub(super) fn of_laboratory(path: &Path) -> Self {
        let value = column(VALUE, true);
        let is_value = |name: &String| *name == value.name || value.aliases.contains(name);
        match header(path).iter().any(is_value) {
            true => Layout::Results,
            false => Layout::Weighings,
        }
    }

    /// The columns.
    pub(super) fn columns(self) -> Vec<SheetColumn> {
        let (must, may) = (|c| column(c, true), |c| column(c, false));
        match self {
            Layout::Weighings => vec![
                must(SITE),
                must(SAMPLE),
                may(REPLICATE),
                must(FROM),
                must(TO),
                may(DAYS),
                must(("m1_g", &["m1(g)", "坩埚加残渣质量(g)"])),
                may(("m1_second_g", &["m1'(g)", "坩埚加残渣第二次质量(g)"])),
                must(("m0_g", &["m0(g)", "空坩埚质量(g)"])),
                may(("m0_second_g", &["m0'(g)", "空坩埚第二次质量(g)"])),
                must(("m2_g", &["m2(g)", "空白残渣质量(g)"])),
                may(("diameter_cm", &["内径(cm)", "集尘缸内径(cm)"])),
                may(("area_cm2", &["缸口面积(cm2)", "缸口面积(cm²)"])),
                may(NOTE),
            ],
            Layout::Results => vec![
                must(SITE),
                may(SAMPLE),
                may(REPLICATE),
                may(("month", &["月份"])),
                may(FROM),
                may(TO),
                may(DAYS),
                must(VALUE),
                may(NOTE),
            ],
            Layout::Automatic => vec![
                must(("mn", &["MN", "device", "设备编号"])),
                must(("time", &["DataTime", "时间"])),
                must(("gain_g", &["grams", "a34011-Rtd", "增重(g)"])),
                may(("tare_g", &["tare", "a34011-Ori", "皮重(g)"])),
                may(("flag", &["a34011-Flag", "数据标记"])),
                may(FROM),
                may(NOTE),
            ],
        }
    }
}

/// A column whose aliases may have their unit in full-width brackets.
fn column((name, aliases): (&str, &[&str]), required: bool) -> SheetColumn {
    let wide = |alias: &str| alias.replace('(', "（").replace(')', "）");
    let aliases = aliases
        .iter()
        .flat_map(|alias| [(*alias).to_owned(), wide(alias)]);
    let mut aliases: Vec<String> = aliases.collect();
    aliases.dedup();
    SheetColumn {
        name: name.to_owned(),
        aliases,
        required,
    }
}

/// Refuses a file whose header names another unit of mass.
pub(super) fn check_units(path: &Path) -> Result<(), AnalyticsError> {
    for name in header(path) {
        let lower = name.to_lowercase();
        if ["mg", "毫克", "µg", "μg", "ug", "kg"]
            .iter()
            .any(|unit| lower.contains(unit))
        {
            return Err(AnalyticsError::Sheet {
                file: path.display().to_string(),
                message: format!(
                    "column {name:?} is not in grams: convert the masses to g and name the column m1_g, m0_g, m2_g or gain_g"
                ),
            });
        }
    }
    Ok(())
}

/// The names in the first line; none when there is no such line, which whoever reads the sheet will say.
fn header(path: &Path) -> Vec<String> {
    let bytes = std::fs::read(path).unwrap_or_default();
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let line = line.trim_start_matches('\u{feff}');
    line.split(',')
        .map(|name| name.trim().trim_matches('"').to_owned())
        .collect()
}
