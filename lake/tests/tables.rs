//! The tables as a writer and a reader find them: appended once, identified, repaired, replaced.
#![allow(clippy::unwrap_used, missing_docs)]

use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, Datelike, NaiveDate, TimeZone};
use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::prelude::SessionContext;
use dustwatch_config::Settings;
use dustwatch_lake::{
    Appender, DayRows, Identity, IdentityCounts, Lake, LakeError, LocalDays, Mark, ObservationRows,
    ROLLUP_SOURCE, Replace, TableKind, TouchedDays, hourly_schema, qc_schema,
};
use dustwatch_observation::{Decimal, Flag, Observation, Parameter, ParameterSet, Time};
use proptest::prelude::*;

const MIDNIGHT: i64 = 1_565_020_800_000_000; // 2019-08-06T00:00+08:00

fn lake(folder: &Path) -> Lake {
    let settings = Settings::load(None).unwrap();
    Lake::at(
        folder.to_str().unwrap(),
        settings.parameters,
        settings.district.timezone,
    )
    .unwrap()
}

/// An observation of a device, some minutes after midnight of 6 August 2019.
fn observation(lake: &Lake, device: &str, minute: i64, tsp: &str) -> Observation {
    let mut out = Observation::new(lake.parameters().len());
    out.device = device.to_owned();
    out.time = Time::from_micros(MIDNIGHT + minute * 60_000_000);
    let id = lake.parameters().find("tsp").unwrap();
    out.reading_mut(id).value = Some(Decimal::parse(tsp.as_bytes()).unwrap());
    out
}

fn in_memory(lake: &Lake, observations: &[Observation], received: i64) -> ObservationRows {
    let mut rows = ObservationRows::new(lake.parameters().clone());
    let mut days = LocalDays::new(lake.timezone());
    for o in observations {
        rows.append(o, Time::from_micros(received), days.day_of(o.time).unwrap());
    }
    rows
}

fn batch(lake: &Lake, observations: &[Observation], received: i64) -> RecordBatch {
    in_memory(lake, observations, received).to_batch().unwrap()
}

/// The rows that the table has not, and what became of all.
async fn admit(
    identity: &mut Identity,
    appender: &mut Appender,
    mut rows: ObservationRows,
) -> (ObservationRows, IdentityCounts) {
    let counts = identity.admit(appender, &mut rows).await.unwrap();
    (rows, counts)
}

/// The answer to a question about `observations`, one row of texts a row.
async fn ask(lake: &Lake, sql: &str) -> Vec<Vec<String>> {
    let context = SessionContext::new();
    let table = lake.read(TableKind::Observations, None).await.unwrap();
    context.register_table("observations", table.provider).unwrap();
    let batches = context.sql(sql).await.unwrap().collect().await.unwrap();
    let mut rows = Vec::new();
    for batch in batches {
        let texts: Vec<_> = batch
            .columns()
            .iter()
            .map(|c| {
                datafusion::arrow::compute::cast(c, &datafusion::arrow::datatypes::DataType::Utf8).unwrap()
            })
            .collect();
        for row in 0..batch.num_rows() {
            rows.push(
                texts
                    .iter()
                    .map(|t| t.as_string::<i32>().value(row).to_owned())
                    .collect(),
            );
        }
    }
    rows
}

async fn count(lake: &Lake) -> String {
    ask(lake, "SELECT count(*) FROM observations").await[0][0].clone()
}

#[tokio::test]
async fn a_position_is_committed_once_and_known_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let lake = lake(folder.path());
    let mut appender = Appender::open(&lake, TableKind::Observations, "ingest-a")
        .await
        .unwrap();
    assert_eq!(appender.position(), None);
    let rows = batch(&lake, &[observation(&lake, "A", 0, "120.4")], 1);
    let first = appender.append(std::slice::from_ref(&rows), 7).await.unwrap();
    let again = appender.append(std::slice::from_ref(&rows), 7).await.unwrap();
    assert_eq!((first.rows, again.rows), (1, 0));
    let mut reopened = Appender::open(&lake, TableKind::Observations, "ingest-a")
        .await
        .unwrap();
    assert_eq!(reopened.position(), Some(7));
    assert_eq!(reopened.append(&[rows], 6).await.unwrap().rows, 0);
    let other = Appender::open(&lake, TableKind::Observations, "ingest-b")
        .await
        .unwrap();
    assert_eq!(other.position(), None, "another application has its own position");
    assert_eq!(count(&lake).await, "1");
}

