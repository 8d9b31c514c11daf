//! Random worlds: whatever comes in which pieces, the table says what the oracle says.

use dustwatch_analytics::AlarmRequest;
use dustwatch_config::StationKind;
use dustwatch_observation::Flag;

use crate::common::World;
use crate::common::qc::{Chance, Seen, seen_at, tenths};
use crate::oracle::{Line, Monitor, Said, alarms};
use crate::{MINUTE, STATIONS, alarm, local};

/// Worlds that are tried.
const WORLDS: u64 = 8;

fn monitors() -> Vec<Monitor> {
    let of = |device, kind, township| Monitor {
        device,
        kind,
        township,
    };
    vec![
        of("site", StationKind::Site, "t1"),
        of("street", StationKind::Township, "t1"),
        of("far", StationKind::Site, "t2"),
    ]
}

/// Three hours around midnight of three monitors, near every limit.
fn said(chance: &mut Chance) -> Vec<Said> {
    let start = local("22:30").as_micros();
    let mut all = Vec::new();
    for monitor in 0..3 {
        let mut level = 900;
        for minute in 0..180 {
            if minute % 15 == 0 {
                // Street near half of what sites read, sites near 0.5, 1.0 and 2.0 mg/m³.
                level = if monitor == 1 {
                    1500 + chance.below(1500)
                } else {
                    1000 + chance.below(16_000)
                };
            }
            if chance.percent(12) {
                continue;
            }
            all.push(Said {
                monitor,
                micros: start + minute * MINUTE,
                tsp: (!chance.percent(3)).then(|| level + chance.below(40)),
                pm10: chance.percent(90).then(|| level / 4 + chance.below(40)),
                humidity: chance.percent(50).then(|| 860 + chance.below(50)),
                normal: !chance.percent(3),
            });
        }
    }
    all
}

fn as_seen(monitors: &[Monitor], said: &Said) -> Seen {
    let mut seen = seen_at(monitors[said.monitor].device, said.micros, &[]);
    let flag = if said.normal { Flag::Normal } else { Flag::Fault };
    for (key, value) in [
        ("tsp", said.tsp),
        ("pm10", said.pm10),
        ("humidity", said.humidity),
    ] {
        if let Some(value) = value {
            seen.values.push((key.to_owned(), tenths(value), flag));
        }
    }
    seen
}

impl World {
    /// As the oracle writes them.
    async fn plain_alarms(&self) -> Vec<Line> {
        let clock = |column: &str| {
            format!(
                "concat(CAST(arrow_cast(local_day({column}), 'Int32') AS VARCHAR), '+', \
                 CAST(date_part('hour', local_time({column})) * 60 + date_part('minute', local_time({column})) AS VARCHAR))"
            )
        };
        let sql = format!(
            "SELECT device, rule, {}, {}, windows, continued, peak, mean, threshold FROM alarms",
            clock("started_at"),
            clock("ended_at")
        );
        let parsed = |line: &String| {
            let cells: Vec<&str> = line.split('|').collect();
            let (what, figures) = cells.split_at(6);
            (what.join("|"), [0, 1, 2].map(|at| figures[at].parse().unwrap()))
        };
        let mut lines: Vec<Line> = self.lines(&sql).await.iter().map(parsed).collect();
        lines.sort_by(|a, b| a.0.cmp(&b.0));
        lines
    }
}

/// The same alarms, with the same figures to the three places that the table keeps.
fn assert_same(made: &[Line], expected: &[Line], what: &str) {
    let names = |lines: &[Line]| lines.iter().map(|line| line.0.clone()).collect::<Vec<_>>();
    assert_eq!(names(made), names(expected), "{what}");
    for (made, expected) in made.iter().zip(expected) {
        let is_near = made.1.iter().zip(expected.1).all(|(a, b)| (a - b).abs() < 0.001);
        assert!(is_near, "{what}: {made:?} instead of {expected:?}");
    }
}

#[tokio::test]
async fn alarms_of_pieces_are_those_of_the_whole_and_of_the_oracle() {
    let mut raised = 0;
    for seed in 0..WORLDS {
        let mut chance = Chance(seed);
        let monitors = monitors();
        let mut world = World::controlled(&STATIONS).await;
        let regions = [
            "\"mentougou\"",
            "\"hebei\"",
            "\"shanghai\"",
            "\"mentougou\", \"hebei\"",
        ];
        world.settings.alarm = alarm(&format!("regions = [{}]", regions[seed as usize % 4]));
        // In any order, in pieces, and evaluated in between: as it comes.
        let mut all = said(&mut chance);
        let whole = all.clone();
        for at in (1..all.len()).rev() {
            all.swap(at, chance.below(at as i64 + 1) as usize);
        }
        let size = all.len() / 3 + 1;
        for piece in all.chunks(size) {
            world
                .watch(piece.iter().map(|said| as_seen(&monitors, said)))
                .await;
            world.evaluate(AlarmRequest::default()).await;
        }
        let expected = alarms(&world.settings.alarm, &monitors, &whole);
        assert_same(
            &world.plain_alarms().await,
            &expected,
            &format!("seed {seed}, in pieces"),
        );
        let rebuilt = AlarmRequest {
            rebuild: true,
            ..AlarmRequest::default()
        };
        assert_eq!(
            world.evaluate(rebuilt).await.changed_days,
            0,
            "seed {seed}, of the whole"
        );
        raised += expected.len();
    }
    assert!(raised > 30, "only {raised} alarms: nothing was tested");
}
