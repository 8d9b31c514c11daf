//! The double-random inspection list (双随机): which sites are inspected, and by which team, drawn so that anybody can draw again.
//!
//! Place on the way: hot spots and alarms of a period in, a list out. Sites are drawn without replacement, each with a chance in
//! proportion to its weight; teams come in an order drawn as well.
//!
//! Invariants: the list is a function of seed, period, sites, their weights and the file of teams. Each draw depends on one
//! number, made of the seed and what is drawn alone: another site in the list does not change the numbers of the others.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::NaiveDate;
use dustwatch_config::{Settings, Station, StationKind};
use dustwatch_lake::{Lake, fingerprint};

use crate::alarms::{AlarmFilter, alarms_list};
use crate::hotspots::{HotspotRequest, hotspots};
use crate::{AnalyticsError, Cell, Period, Sheet, SheetColumn, SourceChoice, Table};

/// Weight of a site about which nothing is known, in thousandths.
const PLAIN: u64 = 1000;
/// The most that standing out from the surroundings adds: three times them.
const HOT: u64 = 2000;
/// What an alarm adds, and how many count.
const AN_ALARM: u64 = 200;
const ALARMS: u64 = 10;

/// What is to be drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InspectRequest {
    /// The period whose hot spots and alarms count.
    pub period: Period,
    /// Key of the parameter of hot spots, `tsp`.
    pub parameter: String,
    /// How many sites.
    pub sites: usize,
    /// What the draw is a function of, beside the sites and teams.
    pub seed: u64,
}

/// A team of inspectors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Team {
    /// Its name.
    pub name: String,
    /// Codes of the townships that it is kept away from (回避).
    pub avoids: Vec<String>,
}

/// A site that can be drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The monitor.
    pub device: String,
    /// The site's name.
    pub name: String,
    /// Code of its township.
    pub township: String,
    /// Its value over that of its surroundings, in hundredths; `None` when nothing is known.
    pub ratio: Option<u64>,
    /// Alarms that began in the period.
    pub alarms: u64,
}

impl Candidate {
    /// Its weight in thousandths: 1,000, and what its ratio is above one, to 2,000 at the most, and 200 for each of up to
    /// ten alarms.
    pub fn weight(&self) -> u64 {
        let above = self.ratio.map_or(0, |ratio| ratio.saturating_sub(100) * 10);
        PLAIN + above.min(HOT) + self.alarms.min(ALARMS) * AN_ALARM
    }
}

/// A line of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// The site.
    pub site: Candidate,
    /// The team's name.
    pub team: String,
}

/// Reads a file of teams: `team` (检查组) and, if some are kept away from a township, `avoid` (回避), its codes, names or
/// aliases with `;` or `、` between.
///
/// # Errors
/// [`AnalyticsError::Sheet`] names the file and the line at fault: a list without one of its teams would not be random.
pub fn read_teams(settings: &Settings, file: &Path) -> Result<Vec<Team>, AnalyticsError> {
    let columns = [
        SheetColumn::required("team", &["检查组", "组别"]),
        SheetColumn::optional("avoid", &["回避", "回避镇街"]),
    ];
    let sheet = Sheet::read(file, &columns)?;
    let fault = |line: u64, message: String| AnalyticsError::Sheet {
        file: file.display().to_string(),
        message: format!("line {line}: {message}"),
    };
    let mut teams: Vec<Team> = Vec::new();
    for line in sheet.lines() {
        let line = line.map_err(|refusal| fault(refusal.line, refusal.detail))?;
        let name = line
            .required("team")
            .map_err(|refusal| fault(refusal.line, refusal.detail))?;
        if teams.iter().any(|team| team.name == name) {
            return Err(fault(line.number, format!("team {name:?} is there twice")));
        }
        let mut avoids = Vec::new();
        for word in line
            .text("avoid")
            .unwrap_or_default()
            .split([';', '；', '、'])
            .map(str::trim)
        {
            if word.is_empty() {
                continue;
            }
            let found = settings
                .registry
                .townships_named(settings.district.code.as_str(), word);
            let [township] = found[..] else {
                return Err(fault(line.number, format!("{word:?} is no township, or several")));
            };
            avoids.push(township.code.clone());
        }
        teams.push(Team {
            name: name.to_owned(),
            avoids,
        });
    }
    if teams.is_empty() {
        return Err(fault(1, "there are no teams".to_owned()));
    }
    Ok(teams)
}

/// Draws the list of a period.
///
/// # Errors
/// [`AnalyticsError::Request`] when a township is avoided by every team; else as [`hotspots`].
pub async fn inspect(
    lake: &Lake,
    settings: &Settings,
    request: &InspectRequest,
    teams: &[Team],
) -> Result<Vec<Inspection>, AnalyticsError> {
    let candidates = candidates(lake, settings, request).await?;
    draw(&candidates, teams, request)
}

