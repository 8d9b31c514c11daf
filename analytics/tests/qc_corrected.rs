//! The view `corrected`: worked numbers of the domain reference, beside what the device said and never in its place.
#![allow(clippy::unwrap_used)]

mod common;

use common::World;
use common::qc::{seen, settings_of};
use dustwatch_config::{Calibration, Calibrations, HumidityCorrection, HumidityMethod};
use dustwatch_observation::Flag;

const STATIONS: [&str; 4] = [
    "barkjohn,site,t1,1m,B,39.90,116.10",
    "kappa,site,t1,1m,K,39.91,116.10",
    "epa,site,t1,1m,E,39.92,116.10",
    "plain,site,t1,1m,BAM-1020,39.93,116.10",
];

fn humidity(model: &str, parameter: &str, method: HumidityMethod) -> HumidityCorrection {
    HumidityCorrection {
        model: model.to_owned(),
        parameter: parameter.to_owned(),
        method,
        kappa: 0.4,
        valid_from: None,
        valid_to: None,
    }
}

async fn world(calibrations: Calibrations) -> World {
    let mut settings = settings_of(&STATIONS);
    settings.qc.calibrations = Calibrations {
        version: "2019-08-0badcafe".to_owned(),
        ..calibrations
    };
    World::of(settings).await
}

#[tokio::test]
async fn formulas_give_the_worked_numbers() {
    let mut world = world(Calibrations {
        humidity: vec![
            humidity("B", "pm25", HumidityMethod::Barkjohn),
            humidity("K", "pm25", HumidityMethod::KappaKoehler),
            humidity("E", "pm25", HumidityMethod::Epa),
        ],
        ..Calibrations::default()
    })
    .await;
    let at = |device: &str, minute: u32, pm25: &str, humidity: &str| {
        let values = [("pm25", pm25), ("tsp", "120"), ("humidity", humidity)];
        seen(device, &format!("2019-08-06T08:{minute:02}:00+08:00"), &values)
    };
    world
        .watch([
            at("barkjohn", 0, "45", "70"),
            at("kappa", 0, "45", "70"),
            at("kappa", 1, "45", "90"),
            // Above 95 % a particle is taken for one at 95 %.
            at("kappa", 2, "45", "99.9"),
            at("kappa", 3, "45", "95"),
            at("epa", 0, "343", "70"),
            at("epa", 1, "401", "70"),
            at("plain", 0, "45", "70"),
        ])
        .await;
    let dry = "SELECT device, raw, calibrated, round(humidity_corrected, 1), method, calibration_version FROM corrected \
               ORDER BY device, observed_at, parameter";
    let version = "2019-08-0badcafe";
    // 0.52 × 343 − 0.086 × 70 + 5.75, and 0.46 × 401 + 3.93 × 10⁻⁴ × 401² + 2.97.
    let epa = [
        0.52 * 343.0 - 0.086 * 70.0 + 5.75,
        0.46 * 401.0 + 3.93e-4 * 401.0 * 401.0 + 2.97,
    ];
    let at_95 = 45.0 / (1.0 + 0.4 / 1.65 / (1.0 / 0.95 - 1.0));
    assert_eq!(
        world.lines(dry).await,
        [
            format!("barkjohn|45.0|45.0|23.3|barkjohn|{version}"),
            format!("epa|343.0|343.0|{:.1}|epa|{version}", epa[0]),
            format!("epa|401.0|401.0|{:.1}|epa|{version}", epa[1]),
            format!("kappa|45.0|45.0|28.7|kappa_koehler|{version}"),
            format!("kappa|45.0|45.0|14.1|kappa_koehler|{version}"),
            format!("kappa|45.0|45.0|{at_95:.1}|kappa_koehler|{version}"),
            format!("kappa|45.0|45.0|{at_95:.1}|kappa_koehler|{version}"),
        ],
        "tsp and a model without an entry are not in the view"
    );
}

#[tokio::test]
async fn a_line_comes_before_humidity_and_holds_for_its_days() {
    let line = |slope, offset, from: &str, to: Option<&str>| Calibration {
        model: "B".to_owned(),
        parameter: "pm25".to_owned(),
        slope,
        offset,
        valid_from: Some(from.parse().unwrap()),
        valid_to: to.map(|to| to.parse().unwrap()),
    };
    let mut world = world(Calibrations {
        lines: vec![
            line(0.5, 2.0, "2019-08-06", Some("2019-08-06")),
            Calibration {
                parameter: "tsp".to_owned(),
                ..line(2.0, 0.0, "2019-08-07", None)
            },
        ],
        humidity: vec![humidity("B", "pm25", HumidityMethod::Barkjohn)],
        ..Calibrations::default()
    })
    .await;
    let at = |day: u32, values: &[(&str, &str)]| {
        seen("barkjohn", &format!("2019-08-{day:02}T00:00:00+08:00"), values)
    };
    world
        .watch([
            at(5, &[("pm25", "45"), ("humidity", "70")]),
            at(6, &[("pm25", "86"), ("humidity", "70")]),
            at(7, &[("pm25", "45"), ("tsp", "10.5")]),
            at(8, &[("pm25", "45"), ("humidity", "70")]).flagged(Flag::Fault),
        ])
        .await;
    assert_eq!(
        world
            .lines(
                "SELECT day, parameter, raw, calibrated, round(humidity_corrected, 1), method FROM corrected \
                 ORDER BY observed_at, parameter"
            )
            .await,
        [
            "2019-08-05|pm25|45.0|45.0|23.3|barkjohn",
            "2019-08-06|pm25|86.0|45.0|23.3|linear+barkjohn",
            "2019-08-07|pm25|45.0|45.0||barkjohn",
            "2019-08-07|tsp|10.5|21.0||linear",
        ]
    );
    assert_eq!(
        world.lines("SELECT sum(pm25) FROM observations").await,
        ["221.0"],
        "what the device said stays"
    );
}
