//! Two writers of one table: what one admitted while the other committed is not appended, but admitted again.
#![allow(clippy::unwrap_used, missing_docs)]

use dustwatch_config::Settings;
use dustwatch_lake::{Appender, Identity, Lake, LakeError, LocalDays, ObservationRows, TableKind};
use dustwatch_observation::{Decimal, Observation, Time};

const MIDNIGHT: i64 = 1_565_020_800_000_000; // 2019-08-06T00:00+08:00

/// Observations of a device at some minutes of 6 August 2019.
fn rows(lake: &Lake, minutes: std::ops::Range<i64>) -> ObservationRows {
    let mut rows = ObservationRows::new(lake.parameters().clone());
    let mut days = LocalDays::new(lake.timezone());
    for minute in minutes {
        let mut observation = Observation::new(lake.parameters().len());
        observation.device = "A".to_owned();
        observation.time = Time::from_micros(MIDNIGHT + minute * 60_000_000);
        let tsp = lake.parameters().find("tsp").unwrap();
        observation.reading_mut(tsp).value = Some(Decimal::parse(b"120.4").unwrap());
        let day = days.day_of(observation.time).unwrap();
        rows.append(&observation, observation.time, day);
    }
    rows
}

async fn physical_rows(lake: &Lake) -> u64 {
    let history = lake.history(TableKind::Observations, 1000).await.unwrap();
    history.iter().map(|entry| entry.rows_added).sum()
}

#[tokio::test]
async fn rows_that_another_writer_appended_meanwhile_are_not_appended_again() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings::load(None).unwrap();
    let uri = folder.path().to_str().unwrap();
    let lake = Lake::at(uri, settings.parameters, settings.district.timezone).unwrap();
    let open = |app_id: &'static str| Appender::open(&lake, TableKind::Observations, app_id);
    let (mut ours, mut theirs) = (open("ours").await.unwrap(), open("theirs").await.unwrap());
    let (mut our_identity, mut their_identity) = (Identity::new(&lake), Identity::new(&lake));

    // Both look before either appends.
    let (mut mine, mut yours) = (rows(&lake, 0..60), rows(&lake, 30..90));
    our_identity.admit(&mut ours, &mut mine).await.unwrap();
    their_identity.admit(&mut theirs, &mut yours).await.unwrap();
    theirs.append_admitted(&yours, 1).await.unwrap();
    let overtaken = ours.append_admitted(&mine, 1).await;
    assert!(
        matches!(overtaken, Err(LakeError::Overtaken { .. })),
        "{overtaken:?}"
    );
    assert_eq!((physical_rows(&lake).await, ours.position()), (60, None));

    // Without looking again nothing goes in either, though the appender has seen the new version.
    let unseen = ours.append_admitted(&mine, 1).await;
    assert!(matches!(unseen, Err(LakeError::Overtaken { .. })), "{unseen:?}");

    our_identity.forget_days(&mine);
    let counts = our_identity.admit(&mut ours, &mut mine).await.unwrap();
    assert_eq!((counts.admitted, counts.duplicates), (30, 30));
    ours.append_admitted(&mine, 1).await.unwrap();
    assert_eq!((physical_rows(&lake).await, ours.position()), (90, Some(1)));

    // No file lies about that no commit names.
    let data = std::fs::read_dir(folder.path().join("observations"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir() && !path.ends_with("_delta_log"))
        .flat_map(|day| std::fs::read_dir(day).unwrap())
        .count();
    assert_eq!(data, 2);
}