#[tokio::test]
async fn two_writers_append_to_one_table() {
    let folder = tempfile::tempdir().unwrap();
    let lake = lake(folder.path());
    let mut a = Appender::open(&lake, TableKind::Observations, "a").await.unwrap();
    let mut b = Appender::open(&lake, TableKind::Observations, "b").await.unwrap();
    for n in 1..=3 {
        a.append(
            &[batch(&lake, &[observation(&lake, "A", n, "1")], n)],
            n.unsigned_abs(),
        )
        .await
        .unwrap();
        b.append(
            &[batch(&lake, &[observation(&lake, "B", n, "1")], n)],
            n.unsigned_abs(),
        )
        .await
        .unwrap();
    }
    assert_eq!(count(&lake).await, "6");
}

#[tokio::test]
async fn identity_knows_what_the_table_has_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let lake = lake(folder.path());
    let mut appender = Appender::open(&lake, TableKind::Observations, "a").await.unwrap();
    let mut identity = Identity::new(&lake);
    let mut flagged = observation(&lake, "A", 1, "120.4");
    flagged.reading_mut(lake.parameters().find("tsp").unwrap()).flag = Flag::Maintenance;
    let sent = [
        observation(&lake, "A", 0, "120.4"),
        observation(&lake, "B", 0, "120.4"),
        flagged,
    ];
    let twice = [sent.as_slice(), &sent[..1]].concat();
    let (rows, counts) = admit(&mut identity, &mut appender, in_memory(&lake, &twice, 1)).await;
    assert_eq!(
        counts,
        IdentityCounts {
            admitted: 3,
            duplicates: 1,
            corrections: 0
        }
    );
    appender.append_rows(&rows, 1).await.unwrap();

    let mut appender = Appender::open(&lake, TableKind::Observations, "a").await.unwrap();
    let mut identity = Identity::new(&lake);
    let (rows, counts) = admit(&mut identity, &mut appender, in_memory(&lake, &sent, 2)).await;
    assert_eq!(
        (rows.len(), counts.duplicates),
        (0, 3),
        "received_at, epoch and seq make no other content"
    );
    let corrected = [
        observation(&lake, "A", 0, "99.9"),
        observation(&lake, "A", 1, "120.4"),
    ];
    let (rows, counts) = admit(&mut identity, &mut appender, in_memory(&lake, &corrected, 3)).await;
    assert_eq!(
        (rows.len(), counts.corrections),
        (2, 2),
        "another value, and another flag, are corrections"
    );
}

#[tokio::test]
async fn a_content_that_was_corrected_does_not_come_back_by_being_delivered_again() {
    let folder = tempfile::tempdir().unwrap();
    let lake = lake(folder.path());
    let both = [observation(&lake, "A", 0, "1"), observation(&lake, "A", 0, "2")];
    for round in 1..=3u64 {
        // Each round is a start of its own, as of a second import.
        let mut appender = Appender::open(&lake, TableKind::Observations, "a").await.unwrap();
        let mut identity = Identity::new(&lake);
        for (n, one) in both.iter().enumerate() {
            let received = i64::try_from(round).unwrap() * 10 + i64::try_from(n).unwrap();
            let rows = in_memory(&lake, std::slice::from_ref(one), received);
            let (rows, counts) = admit(&mut identity, &mut appender, rows).await;
            assert_eq!(counts.duplicates, u64::from(round > 1), "round {round}");
            appender.append_rows(&rows, round * 10 + n as u64).await.unwrap();
        }
    }
    assert_eq!(count(&lake).await, "2");
    // The device means it: the same content under a new number.
    let mut appender = Appender::open(&lake, TableKind::Observations, "a").await.unwrap();
    let mut again = observation(&lake, "A", 0, "1");
    (again.epoch, again.seq) = ("e".to_owned(), Some(9));
    let (_, counts) = admit(
        &mut Identity::new(&lake),
        &mut appender,
        in_memory(&lake, &[again], 99),
    )
    .await;
    assert_eq!(counts.corrections, 1);
}

