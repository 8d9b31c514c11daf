//! docs/sql.md is true: every table has the columns that it tells, and every example can be asked.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::path::Path;

use common::{World, days};

const PAGE: &str = "../docs/sql.md";

/// What the page says about a table or a function.
#[derive(Debug, Default)]
struct Section {
    /// Name and meaning, in order.
    columns: Vec<(String, String)>,
    examples: Vec<String>,
}

/// The sections of the page, by the name in their heading.
fn sections() -> BTreeMap<String, Section> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE)).unwrap();
    let mut sections: BTreeMap<String, Section> = BTreeMap::new();
    let mut name = String::new();
    let mut example: Option<String> = None;
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("### ") {
            name = heading.split('(').next().unwrap().to_owned();
            sections.insert(name.clone(), Section::default());
        }
        match (&mut example, line) {
            (None, "```sql") => example = Some(String::new()),
            (Some(_), "```") => {
                let section = sections.get_mut(&name).unwrap();
                section.examples.extend(example.take());
            }
            (Some(text), line) => *text += &format!("{line}\n"),
            (None, line) if line.starts_with("| `") => {
                let cells: Vec<&str> = line.trim_matches('|').splitn(2, '|').map(str::trim).collect();
                let column = (
                    cells[0].trim_matches('`').to_owned(),
                    cells[1].replace("\\|", "|"),
                );
                sections.get_mut(&name).unwrap().columns.push(column);
            }
            _ => {}
        }
    }
    sections
}

async fn world() -> World {
    let townships = ["110109001,大峪街道,110109", "110109002,城子街道,110109"];
    let stations = ["a,township,110109001,1h,,", "b,township,110109002,1h,,"];
    let mut world = World::new(&townships, &stations).await;
    for (device, value) in [("a", "35.2"), ("b", "180")] {
        // Observations of their own: those of one device and time would be corrections.
        for (seconds, parameter) in ["tsp", "pm10", "pm25"].into_iter().enumerate() {
            let mut rows = days(device, "2019-08-01", "2019-08-11", parameter, value);
            rows.iter_mut()
                .for_each(|row| row.time = row.time.plus_micros(seconds as i64 * 1_000_000));
            world.append(rows).await;
        }
    }
    world.roll_up().await;
    world
}

#[tokio::test]
async fn every_example_can_be_asked() {
    let world = world().await;
    let sections = sections();
    assert!(sections.len() > 15, "{:?}", sections.keys());
    for (name, section) in &sections {
        assert!(!section.examples.is_empty(), "{name} has no example");
        for example in &section.examples {
            assert!(example.contains(name), "the example of {name} does not ask it");
            if let Err(error) = dustwatch_analytics::query(&world.lake, &world.settings, example).await {
                panic!("{name}: {error}\n{example}");
            }
        }
    }
}

#[tokio::test]
async fn every_column_is_told_here_and_in_column_comments() {
    let world = world().await;
    for (name, section) in &sections() {
        let asked = match name.as_str() {
            "ranking" => "ranking('tsp', '2019-W32')",
            "compliance" => "compliance('tsp', '2019-W32')",
            "aqi_days" => "aqi_days('2019-W32')",
            table => table,
        };
        let answer = world.query(&format!("SELECT * FROM {asked} LIMIT 1")).await;
        let columns: Vec<String> = answer.schema.fields().iter().map(|f| f.name().clone()).collect();
        let told = |(column, comment): &(String, String)| -> Vec<(String, String)> {
            let keys = ["tsp", "pm10", "pm25"];
            match column.contains("<parameter>") {
                true => keys
                    .map(|key| (column.replace("<parameter>", key), comment.clone()))
                    .to_vec(),
                false => vec![(column.clone(), comment.clone())],
            }
        };
        let told: Vec<(String, String)> = section.columns.iter().flat_map(told).collect();
        let names: Vec<String> = told.iter().map(|(column, _)| column.clone()).collect();
        assert_eq!(names, columns, "columns of {name}: the page, then the program");
        let comments = world
            .lines(&format!(
                "SELECT column_name, comment FROM column_comments WHERE table_name = '{name}'"
            ))
            .await;
        let told: Vec<String> = told
            .iter()
            .map(|(column, comment)| format!("{column}|{comment}"))
            .collect();
        assert_eq!(
            told, comments,
            "comments of {name}: the page, then column_comments"
        );
    }
}

#[tokio::test]
async fn every_table_of_a_session_is_told() {
    let world = world().await;
    let tables = world
        .lines("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1")
        .await;
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE)).unwrap();
    // As they are stored; and the notes of replays, which the command `rejected` reads.
    let inner = ["hourly_rows", "rejected_replays"];
    for table in tables.iter().filter(|table| !inner.contains(&table.as_str())) {
        assert!(
            text.contains(&format!("`{table}`")) || text.contains(&format!("### {table}")),
            "{table}"
        );
    }
}

#[tokio::test]
async fn a_function_gives_what_its_command_prints() {
    let world = world().await;
    let request = dustwatch_analytics::RankRequest::new("tsp", "2019-W32".parse().unwrap());
    let ranking = dustwatch_analytics::rank(&world.lake, &world.settings, &request)
        .await
        .unwrap();
    let printed = common::cells(
        &ranking,
        &["rank", "township", "value", "valid_days", "last", "status"],
    );
    let asked = |function: &str| {
        format!("SELECT rank, township, value, valid_days, last, status FROM {function} ORDER BY rank, mean")
    };
    assert_eq!(world.lines(&asked("ranking('tsp', '2019-W32')")).await, printed);
    assert_eq!(
        world.lines(&asked("ranking('tsp', '2019-W32', 'city')")).await,
        printed
    );
    for (wrong, message) in [
        (
            "ranking('tsp')",
            "ranking(parameter, period[, scope]) takes texts",
        ),
        ("ranking('tsp', 2019)", "takes texts"),
        ("ranking('tsp', '2019-W99')", "2019 has no ISO week 99"),
        ("ranking('noise', '2019-W32')", "\"noise\" is not ranked"),
        ("compliance('tsp', '2019', 'world')", "neither district nor city"),
        ("aqi_days('2019', 'city')", "neither district nor township"),
    ] {
        let sql = format!("SELECT * FROM {wrong}");
        let error = dustwatch_analytics::query(&world.lake, &world.settings, &sql)
            .await
            .unwrap_err();
        assert!(error.to_string().contains(message), "{wrong}: {error}");
    }
}
