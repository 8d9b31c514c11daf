//! The lake of a batch: settings, registry, observations as they were said, hourly means.

use std::path::Path;
use std::sync::Arc;

use dustwatch_config::{Registry, Settings};
use dustwatch_lake::{Appender, Lake, LocalDays, ObservationRows, TableKind};
use dustwatch_observation::{Decimal, Flag, Observation, Parameter, ParameterSet, Time};

use crate::calendar::Day;
use crate::invent::{Batch, PARAMETERS, Said};

/// The settings of a batch, its lake, and the folder that the lake is in.
pub(crate) async fn filled(batch: &Batch) -> (Settings, Lake, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = settings_of(batch);
    settings.lake.uri = folder.path().display().to_string();
    let lake = Lake::new(&settings).unwrap();
    let mut appender = Appender::open(&lake, TableKind::Observations, "test")
        .await
        .unwrap();
    let mut position = 0;
    let all: Vec<&Said> = batch.worlds.iter().flat_map(|world| &world.said).collect();
    // Two commits, in no order of time, and without the deduplication of the ingester.
    let parts: [Vec<&Said>; 2] = [0, 1].map(|part| {
        let mine = all.iter().enumerate().filter(|(at, _)| (at / 7) % 2 == part);
        mine.map(|(_, said)| *said).collect()
    });
    for part in parts {
        let mut builder = ObservationRows::new(settings.parameters.clone());
        let mut days = LocalDays::new(settings.district.timezone);
        let mut observation = Observation::new(settings.parameters.len());
        for said in part {
            observation.clear();
            observation.device.push_str(&said.device);
            observation.time = Time::from_micros(said.minute * 60_000_000);
            for (key, value) in PARAMETERS.iter().zip(&said.values) {
                let Some((tenths, flag)) = value else { continue };
                let reading = observation.reading_mut(settings.parameters.find(key).unwrap());
                reading.value = Some(Decimal::new(*tenths, 1));
                reading.flag = Flag::ALL
                    .into_iter()
                    .find(|(_, letter)| letter == flag)
                    .unwrap()
                    .0;
            }
            let day = days.day_of(observation.time).unwrap();
            builder.append(&observation, Time::from_micros(said.received * 6_000_000), day);
        }
        position += 1;
        appender.append_rows(&builder.take(), position).await.unwrap();
    }
    dustwatch_analytics::roll_up(&lake, &settings, |_| {})
        .await
        .unwrap();
    (settings, lake, folder)
}

fn settings_of(batch: &Batch) -> Settings {
    let mut settings = Settings::load(None).unwrap();
    let mut townships = "code,name,district\n".to_owned();
    let mut stations = "device,name,kind,township,interval,valid_from,valid_to\n".to_owned();
    for world in &batch.worlds {
        for town in &world.towns {
            townships += &format!("{0},{0}镇,{1}\n", town.code, town.district);
        }
        for stand in &world.stands {
            let day = |day: Option<Day>| day.map(|d| d.to_string()).unwrap_or_default();
            stations += &format!(
                "{},站,{},{},{}m,{},{}\n",
                stand.device,
                stand.kind,
                stand.township,
                stand.interval_minutes,
                day(stand.from),
                day(stand.to)
            );
        }
    }
    let paths = (Path::new("townships.csv"), Path::new("stations.csv"));
    settings.registry = Arc::new(Registry::parse((paths.0, &townships), (paths.1, &stations)).unwrap());
    let rules = &batch.rules;
    let places = u8::try_from(rules.places).unwrap();
    let parameters = settings.parameters.iter().filter_map(|(_, p)| {
        let at = PARAMETERS.iter().position(|key| *key == p.key)?;
        Some(Parameter {
            published_decimals: places,
            day_min_hours: rules.day_min_hours[at],
            ..p.clone()
        })
    });
    settings.parameters = Arc::new(ParameterSet::new(parameters.collect()).unwrap());
    settings.district.timezone = batch.zone.name().parse().unwrap();
    let standards = &mut settings.standards;
    standards.hour_min_percent = rules.hour_min_percent;
    standards.tsp_day_min_hours = rules.tsp_day_min_hours;
    standards.week_min_days = rules.week_min_days;
    standards.half_month_min_days = rules.half_month_min_days;
    standards.month_min_days = rules.month_min_days;
    standards.february_min_days = rules.february_min_days;
    standards.year_min_days = rules.year_min_days;
    standards.range_min_percent = rules.range_min_percent;
    standards.tsp_month_min_days = rules.tsp_month_min_days;
    standards.tsp_year_min_days = rules.tsp_year_min_days;
    settings.rules.last_n = rules.last_n;
    settings.rules.boundary = if rules.truncate_raw {
        "truncate_raw"
    } else {
        "include_ties"
    }
    .to_owned();
    settings.rules.limit_compare = if rules.full { "full" } else { "rounded" }.to_owned();
    settings
}
