//! The rules as an auditor can follow them: each file of `sql/`, on tiny tables typed in by hand.
//!
//! `*.slt` are sqllogictest scripts, as far as these need the format: `statement ok`, and `query TYPES` with the answer
//! behind `----`, cells with a space between. A script makes the tables that a rule reads, then the rule itself with
//! `RULE file.sql AS view WITH name = value; …`, which makes a view of the file's text with its values written in, and
//! asks the view. The engine and its functions are those of the product, the tables are not.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use chrono_tz::Asia::Shanghai;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::prelude::{SessionConfig, SessionContext};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Files of a folder with an ending, by name.
fn files(name: &str, ending: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder(name))
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries
        .filter(|path| path.extension().is_some_and(|e| e == ending))
        .collect();
    files.sort();
    files
}

#[tokio::test]
async fn every_script_holds() {
    let scripts = files("tests/sql", "slt");
    assert!(scripts.len() > 7);
    for script in scripts {
        let text = std::fs::read_to_string(&script).unwrap();
        let tables = tables();
        for record in records(&text) {
            let at = format!("{}, line {}", script.display(), record.line);
            let answer = run(&tables, &record.sql).await;
            let answer = answer.unwrap_or_else(|error| panic!("{at}: {error}\n{}", record.sql));
            if let Some(expected) = record.expected {
                assert_eq!(
                    answer, expected,
                    "{at}: the answer, then what the script says\n{}",
                    record.sql
                );
            }
        }
    }
}

#[test]
fn every_rule_of_the_statistics_has_a_script() {
    let scripts: String = files("tests/sql", "slt")
        .iter()
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect();
    // Tested on whole lakes and random histories, by tests of their own: the completeness ledger and rejections, quality
    // control, what people hand in, supervision and the annual target; how alarms are read and listed, hot spots, and the
    // series of the dashboard.
    let elsewhere = [
        "alarm_readings",
        "alarm_news",
        "alarms.sql",
        "alarms_list",
        "alarms_sorted",
        "hotspots",
        "latest",
        "station_hours",
        "township_days",
        "completeness",
        "rejected_list",
        "qc_",
        "corrected",
        "dustfall_",
        "bulletin",
        "enforcement_report",
        "ledger_report",
        "handed_in",
        "monthly_values",
        "standings",
        "streaks",
        "triggers",
        "supervision",
        "annual_progress",
        "district_days",
    ];
    for rule in files("sql", "sql") {
        let name = rule.file_name().unwrap().to_str().unwrap().to_owned();
        if !elsewhere.iter().any(|start| name.starts_with(start)) {
            assert!(
                scripts.contains(&format!("RULE {name} AS ")),
                "no script asks {name}"
            );
        }
    }
}

/// One record of a script.
struct Record {
    line: usize,
    sql: String,
    /// The lines of the answer; a statement has none.
    expected: Option<Vec<String>>,
}

/// The records of a script, which empty lines part; lines that begin with `#` are comments.
fn records(text: &str) -> Vec<Record> {
    let mut records = Vec::new();
    let mut lines = text.lines().enumerate().peekable();
    while let Some((at, head)) = lines.next() {
        if head.is_empty() || head.starts_with('#') {
            continue;
        }
        assert!(
            head == "statement ok" || head.starts_with("query "),
            "line {}: {head:?}",
            at + 1
        );
        let mut body = Vec::new();
        while let Some((_, line)) = lines.next_if(|(_, line)| !line.is_empty()) {
            body.push(line);
        }
        let (sql, expected) = match body.iter().position(|line| *line == "----") {
            Some(end) => {
                let answer = body[end + 1..].iter().map(|line| (*line).to_owned());
                (&body[..end], Some(answer.collect()))
            }
            None => (&body[..], None),
        };
        assert_eq!(expected.is_some(), head.starts_with("query "), "line {}", at + 1);
        records.push(Record {
            line: at + 1,
            sql: sql.join("\n"),
            expected,
        });
    }
    records
}

/// A session without any tables.
fn tables() -> SessionContext {
    let config = SessionConfig::new().set_str("datafusion.execution.time_zone", "+00:00");
    let context = SessionContext::new_with_config(config);
    dustwatch_analytics::functions::register(&context, Shanghai);
    context
}

/// Runs a record and gives the lines of the answer.
async fn run(tables: &SessionContext, sql: &str) -> Result<Vec<String>, datafusion::error::DataFusionError> {
    let sql = match sql.strip_prefix("RULE ") {
        Some(rule) => view(rule),
        None => sql.to_owned(),
    };
    let batches = tables.sql(&sql).await?.collect().await?;
    Ok(batches.iter().flat_map(rows).collect())
}

/// `file.sql AS name WITH a = 1; b = 'x'` as `CREATE VIEW`.
fn view(rule: &str) -> String {
    let (file, rest) = rule.split_once(" AS ").unwrap();
    let (name, values) = rest.split_once(" WITH ").unwrap_or((rest, ""));
    let text = std::fs::read_to_string(folder("sql").join(file)).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with("--"));
    let mut text = lines.collect::<Vec<_>>().join("\n");
    let mut values: Vec<(&str, &str)> = values
        .split(';')
        .filter(|value| !value.trim().is_empty())
        .map(|value| value.split_once('=').unwrap())
        .map(|(name, value)| (name.trim(), value.trim()))
        .collect();
    // $last_n before $last.
    values.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    for (name, value) in values {
        text = text
            .replace(&format!("$${name}"), value)
            .replace(&format!("${name}"), value);
    }
    assert!(
        !text.contains('$'),
        "{file} names a value that is not given:\n{text}"
    );
    format!("CREATE VIEW {} AS {text}", name.trim())
}

fn rows(batch: &RecordBatch) -> Vec<String> {
    let options = FormatOptions::default().with_null("NULL");
    let columns = batch.columns().iter();
    let columns: Vec<ArrayFormatter<'_>> = columns
        .map(|column| ArrayFormatter::try_new(column, &options).unwrap())
        .collect();
    let cells = |at: usize| -> Vec<String> {
        columns
            .iter()
            .map(|column| column.value(at).to_string())
            .collect()
    };
    (0..batch.num_rows()).map(|at| cells(at).join(" ")).collect()
}