/// The list as a table.
pub fn inspection_table(settings: &Settings, list: &[Inspection]) -> Table {
    let headers = [
        "no", "device", "name", "township", "weight", "ratio", "alarms", "team",
    ];
    let text = |text: &str| Cell::Text(text.to_owned());
    let row = |(at, line): (usize, &Inspection)| {
        let township = settings.registry.township(&line.site.township);
        vec![
            Cell::Number((at + 1).to_string()),
            text(&line.site.device),
            text(&line.site.name),
            text(township.map_or(&line.site.township, |township| &township.name)),
            Cell::Number(thousandths(line.site.weight())),
            line.site
                .ratio
                .map_or(Cell::Missing, |ratio| Cell::Number(hundredths(ratio))),
            Cell::Number(line.site.alarms.to_string()),
            text(&line.team),
        ]
    };
    Table {
        headers: headers.map(str::to_owned).to_vec(),
        rows: list.iter().enumerate().map(row).collect(),
    }
}

/// Draws from candidates: by the exponential race (Efraimidis and Spirakis, 2006), so that each next site is drawn with a
/// chance in proportion to its weight among those left.
///
/// # Errors
/// [`AnalyticsError::Request`] when a township is avoided by every team.
pub fn draw(
    candidates: &[Candidate],
    teams: &[Team],
    request: &InspectRequest,
) -> Result<Vec<Inspection>, AnalyticsError> {
    let mut race: Vec<(f64, &Candidate)> = candidates
        .iter()
        .map(|site| {
            (
                -chance(request, "site", &site.device).ln() / site.weight() as f64,
                site,
            )
        })
        .collect();
    race.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.device.cmp(&b.1.device)));
    let mut order: Vec<(f64, &Team)> = teams
        .iter()
        .map(|team| (chance(request, "team", &team.name), team))
        .collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.name.cmp(&b.1.name)));
    let mut given = vec![0; order.len()];
    let mut list = Vec::new();
    for (_, site) in race.into_iter().take(request.sites) {
        let free = (0..order.len()).filter(|at| !order[*at].1.avoids.contains(&site.township));
        let at = free.min_by_key(|at| (given[*at], *at)).ok_or_else(|| {
            AnalyticsError::Request(format!(
                "every team avoids township {}, where {} is",
                site.township, site.device
            ))
        })?;
        given[at] += 1;
        list.push(Inspection {
            site: site.clone(),
            team: order[at].1.name.clone(),
        });
    }
    Ok(list)
}

/// A number between 0 and 1, exclusive, of what is drawn: SplitMix64 over FNV-1a of seed, period, kind and name.
fn chance(request: &InspectRequest, kind: &str, name: &str) -> f64 {
    let text = format!("{}|{}|{kind}|{name}", request.seed, request.period);
    let mut z = fingerprint(text.as_bytes())
        .cast_unsigned()
        .wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^= z >> 31;
    ((z >> 11) as f64 + 0.5) / (1u64 << 53) as f64
}

/// The district's sites of the period's last day, with what is known about them.
async fn candidates(
    lake: &Lake,
    settings: &Settings,
    request: &InspectRequest,
) -> Result<Vec<Candidate>, AnalyticsError> {
    let hot = HotspotRequest {
        parameter: request.parameter.clone(),
        period: request.period,
        source: SourceChoice::default(),
        observations_version: None,
    };
    let places = Table::from_result(&hotspots(lake, settings, &hot).await?.rows)?;
    let of = |table: &Table, name: &str| table.headers.iter().position(|header| header == name);
    let (Some(place), Some(ratio)) = (of(&places, "place"), of(&places, "ratio")) else {
        return Err(AnalyticsError::Defect(
            "hot spots have no place or ratio".to_owned(),
        ));
    };
    // Of a site that moved, the place that stands out more.
    let mut ratios: BTreeMap<String, u64> = BTreeMap::new();
    for row in &places.rows {
        if let Some(found) = as_hundredths(row[ratio].text()) {
            let known = ratios.entry(row[place].text().to_owned()).or_default();
            *known = found.max(*known);
        }
    }
    let mut alarms: BTreeMap<String, u64> = BTreeMap::new();
    let filter = AlarmFilter {
        period: Some(request.period),
        limit: u32::MAX,
        ..AlarmFilter::default()
    };
    let told = Table::from_result(&alarms_list(lake, settings, &filter).await?)?;
    if let (Some(device), Some(continued)) = (of(&told, "device"), of(&told, "continued")) {
        for row in told.rows.iter().filter(|row| row[continued] == Cell::Bool(false)) {
            *alarms.entry(row[device].text().to_owned()).or_default() += 1;
        }
    }
    let last: NaiveDate = request.period.last();
    let is_site = |station: &&Station| station.kind == StationKind::Site && station.covers(last);
    let sites = settings.registry.stations().iter().filter(is_site);
    let candidate = |station: &Station| {
        let device = station.device.as_str();
        Candidate {
            device: device.to_owned(),
            name: station.name.clone(),
            township: station.township.clone(),
            ratio: ratios.get(device).copied(),
            alarms: alarms.get(device).copied().unwrap_or(0),
        }
    };
    Ok(sites.map(candidate).collect())
}

fn as_hundredths(text: &str) -> Option<u64> {
    let (whole, part) = text.split_once('.')?;
    Some(whole.parse::<u64>().ok()? * 100 + part.parse::<u64>().ok().filter(|_| part.len() == 2)?)
}

fn hundredths(number: u64) -> String {
    format!("{}.{:02}", number / 100, number % 100)
}

fn thousandths(number: u64) -> String {
    format!("{}.{:03}", number / 1000, number % 1000)
}