#[tokio::test]
async fn a_correction_by_another_writer_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let lake = lake(folder.path());
    let mut ours = Appender::open(&lake, TableKind::Observations, "ours")
        .await
        .unwrap();
    let mut identity = Identity::new(&lake);
    let numbered = |text: &str, seq| {
        let mut out = observation(&lake, "A", 0, text);
        out.seq = Some(seq);
        out
    };
    let (rows, _) = admit(&mut identity, &mut ours, in_memory(&lake, &[numbered("1", 1)], 1)).await;
    ours.append_rows(&rows, 1).await.unwrap();
    let mut theirs = Appender::open(&lake, TableKind::Observations, "theirs")
        .await
        .unwrap();
    theirs
        .append(&[batch(&lake, &[numbered("2", 2)], 2)], 1)
        .await
        .unwrap();
    let (_, counts) = admit(&mut identity, &mut ours, in_memory(&lake, &[numbered("1", 3)], 3)).await;
    assert_eq!(counts.corrections, 1);
}

#[tokio::test]
async fn a_torn_checkpoint_is_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    let lake = lake(folder.path());
    let mut appender = Appender::open(&lake, TableKind::Observations, "a").await.unwrap();
    for n in 1..=55 {
        appender
            .append(
                &[batch(&lake, &[observation(&lake, "A", n, "1")], n)],
                n.unsigned_abs(),
            )
            .await
            .unwrap();
    }
    let log = folder.path().join("observations/_delta_log");
    // It is made beside the commits, its hint last.
    let patience = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while !log.join("_last_checkpoint").exists() && std::time::Instant::now() < patience {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let mut files = std::fs::read_dir(log).unwrap().map(|entry| entry.unwrap().path());
    let checkpoint = files
        .find(|path| path.extension().is_some_and(|e| e == "parquet"))
        .expect("a checkpoint");
    let length = std::fs::metadata(&checkpoint).unwrap().len();
    std::fs::write(&checkpoint, vec![0; usize::try_from(length).unwrap()]).unwrap();
    let appender = Appender::open(&lake, TableKind::Observations, "a").await.unwrap();
    assert_eq!(appender.position(), Some(55));
    assert_eq!(count(&lake).await, "55");
}

#[tokio::test]
async fn a_table_with_more_parameters_than_the_configuration_is_appended_to() {
    let folder = tempfile::tempdir().unwrap();
    let wide = lake(folder.path());
    Appender::open(&wide, TableKind::Observations, "a").await.unwrap();
    let few: Vec<Parameter> = wide.parameters().iter().map(|(_, p)| p.clone()).take(2).collect();
    let narrow = Lake::at(
        folder.path().to_str().unwrap(),
        Arc::new(ParameterSet::new(few).unwrap()),
        wide.timezone(),
    )
    .unwrap();
    let mut appender = Appender::open(&narrow, TableKind::Observations, "a")
        .await
        .unwrap();
    let rows = in_memory(&narrow, &[observation(&narrow, "A", 0, "7")], 1);
    let (rows, _) = admit(&mut Identity::new(&narrow), &mut appender, rows).await;
    appender.append_rows(&rows, 1).await.unwrap();
    assert_eq!(
        ask(&wide, "SELECT tsp FROM observations WHERE noise IS NULL").await,
        [["7.0"]]
    );
}

#[tokio::test]
async fn a_value_that_its_column_cannot_hold_is_kept_as_it_was_sent() {
    let folder = tempfile::tempdir().unwrap();
    let lake = lake(folder.path());
    let mut appender = Appender::open(&lake, TableKind::Observations, "a").await.unwrap();
    let sent = ["115.357143", "0.25", "120.4", "123456789012"];
    let all: Vec<Observation> = (0i64..)
        .zip(sent)
        .map(|(n, text)| observation(&lake, "A", n, text))
        .collect();
    appender.append(&[batch(&lake, &all, 1)], 1).await.unwrap();
    let sql = "SELECT coalesce(CAST(tsp AS VARCHAR), '-'), coalesce(tsp_flag, 'N'), coalesce(original, '-') \
               FROM observations ORDER BY observed_at";
    let expected = [
        ["115.4", "N", "{\"tsp\":115.357143}"],
        ["0.2", "N", "{\"tsp\":0.25}"],
        ["120.4", "N", "-"],
        ["-", "T", "{\"tsp\":123456789012}"],
    ];
    assert_eq!(ask(&lake, sql).await, expected);
}

