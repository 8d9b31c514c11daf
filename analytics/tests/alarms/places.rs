//! Hot spots against a slow oracle, and draws that can be drawn again.

use std::collections::BTreeMap;

use dustwatch_analytics::{
    Candidate, HotspotRequest, InspectRequest, SourceChoice, Table, Team, draw, hotspots, read_teams,
};

use crate::common::qc::{Chance, Seen, seen_at, settings_of, tenths};
use crate::common::{World, time};

const HOUR: i64 = 3_600_000_000;
/// Metres of a degree, as the rule has it.
const DEGREE: f64 = 111_319.49;

/// A monitor of the oracle: device, kind, township, place, and its value.
type Monitor = (String, &'static str, &'static str, f64, f64, f64);

/// A place's kind and name, with its value, and what surrounds it by which basis.
type Places = BTreeMap<(String, String), (f64, Option<(f64, &'static str)>)>;

/// Places with their value, surroundings and basis, by kind and name; all as the rule says, pair by pair.
fn oracle(monitors: &[Monitor], latitude: f64) -> Places {
    let stretch = latitude.to_radians().cos();
    let cell = |m: &Monitor| {
        (
            (m.4 * stretch * DEGREE / 500.0).floor(),
            (m.3 * DEGREE / 500.0).floor(),
        )
    };
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let around = |lat: f64, lon: f64, township: &str, others: &[&Monitor]| {
        let near = |m: &&&Monitor| {
            let dx = (m.4 - lon) * ((m.3 + lat) / 2.0).to_radians().cos() * DEGREE;
            ((m.3 - lat) * DEGREE).hypot(dx) <= 3000.0
        };
        let of_radius: Vec<f64> = others.iter().filter(near).map(|m| m.5).collect();
        let of_township: Vec<f64> = others.iter().filter(|m| m.2 == township).map(|m| m.5).collect();
        match (of_radius.is_empty(), of_township.is_empty()) {
            (false, _) => Some((mean(&of_radius), "radius")),
            (true, false) => Some((mean(&of_township), "township")),
            _ => None,
        }
    };
    let mut places = BTreeMap::new();
    for m in monitors.iter().filter(|m| m.1 == "site") {
        let others: Vec<&Monitor> = monitors.iter().filter(|other| other.0 != m.0).collect();
        places.insert(
            ("site".to_owned(), m.0.clone()),
            (m.5, around(m.3, m.4, m.2, &others)),
        );
    }
    for m in monitors {
        let (x, y) = cell(m);
        let (inside, others): (Vec<&Monitor>, Vec<&Monitor>) =
            monitors.iter().partition(|o| cell(o) == (x, y));
        let (lat, lon) = ((y + 0.5) * 500.0 / DEGREE, (x + 0.5) * 500.0 / DEGREE / stretch);
        let township = inside.iter().map(|m| m.2).min().unwrap();
        let value = mean(&inside.iter().map(|m| m.5).collect::<Vec<_>>());
        places.insert(
            ("cell".to_owned(), format!("x{x}y{y}")),
            (value, around(lat, lon, township, &others)),
        );
    }
    places
}

#[tokio::test]
async fn places_are_compared_with_what_is_around_them() {
    for seed in 0..4 {
        let mut chance = Chance(seed);
        let (mut lines, mut monitors): (Vec<String>, Vec<Monitor>) = (Vec::new(), Vec::new());
        for at in 0..14 {
            let kind = if chance.percent(60) { "site" } else { "township" };
            // Most within some kilometres, some far off in the mountains.
            let (township, lat, lon) = match chance.percent(75) {
                true => ("t1", 39_900 + chance.below(40), 116_080 + chance.below(60)),
                false => ("t2", 39_950 + chance.below(150), 115_500 + chance.below(200)),
            };
            let (lat, lon) = (lat as f64 / 1000.0, lon as f64 / 1000.0);
            lines.push(format!("d{at},{kind},{township},1h,M,{lat},{lon}"));
            monitors.push((format!("d{at}"), kind, township, lat, lon, 0.0));
        }
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let mut world = World::of(settings_of(&lines)).await;
        let start = time("2019-08-05T00:00:00+08:00").as_micros();
        for monitor in &mut monitors {
            let hours: Vec<i64> = (0..30).map(|_| 500 + chance.below(3000)).collect();
            let seen = |(hour, value): (usize, &i64)| -> Seen {
                seen_at(
                    &monitor.0,
                    start + hour as i64 * HOUR,
                    &[("tsp", &tenths(*value))],
                )
            };
            world.watch(hours.iter().enumerate().map(seen)).await;
            monitor.5 = hours.iter().sum::<i64>() as f64 / 300.0;
        }
        // Too few hours to be a place.
        world.settings.hotspots.min_hours = 30;
        let request = HotspotRequest {
            parameter: "tsp".to_owned(),
            period: "2019-W32".parse().unwrap(),
            source: SourceChoice::Raw,
            observations_version: None,
        };
        let statement = hotspots(&world.lake, &world.settings, &request).await.unwrap();
        let table = Table::from_result(&statement.rows).unwrap();
        let latitude = monitors.iter().map(|m| m.3).sum::<f64>() / monitors.len() as f64;
        check(&table, &oracle(&monitors, latitude), seed);
    }
}

fn check(table: &Table, expected: &Places, seed: u64) {
    let cell = |row: usize, name: &str| {
        let at = table.headers.iter().position(|header| header == name).unwrap();
        table.rows[row][at].text().to_owned()
    };
    assert_eq!(table.rows.len(), expected.len(), "seed {seed}");
    let mut last: BTreeMap<String, (u64, f64)> = BTreeMap::new();
    for row in 0..table.rows.len() {
        let key = (cell(row, "kind"), cell(row, "place"));
        let (value, around) = expected[&key];
        assert!(
            (cell(row, "value").parse::<f64>().unwrap() - value).abs() <= 0.5,
            "seed {seed}: {key:?}"
        );
        let Some((around, basis)) = around else {
            assert_eq!(
                (cell(row, "ratio"), cell(row, "rank")),
                (String::new(), String::new()),
                "{key:?}"
            );
            continue;
        };
        assert_eq!(cell(row, "basis"), basis, "seed {seed}: {key:?}");
        let ratio: f64 = cell(row, "ratio").parse().unwrap();
        assert!(
            (ratio - value / around).abs() <= 0.005 + 1e-9,
            "seed {seed}: {key:?}"
        );
        let rank: u64 = cell(row, "rank").parse().unwrap();
        if let Some((before, higher)) = last.insert(key.0.clone(), (rank, value / around)) {
            assert!(
                rank > before && value / around <= higher + 1e-9,
                "seed {seed}: {key:?} out of order"
            );
        }
    }
}

fn candidate(at: usize, ratio: Option<u64>, alarms: u64) -> Candidate {
    Candidate {
        device: format!("site-{at:02}"),
        name: format!("{at} 号工地"),
        township: if at.is_multiple_of(2) { "t1" } else { "t2" }.to_owned(),
        ratio,
        alarms,
    }
}

fn request(seed: u64, sites: usize) -> InspectRequest {
    InspectRequest {
        period: "2019-W32".parse().unwrap(),
        parameter: "tsp".to_owned(),
        sites,
        seed,
    }
}

fn team(name: &str, avoids: &[&str]) -> Team {
    Team {
        name: name.to_owned(),
        avoids: avoids.iter().map(|code| (*code).to_owned()).collect(),
    }
}

#[test]
fn weights_follow_the_ratio_and_the_record() {
    let weight = |ratio, alarms| candidate(0, ratio, alarms).weight();
    assert_eq!(weight(None, 0), 1000);
    assert_eq!(weight(Some(80), 0), 1000);
    assert_eq!(weight(Some(150), 3), 2100);
    assert_eq!(weight(Some(900), 99), 5000);
}

#[test]
fn a_draw_can_be_drawn_again_and_does_not_ask_for_the_order_of_its_files() {
    let sites: Vec<Candidate> = (0..20).map(|at| candidate(at, None, 0)).collect();
    let teams = [team("一组", &[]), team("二组", &[]), team("三组", &[])];
    let list = draw(&sites, &teams, &request(7, 6)).unwrap();
    assert_eq!(list.len(), 6);
    let (mut sites_back, mut teams_back) = (sites.clone(), teams.to_vec());
    sites_back.reverse();
    teams_back.reverse();
    assert_eq!(draw(&sites_back, &teams_back, &request(7, 6)).unwrap(), list);
    assert_ne!(draw(&sites, &teams, &request(8, 6)).unwrap(), list);
    // A longer list begins with the shorter one, and the teams share the work.
    assert_eq!(draw(&sites, &teams, &request(7, 20)).unwrap()[..6], list[..]);
    let mut of_teams: BTreeMap<String, usize> = BTreeMap::new();
    for line in &list {
        *of_teams.entry(line.team.clone()).or_default() += 1;
    }
    assert_eq!(of_teams.into_values().collect::<Vec<_>>(), [2, 2, 2]);
}

#[test]
fn a_site_of_three_times_the_weight_is_drawn_first_three_times_as_often() {
    let sites = [candidate(0, Some(300), 0), candidate(1, None, 0)];
    let teams = [team("一组", &[])];
    let first = |seed: &u64| draw(&sites, &teams, &request(*seed, 1)).unwrap()[0].site.device == "site-00";
    let heavy = (0..4000).filter(first).count();
    // 3000 ± 5 standard deviations of 27.
    assert!((2863..=3137).contains(&heavy), "{heavy} of 4000");
}

#[test]
fn a_team_is_kept_away_from_its_township() {
    let sites: Vec<Candidate> = (0..12).map(|at| candidate(at, None, 0)).collect();
    let teams = [team("一组", &["t1"]), team("二组", &[])];
    let list = draw(&sites, &teams, &request(1, 12)).unwrap();
    assert!(
        list.iter()
            .all(|line| line.team == "二组" || line.site.township == "t2")
    );
    let nobody = draw(&sites, &[team("一组", &["t1", "t2"])], &request(1, 12)).unwrap_err();
    assert!(
        nobody.to_string().contains("every team avoids township"),
        "{nobody}"
    );
}

#[test]
fn a_file_of_teams_is_read_or_refused_with_its_line() {
    let settings = settings_of(&["site,site,t1,1m,LS-TSP,39.91,116.10"]);
    let read = |text: &str| {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("teams.csv");
        std::fs::write(&file, text).unwrap();
        read_teams(&settings, &file).map_err(|error| error.to_string())
    };
    assert_eq!(
        read("检查组,回避\n一组,大峪街道;t2\n二组,\n").unwrap(),
        [team("一组", &["t1", "t2"]), team("二组", &[])]
    );
    for (text, told) in [
        ("team\n一组\n一组\n", "line 3: team \"一组\" is there twice"),
        ("team,avoid\n一组,火星\n", "line 2: \"火星\" is no township"),
        ("team\n", "there are no teams"),
        ("squad\n一组\n", "squad"),
    ] {
        let error = read(text).unwrap_err();
        assert!(
            error.contains(told) && error.contains("teams.csv"),
            "{text}: {error}"
        );
    }
}

#[tokio::test]
async fn a_site_that_moved_is_two_places_with_what_belongs_to_each() {
    let mut settings = settings_of(&["site,site,t1,1h,M,39.90,116.10"]);
    let stations = "name,device,kind,township,interval,model,lat,lon,valid_from,valid_to\n\
                    old,site,site,t1,1m,M,39.90,116.10,,2019-08-06\n\
                    new,site,site,t1,1m,M,39.95,116.20,2019-08-07,\n\
                    beside old,a,township,t1,1m,M,39.901,116.10,,\n\
                    beside new,b,township,t1,1m,M,39.951,116.20,,\n";
    let townships = "code,name,district\nt1,大峪街道,110109\n";
    let files = (
        std::path::Path::new("townships.csv"),
        std::path::Path::new("stations.csv"),
    );
    let registry = dustwatch_config::Registry::parse((files.0, townships), (files.1, stations)).unwrap();
    settings.registry = std::sync::Arc::new(registry);
    settings.hotspots.min_hours = 1;
    let mut world = World::of(settings).await;
    // Two alarms at the old place, one at the new.
    for (device, start, value, minutes) in [
        ("site", "2019-08-06T08:00:00+08:00", "600", 60),
        ("site", "2019-08-06T10:00:00+08:00", "600", 60),
        ("site", "2019-08-07T08:00:00+08:00", "900", 60),
        ("a", "2019-08-06T08:00:00+08:00", "300", 60),
        ("b", "2019-08-06T08:00:00+08:00", "450", 60),
    ] {
        let start = time(start).as_micros();
        world
            .watch((0..minutes).map(|at| seen_at(device, start + at * HOUR / 60, &[("tsp", value)])))
            .await;
    }
    world.evaluate(dustwatch_analytics::AlarmRequest::default()).await;
    let request = HotspotRequest {
        parameter: "tsp".to_owned(),
        period: "2019-W32".parse().unwrap(),
        source: SourceChoice::Raw,
        observations_version: None,
    };
    let statement = hotspots(&world.lake, &world.settings, &request).await.unwrap();
    let table = Table::from_result(&statement.rows).unwrap();
    let column = |name: &str| table.headers.iter().position(|header| header == name).unwrap();
    let shown: Vec<String> = table
        .rows
        .iter()
        .filter(|row| row[column("kind")].text() == "site")
        .map(|row| {
            ["name", "value", "surroundings", "ratio", "alarms"]
                .map(|name| row[column(name)].text())
                .join(" ")
        })
        .collect();
    assert_eq!(shown, ["old 600 300 2.00 2", "new 900 450 2.00 1"]);
}