#[tokio::test]
async fn a_torn_newest_log_entry_is_set_aside_and_its_rows_can_be_appended_again() {
    let folder = tempfile::tempdir().unwrap();
    let lake = lake(folder.path());
    let rows = |n| batch(&lake, &[observation(&lake, "A", n, "1")], 1);
    let mut appender = Appender::open(&lake, TableKind::Observations, "a").await.unwrap();
    appender.append(&[rows(1)], 1).await.unwrap();
    let lost = appender.append(&[rows(2)], 2).await.unwrap();
    let entry = folder
        .path()
        .join(format!("observations/_delta_log/{:020}.json", lost.version));
    std::fs::write(&entry, b"").unwrap();
    let mut appender = Appender::open(&lake, TableKind::Observations, "a").await.unwrap();
    assert_eq!(appender.position(), Some(1));
    appender.append(&[rows(2)], 2).await.unwrap();
    assert_eq!(count(&lake).await, "2");
}

#[tokio::test]
async fn a_column_never_changes_its_type_but_a_parameter_may_be_gained() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings::load(None).unwrap();
    Appender::open(&lake(folder.path()), TableKind::Observations, "a")
        .await
        .unwrap();
    let at = |list: Vec<Parameter>| {
        let set = Arc::new(ParameterSet::new(list).unwrap());
        Lake::at(folder.path().to_str().unwrap(), set, settings.district.timezone).unwrap()
    };
    let list: Vec<Parameter> = settings.parameters.iter().map(|(_, p)| p.clone()).collect();
    let mut finer = list.clone();
    finer[0].decimals = 3;
    let refused = Appender::open(&at(finer), TableKind::Observations, "a")
        .await
        .unwrap_err();
    assert!(
        matches!(&refused, LakeError::Layout { message, .. } if message.contains("tsp")),
        "{refused}"
    );
    let mut more = list;
    more.push(Parameter {
        key: "oil_fume".to_owned(),
        decimals: 2,
        ..more[0].clone()
    });
    let wider = at(more);
    let mut appender = Appender::open(&wider, TableKind::Observations, "a")
        .await
        .unwrap();
    let mut o = observation(&wider, "A", 0, "1");
    o.reading_mut(wider.parameters().find("oil_fume").unwrap()).value = Some(Decimal::new(125, 2));
    appender.append(&[batch(&wider, &[o], 1)], 1).await.unwrap();
    assert_eq!(ask(&wider, "SELECT oil_fume FROM observations").await, [["1.25"]]);
}

#[tokio::test]
async fn touched_days_are_the_local_days_of_the_rows() {
    let folder = tempfile::tempdir().unwrap();
    let lake = lake(folder.path());
    let mut appender = Appender::open(&lake, TableKind::Observations, "a").await.unwrap();
    appender
        .append(&[batch(&lake, &[observation(&lake, "A", 0, "1")], 1)], 1)
        .await
        .unwrap();
    let before = appender.version();
    let two = [
        observation(&lake, "A", -1, "1"),
        observation(&lake, "A", 1440, "1"),
    ];
    appender.append(&[batch(&lake, &two, 1)], 2).await.unwrap();
    let day = 18_114; // 2019-08-06
    let touched = lake.touched_days(before, appender.version()).await.unwrap();
    assert_eq!(touched, TouchedDays::Days([day - 1, day + 1].into()));
    assert_eq!(
        lake.days(appender.version()).await.unwrap(),
        [day - 1, day, day + 1].into()
    );
}

#[tokio::test]
async fn replacing_a_day_of_the_rollup_leaves_the_others() {
    use datafusion::arrow::array::{
        BooleanArray, Float64Array, Int32Array, StringArray, TimestampMicrosecondArray,
    };
    let folder = tempfile::tempdir().unwrap();
    let lake = lake(folder.path());
    let day = |n: i64, mean: f64| {
        let start = MIDNIGHT + n * 86_400_000_000;
        let rows = RecordBatch::try_new(
            hourly_schema(),
            vec![
                Arc::new(StringArray::from(vec!["A"])),
                Arc::new(TimestampMicrosecondArray::from(vec![start]).with_timezone("UTC")),
                Arc::new(StringArray::from(vec!["tsp"])),
                Arc::new(Float64Array::from(vec![mean])),
                Arc::new(Float64Array::from(vec![mean])),
                Arc::new(Float64Array::from(vec![mean])),
                Arc::new(Int32Array::from(vec![60])),
                Arc::new(Int32Array::from(vec![60])),
                Arc::new(BooleanArray::from(vec![true])),
                Arc::new(StringArray::from(vec!["2019-08"])),
            ],
        );
        DayRows {
            span: start..start + 86_400_000_000,
            rows: rows.unwrap(),
        }
    };
    let replace = async |days: &[DayRows], replace, source| {
        lake.replace_days(TableKind::Hourly, days, replace, &[(ROLLUP_SOURCE, source)])
            .await
            .unwrap()
    };
    replace(&[day(0, 1.0), day(1, 2.0)], Replace::All, 5).await;
    replace(&[day(1, 9.0)], Replace::Days, 6).await;
    assert_eq!(lake.rollup_source().await.unwrap(), Some(6));
    let context = SessionContext::new();
    context
        .register_table("h", lake.read(TableKind::Hourly, None).await.unwrap().provider)
        .unwrap();
    let batches = context
        .sql("SELECT mean FROM h ORDER BY hour")
        .await
        .unwrap()
        .collect()
        .await
        .unwrap();
    let means: Vec<f64> = batches
        .iter()
        .flat_map(|b| {
            b.column(0)
                .as_primitive::<datafusion::arrow::datatypes::Float64Type>()
                .values()
                .to_vec()
        })
        .collect();
    assert_eq!(means, [1.0, 9.0]);
}

#[tokio::test]
async fn replacing_a_day_of_flags_leaves_the_others_and_says_what_it_touched() {
    use datafusion::arrow::array::{Date32Array, StringArray, TimestampMicrosecondArray};
    let folder = tempfile::tempdir().unwrap();
    let lake = lake(folder.path());
    let first = 18_114; // 2019-08-06
    let day = |n: i32, details: &[&str]| {
        let start = MIDNIGHT + i64::from(n) * 86_400_000_000;
        let text = |text: &str| Arc::new(StringArray::from(vec![text; details.len()]));
        let times = TimestampMicrosecondArray::from(vec![start; details.len()]).with_timezone("UTC");
        let rows = RecordBatch::try_new(
            qc_schema(),
            vec![
                text("A"),
                Arc::new(times),
                text("tsp"),
                text("q1"),
                text("invalid"),
                Arc::new(StringArray::from(details.to_vec())),
                Arc::new(Date32Array::from(vec![first + n; details.len()])),
            ],
        );
        DayRows {
            span: start..start + 86_400_000_000,
            rows: rows.unwrap(),
        }
    };
    let replace = async |days: &[DayRows], marks: &[Mark]| {
        lake.replace_days(TableKind::Qc, days, Replace::Days, marks)
            .await
            .unwrap()
            .version
    };
    let made = replace(
        &[day(0, &["a"]), day(1, &["b", "c"])],
        &[("qc", 5), ("settings", 77)],
    )
    .await;
    let emptied = replace(&[day(1, &[])], &[("qc", -1)]).await;
    assert_eq!(
        lake.marks(TableKind::Qc, ["settings", "qc", "other"])
            .await
            .unwrap(),
        [Some(77), None, None]
    );
    assert_eq!(
        lake.days_of(TableKind::Qc, made).await.unwrap(),
        [first, first + 1].into()
    );
    assert_eq!(
        lake.days_of(TableKind::Qc, emptied).await.unwrap(),
        [first].into()
    );
    assert_eq!(
        lake.touched_days_of(TableKind::Qc, made, emptied).await.unwrap(),
        TouchedDays::Days([first + 1].into())
    );
}

proptest! {
    #[test]
    fn local_days_are_those_of_the_calendar(
        micros in proptest::collection::vec(0i64..4_000_000_000_000_000, 1..20),
        zone in prop_oneof![Just("Asia/Shanghai"), Just("America/New_York"), Just("Asia/Kolkata")],
    ) {
        let zone: chrono_tz::Tz = zone.parse().unwrap();
        let mut days = LocalDays::new(zone);
        for m in micros {
            let date = zone.from_utc_datetime(&DateTime::from_timestamp_micros(m).unwrap().naive_utc()).date_naive();
            let expected = date.num_days_from_ce() - NaiveDate::default().num_days_from_ce();
            prop_assert_eq!(days.day_of(Time::from_micros(m)), Some(expected));
            prop_assert!(days.span_of(expected).unwrap().contains(&m));
        }
    }
}
